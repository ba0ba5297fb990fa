"""The decoder of one replica, which reconstructs features after training."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.errors import InputError
from benchmark.core.files import packed, unpacked
from benchmark.core.names import find
from benchmark.core.rng import torch_generators
from benchmark.models.parts.decoders import GraphConvolutionDecoder, MLPDecoder
from benchmark.models.parts.likelihoods import FEATURE_LIKELIHOODS
from benchmark.training.fitted import Fitted
from benchmark.training.sparse import SparseMatrix

ROWS_AT_ONCE = 4096  # rows that are decoded together


@dataclass(frozen=True, slots=True, eq=False)
class ReplicaDecoder:
    """A decoder with the weights of one replica, on the processor.

    It is much smaller than a reconstruction. Workers receive it with the latents, and decode if a readout asks. A GPU
    gets a copy, and decodes what is scored in batches.

    Attributes:
        decoder: The decoder of features, with r = 1.
        features: f, the columns of the data.
        adjacency: Â of the replica's training graph, [n, n], for a graph convolution. None for an MLP.
    """

    decoder: MLPDecoder | GraphConvolutionDecoder
    features: int
    adjacency: sp.csr_array | None = None

    def __call__(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Decode the latents of all rows.

        Args:
            z: Latents, [n, d].

        Returns:
            The expected features, [n, f], in the units of the scaled data. Counts are shares of the row's total,
            because the total is not decoded.
        """
        smooth = z if self.adjacency is None else self.adjacency @ z
        return _decoded(self.decoder, torch.tensor(smooth), self.features).numpy()

    def to(self, device: str) -> PlacedDecoder:
        """Copy the decoder to a device."""
        adjacency = (
            None
            if self.adjacency is None
            else SparseMatrix.of(self.adjacency, device=device, dtype=torch.float32, symmetric=True)
        )
        return PlacedDecoder(deepcopy(self.decoder).to(device), self.features, adjacency)

    def packed(self) -> bytes | None:
        """The decoder as the content of an npz file; None for one whose classes a plugin defines.

        Its keys are the names of the weights, "features" and "likelihood". A graph convolution has an empty likelihood,
        and the parts of Â as a CSR matrix: "data", "indices" and "indptr".
        """
        likelihood = self.decoder.likelihood if isinstance(self.decoder, MLPDecoder) else None
        if type(self.decoder) not in (MLPDecoder, GraphConvolutionDecoder) or (
            likelihood is not None and likelihood not in FEATURE_LIKELIHOODS
        ):
            return None
        arrays: dict[str, NDArray[Any]] = {
            "features": np.array(self.features),
            "likelihood": np.array("" if likelihood is None else likelihood.name),
        }
        if self.adjacency is not None:
            arrays |= {part: getattr(self.adjacency, part) for part in ("data", "indices", "indptr")}
        return packed(arrays | {name: value.numpy() for name, value in self.decoder.state_dict().items()})

    @classmethod
    def load(cls, path: Path) -> ReplicaDecoder:
        """Read a file with the content of ``packed``. The decoder gives the same features to the bit.

        Raises:
            InputError: if the file is missing or damaged.
        """
        arrays = unpacked(path)
        try:
            features, likelihood = int(arrays.pop("features")), str(arrays.pop("likelihood"))
            parts = tuple(arrays.pop(part) for part in ("data", "indices", "indptr") if part in arrays)
            return cls(_rebuilt(arrays, features, likelihood), features, sp.csr_array(parts) if parts else None)
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError, InputError) as error:
            raise InputError(
                f"{path}: not a readable decoder ({error}); delete the file, and run the study again"
            ) from None


@dataclass(frozen=True, slots=True, eq=False)
class PlacedDecoder:
    """The decoder of one replica on a device. ``ReplicaDecoder`` has the attributes."""

    decoder: MLPDecoder | GraphConvolutionDecoder
    features: int
    adjacency: SparseMatrix | None = None

    def __call__(self, z: Tensor) -> Tensor:
        """Decode the latents of all rows on the device: from [n, d] to float32 [n, f], as ``ReplicaDecoder`` does."""
        smooth = z if self.adjacency is None else self.adjacency @ z
        return _decoded(self.decoder, smooth, self.features)


