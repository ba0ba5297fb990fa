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
    """Make one training phase per encoder layer, the first layer first. Bengio et al. (2007).

    Each phase trains one encoder layer and its mirror image in the decoder as an autoencoder, on the output of the
    layers before. The first reconstructs the features under the model's own likelihood. The others reconstruct the
    activations below under ½‖·‖². Penalties and divergences belong to the whole model and are left out.

    Args:
        model: An autoencoder made of an MLP and its mirror image.

    Raises:
        ValueError: if encoder or decoder is not an MLP.
    """
    encoder, decoder = model.encoder, model.decoder
    if not isinstance(encoder, MLP) or not isinstance(decoder, MLPDecoder):
        raise ValueError("layers can be pre-trained one by one only in an MLP with an MLP decoder")
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
    """The loss of one phase: nats per row, [r].

    Args:
        encoding: The encoder layers up to the trained one.
        mirror: The decoder layer that mirrors the trained one.
        likelihood: Likelihood of the features, for the first layer.
        depth: Encoder layers of the whole model. The last has no ReLU.
        inputs: A batch.
    """
    x = inputs.features
    if isinstance(x, SparseMatrix):
        raise ValueError("a decoder of features needs dense features: pass dense=True to Inputs.of")
    below: Tensor = x
    with torch.no_grad():
        for layer in encoding[:-1]:
            below = layer(below).relu()
    z = encoding[-1](below)
    output = mirror(z if len(encoding) == depth else z.relu())
    cost = likelihood.negative_log(x, output) if len(encoding) == 1 else gaussian(below, output)
    return Loss.of_cost(cost.mean(-1))
