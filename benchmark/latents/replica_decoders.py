"""The decoder of one replica, which reconstructs features after training."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from benchmark.models.parts.decoders import GraphConvolutionDecoder, MLPDecoder
from benchmark.training.fitted import Fitted
from benchmark.training.sparse import SparseMatrix

ROWS_AT_ONCE = 4096  # rows that are decoded together


@dataclass(frozen=True, slots=True, eq=False)
class ReplicaDecoder:
    """A decoder with the weights of one replica, on the processor.

    It is much smaller than a reconstruction. Workers receive it with the latents, and decode if a readout asks.

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
        decoded = np.empty((len(z), self.features), dtype=np.float32)
        with torch.no_grad():
            for start in range(0, len(z), ROWS_AT_ONCE):
                rows = torch.tensor(smooth[start : start + ROWS_AT_ONCE], dtype=self.decoder.output.weight.dtype)
                decoded[start : start + ROWS_AT_ONCE] = self.decoder.decode(rows[None])[0].numpy()
        return decoded


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


def _of_replica(decoder: MLPDecoder | GraphConvolutionDecoder, replica: int) -> MLPDecoder | GraphConvolutionDecoder:
    """A copy of the decoder with the weights of one replica."""
    copy = deepcopy(decoder)
    for parameter in copy.parameters():
        parameter.data = parameter.data[replica, None].cpu().clone()
        parameter.requires_grad_(False)
    for buffer in copy.buffers():
        buffer.data = buffer.data.cpu()
    return copy


def _block(adjacency: SparseMatrix, replica: int, n: int) -> sp.csr_array:
    """Â of one replica, [n, n], from the block-diagonal matrix of all replicas."""
    matrix = adjacency.matrix
    rows = matrix.crow_indices()[replica * n : (replica + 1) * n + 1].cpu().numpy()
    first, last = int(rows[0]), int(rows[-1])
    columns = matrix.col_indices()[first:last].cpu().numpy() - replica * n
    values = matrix.values()[first:last].cpu().numpy()
    return sp.csr_array((values, columns, rows - first), shape=(n, n))
