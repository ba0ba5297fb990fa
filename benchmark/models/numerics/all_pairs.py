"""Sums over all n² logits z_a·z_b: by fused kernels on a GPU that runs them, else in blocks."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from benchmark.models.numerics.upper_blocks import gradient_in_blocks, softplus_in_blocks
from benchmark.training.fused_kernels import largest_difference, why_no_kernels

_WIDEST = 128  # latent dimensions of the kernels; a tile of wider latents does not fit in the registers of a GPU


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

    Args:
        device: Number of the GPU.
    """
    return why_no_kernels(device, _largest_error)


def _largest_error(device: torch.device) -> float:
    """The larger relative difference of the kernels from the blocks on a few rows."""
    from benchmark.models.numerics.pair_kernels import fused_gradient, fused_softplus

    z = torch.linspace(-2.0, 2.0, 300, device=device).view(1, 100, 3)
    pairs = (fused_gradient(z), gradient_in_blocks(z)), (fused_softplus(z), softplus_in_blocks(z))
    return largest_difference(pairs)