@torch.no_grad()
def _decoded(decoder: MLPDecoder | GraphConvolutionDecoder, z: Tensor, features: int) -> Tensor:
    """Decode z, [n, d], some rows at a time, to float32 [n, f]."""
    found = torch.empty(len(z), features, device=z.device)
    for start in range(0, len(z), ROWS_AT_ONCE):
        rows = z[start : start + ROWS_AT_ONCE].to(decoder.output.weight.dtype)
        found[start : start + ROWS_AT_ONCE] = decoder.decode(rows[None])[0]
    return found


def decoders_of(fitted: Fitted) -> list[ReplicaDecoder]:
    """The decoder of each replica of a fitted model.

    Raises:
        ValueError: if the model has no decoder of features.
    """
    network, inputs = fitted.network, fitted.inputs
    decoder = None if network is None else network.decoder
    if inputs is None or not isinstance(decoder, MLPDecoder | GraphConvolutionDecoder):
        raise ValueError("the model has no decoder of features, so nothing can be decoded")
    adjacency = None
    if isinstance(decoder, GraphConvolutionDecoder) and inputs.graph is not None:
        adjacency = inputs.graph.adjacency
    return [
        ReplicaDecoder(
            _of_replica(decoder, replica),
            inputs.features.shape[-1],
            None if adjacency is None else _block(adjacency, replica, inputs.rows),
        )
        for replica in range(inputs.replicas)
    ]


def _rebuilt(weights: dict[str, NDArray[Any]], features: int, likelihood: str) -> MLPDecoder | GraphConvolutionDecoder:
    """The decoder of one replica with these weights, by name."""
    state = {name: torch.from_numpy(value) for name, value in weights.items()}
    widths = [value.shape[1] for name, value in weights.items() if name.endswith(".weight")]  # of inputs, in order

    def streams(name: str) -> list[torch.Generator]:
        return torch_generators((0,), name, device="cpu")  # the weights that are drawn are replaced

    decoder: MLPDecoder | GraphConvolutionDecoder
    if likelihood:
        decoder = MLPDecoder(
            streams,
            features,
            tuple(reversed(widths[1:])),
            widths[0],
            find(FEATURE_LIKELIHOODS, "likelihood", likelihood),
            bias="output.bias" in state,
            centre=state.get("centre"),
        )
    else:
        decoder = GraphConvolutionDecoder(streams, features, widths[0])
    decoder.to(state["output.weight"].dtype).load_state_dict(state)
    return decoder.requires_grad_(False)


def _of_replica(decoder: MLPDecoder | GraphConvolutionDecoder, replica: int) -> MLPDecoder | GraphConvolutionDecoder:
    """A copy of the decoder with the weights of one replica."""
    copy = deepcopy(decoder)
    for parameter in copy.parameters():
        parameter.data = parameter.data[replica, None].cpu().clone()
        parameter.requires_grad_(False)
    for buffer in copy.buffers():
        own = buffer.data if buffer.dim() < 3 else buffer.data[replica, None]  # three axes: one entry for each replica
        buffer.data = own.cpu()
    return copy


def _block(adjacency: SparseMatrix, replica: int, n: int) -> sp.csr_array:
    """Â of one replica, [n, n], from the block-diagonal matrix of all replicas."""
    matrix = adjacency.matrix
    rows = matrix.crow_indices()[replica * n : (replica + 1) * n + 1].cpu().numpy()
    first, last = int(rows[0]), int(rows[-1])
    columns = matrix.col_indices()[first:last].cpu().numpy() - replica * n
    values = matrix.values()[first:last].cpu().numpy()
    return sp.csr_array((values, columns, rows - first), shape=(n, n))
