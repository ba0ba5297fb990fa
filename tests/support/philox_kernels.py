"""Run or compile the kernel of random numbers without a GPU, and print what was found as JSON.

usage: python tests/support/philox_kernels.py interpret|compile
"""

import json
import os
import sys

import torch
from triton_kernels import CARDS, let_scalars_be_indices

KEYS = (0, 1, 2**63 - 1, 0x299F31D0_A4093822)  # the last is the key of Random123's third known answer
DRAWS = (0, 2**32 - 1, 2**40 + 3, 0x03707344_13198A2E)
SIZES = (1, 2, 5, 1023, 1025, 3001)
LAWS = ("uniform", "normal")


def interpreted():
    """For every law, type and size: whether kernel and torch agree to the bit, and by how much they differ."""
    from benchmark.training.philox import drawn_by_torch
    from benchmark.training.philox_kernel import filled

    let_scalars_be_indices()
    keys, draws = torch.tensor(KEYS), torch.tensor(DRAWS)
    for law in LAWS:
        for dtype in (torch.float32, torch.float64):
            for size in SIZES:
                found = filled(law == "normal", keys, draws, size, dtype)
                expected = drawn_by_torch(law, keys, draws, size, dtype)
                yield {
                    "law": law,
                    "double": dtype == torch.float64,
                    "shape": list(found.shape),
                    "equal": bool(torch.equal(found, expected)),
                    "difference": float((found - expected).abs().max()),
                }


def compiled():
    """Bytes of shared memory of the kernel in each form, compiled for each card."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from benchmark.training import philox_kernel

    for card in CARDS:
        for normal in (True, False) if card == CARDS[-1] else (True,):
            for double in (True, False):
                chosen = {"normal": normal, "double": double, "blocks": philox_kernel._BLOCKS}
                kinds = {"out": "*fp64" if double else "*fp32", "keys": "*i64", "draws": "*i64", "size": "i32"}
                source = ASTSource(philox_kernel._fill, kinds | dict.fromkeys(chosen, "constexpr"), chosen)
                options = {"enable_fp_fusion": True}
                made = triton.compile(source, target=GPUTarget("cuda", card, 32), options=options)
                yield {"card": card, "normal": normal, "double": double, "shared": made.metadata.shared}


if __name__ == "__main__":
    if sys.argv[1] == "interpret":
        os.environ["TRITON_INTERPRET"] = "1"
    print(json.dumps(list(interpreted() if sys.argv[1] == "interpret" else compiled())))
