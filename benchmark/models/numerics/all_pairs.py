"""Sums over all n² logits z_a·z_b: by fused kernels on a GPU that runs them, else in blocks."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

from benchmark.models.numerics.upper_blocks import gradient_in_blocks, softplus_in_blocks

_WIDEST = 128  # latent dimensions of the kernels; a tile of wider latents does not fit in the registers of a GPU
_TF32 = (8, 0)  # the first compute capability with TF32 products
_MOST_ERROR = 1e-5  # relative; products in plain TF32 are wrong by 1e-3


def softplus_of_all_pairs(z: Tensor, block: int | None = None) -> Tensor:
    """Sum softplus(z_a·z_b) over all n² ordered pairs of rows.

    Args:
        z: [r, n, d].
        block: Rows of a block. Default: the fused kernel if it can be used, else a size that suits the device.

    Returns:
        [r] in float64.

    >>> round(softplus_of_all_pairs(torch.zeros(1, 3, 2)).item(), 4)  # nine pairs with logit 0: 9 log 2
    6.2383
    """
    if block is not None or not _fused(z):
        return softplus_in_blocks(z, block)
    from benchmark.models.numerics.pair_kernels import fused_softplus  # needs Triton

    return fused_softplus(z)


def gradient_of_all_pairs(z: Tensor, block: int | None = None) -> Tensor:
    """Compute the gradient of ``softplus_of_all_pairs``: 2 Σ_b g(z_i·z_b) z_b for row i, with g the logistic function.

    Args:
        z: [r, n, d].
        block: Rows of a block. Default: the fused kernel if it can be used, else a size that suits the device.

    Returns:
        [r, n, d].

    >>> gradient_of_all_pairs(torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]))[0, 1].tolist()  # 2 · g(0) · (1, 0)
    [1.0, 0.0]
    """
    if block is not None or not _fused(z):
        return gradient_in_blocks(z, block)
    from benchmark.models.numerics.pair_kernels import fused_gradient  # needs Triton

    return fused_gradient(z)


def _fused(z: Tensor) -> bool:
    """Whether the fused kernels sum the pairs of z."""
    return z.is_cuda and z.dtype == torch.float32 and z.shape[-1] <= _WIDEST and not why_blocks(z.device.index)


@cache
def why_blocks(device: int = 0) -> str:
    """Say why a GPU does not run the fused kernels. An empty text means that the GPU runs them.

    The kernels are compiled once and compared with the blocks. Triton may lack a C compiler, the headers of Python or a
    driver that it knows.

    Args:
        device: Number of the GPU.
    """
    if not torch.cuda.is_available():
        return "no GPU"
    if torch.version.cuda is None:
        return "this torch is built for GPUs without CUDA"
    if torch.cuda.get_device_capability(device) < _TF32:
        return "the GPU has no TF32 products"
    if find_spec("triton") is None:
        return "Triton is not installed"
    z = torch.linspace(-2.0, 2.0, 300, device=torch.device("cuda", device)).view(1, 100, 3)
    try:
        from benchmark.models.numerics.pair_kernels import fused_gradient, fused_softplus

        worst = max(
            _distance(fused_gradient(z), gradient_in_blocks(z)), _distance(fused_softplus(z), softplus_in_blocks(z))
        )
    except torch.OutOfMemoryError:
        raise  # says nothing about the kernels
    except Exception as failure:  # noqa: BLE001, the blocks do the work, and ``doctor`` shows the reason
        return f"Triton fails here: {type(failure).__name__}: {' '.join(str(failure).split())}"
    return "" if worst < _MOST_ERROR else f"the kernels of Triton differ from the blocks by {worst:.1g}"


def _distance(found: Tensor, expected: Tensor) -> float:
    """The relative distance of two tensors in the Euclidean norm."""
    return float((found - expected).norm() / expected.norm())
