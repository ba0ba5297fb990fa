"""Greedy layer-wise pre-training of a deep autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from benchmark.models.parts.decoders import MLPDecoder
from benchmark.models.parts.encoders import MLP
from benchmark.models.parts.likelihoods import FeatureLikelihood, gaussian
from benchmark.models.systems.autoencoder import Autoencoder
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Loss, Phase, Step
from benchmark.training.sparse import SparseMatrix


def layer_wise(model: Autoencoder) -> tuple[Phase, ...]:
    """One phase a layer, each an autoencoder of one layer on what the layers before it give. Bengio et al. (2007).

    The first reconstructs the features under the row's own likelihood, the others the activations below under ½‖·‖²; a
    layer is decoded by its mirror image. No penalty is paid: those are the whole model's. MLPs only.
    """
    encoder, decoder = model.encoder, model.decoder
    if not isinstance(encoder, MLP) or not isinstance(decoder, MLPDecoder):
        raise ValueError("layers are pre-trained one by one in an MLP with its mirror image")
    encoding = [*encoder.hidden, encoder.heads[0]]
    decoding = [decoder.output, *reversed(decoder.hidden)]
    return tuple(
        Phase(
            f"layer {depth + 1}",
            partial(_layer_loss, encoding[: depth + 1], decoding[depth], decoder.likelihood, len(encoding)),
            (*encoding[depth].parameters(), *decoding[depth].parameters()),
        )
        for depth in range(len(encoding))
    )


def _layer_loss(
    encoding: Sequence[nn.Module],
    mirror: nn.Module,
    likelihood: FeatureLikelihood,
    depth: int,
    inputs: Inputs,
    _step: Step,
) -> Loss:
    x = inputs.features
    if isinstance(x, SparseMatrix):
        raise ValueError("a decoder of features needs dense features")
    below: Tensor = x
    with torch.no_grad():
        for layer in encoding[:-1]:
            below = layer(below).relu()
    z = encoding[-1](below)
    output = mirror(z if len(encoding) == depth else z.relu())
    cost = likelihood.negative_log(x, output) if len(encoding) == 1 else gaussian(below, output)
    return Loss.of_cost(cost.mean(-1))
