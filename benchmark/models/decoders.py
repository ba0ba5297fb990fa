"""Decoders: from latents [r, n, d] to the reconstruction term of the objective."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from benchmark.models.base import Inputs
from benchmark.models.layers import Linear, SparseMatrix, Streams
from benchmark.models.objectives import FeatureLikelihood, PairLikelihood, pair_cross_entropy


class Decoder(Protocol):
    """What a row names as its decoder."""

    def reconstruction(self, z: Tensor, inputs: Inputs, *, value: bool) -> Tensor:
        """Nats per row of the inputs given latents z [r, n, d]: a mean over rows, [r]; may be NaN if not ``value``."""


class MLPDecoder(nn.Module):
    """d–h, ReLU, h–f: the mirror of the MLP encoder."""

    def __init__(
        self, streams: Streams, features: int, hidden: int, latent: int, likelihood: FeatureLikelihood
    ) -> None:
        super().__init__()
        self.hidden = Linear(streams, "decoder.hidden", latent, hidden)
        self.output = Linear(streams, "decoder.output", hidden, features)
        self.likelihood = likelihood

    def forward(self, z: Tensor) -> Tensor:
        """Logits or means of the features, [r, n, f]."""
        output: Tensor = self.output(self.hidden(z).relu())
        return output

    def reconstruction(self, z: Tensor, inputs: Inputs, *, value: bool) -> Tensor:  # noqa: ARG002, the value costs nothing here
        if isinstance(inputs.features, SparseMatrix):
            raise ValueError("a decoder of features needs dense features")
        return self.likelihood.negative_log(inputs.features, self(z)).mean(-1)


class InnerProduct(nn.Module):
    """Logits z zᵀ of all ordered pairs against A + I; no parameters. Kipf and Welling (2016), eq. 2."""

    def __init__(self, streams: Streams, features: int, hidden: int, latent: int, likelihood: PairLikelihood) -> None:  # noqa: ARG002
        super().__init__()
        self.likelihood = likelihood

    def reconstruction(self, z: Tensor, inputs: Inputs, *, value: bool) -> Tensor:
        graph = inputs.graph
        if graph is None:
            raise ValueError("a decoder of edges needs inputs with a graph")
        weight, norm = self.likelihood.weights(graph.nodes, graph.counts)
        return pair_cross_entropy(z, graph.ends, weight, norm, value=value) / graph.nodes
