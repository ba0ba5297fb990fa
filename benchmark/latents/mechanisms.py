"""The mechanisms that the claim's sources describe, as numbers of a trained model.

Continuity and completeness decode lines and samples of the prior. Robustness decodes noise. The dynamics of the noise
come from the training curve.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import nan
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from benchmark.core.rng import generator
from benchmark.models.parts.decoders import MLPDecoder
from benchmark.training.curves import Curve
from benchmark.training.fitted import Fitted, Matrices
from benchmark.training.inputs import Inputs
from benchmark.training.loop import reconstructed, reconstructed_sample
from benchmark.training.mixture import Mixture
from benchmark.training.phases import LAST, Network
from benchmark.training.posteriors import DiagonalGaussian, Posterior, VonMisesFisher, sample
from benchmark.training.random_streams import random_streams
from benchmark.training.sphere import unit

Numbers: TypeAlias = dict[str, float | list[float]]
Decode: TypeAlias = Callable[[Tensor], Tensor]  # from latents [m, d] to features [m, f]
PriorSampler: TypeAlias = Callable[[int, np.random.Generator], Tensor]  # from a number m to samples, [m, d]

PAIRS = 100  # lines between the means of two rows
STEPS = 20  # of each line
ROWS = 1000  # most rows that decoded samples are compared with; as many samples are decoded
WITHIN = 0.95  # share of the rows that have another row within the radius of completeness
NOISE = (0.1, 0.2, 0.5, 1.0, 2.0)  # τ of robustness


def mechanisms(fitted: Fitted, seeds: Sequence[int]) -> list[Numbers]:
    """Measure the mechanisms of every replica.

    Args:
        fitted: The trained model.
        seeds: The seed of each replica. It chooses rows, pairs and samples.

    Returns:
        Numbers by name for each replica. A value that is not defined is NaN. A control has no numbers. Continuity and
        completeness need finite latents and an MLP that decodes features. The dynamics need noise in training.

        - continuity: the median of ``stretches`` over 100 lines between the means of two random rows. On the sphere a
          line is an arc.
        - completeness_precision, completeness_recall: see ``completeness``. The samples are from the model's prior:
          N(0, I), uniform on the sphere, or learned. A point has no prior, and N(0, I) is used for it.
        - completeness_precision_fitted, completeness_recall_fitted: the samples are from the Gaussian with the mean and
          covariance of drawn latents. It suits points better. Source: Ghosh et al. (2020), arXiv 1903.12436.
        - robustness: the reconstruction of decode(μ + τε) in nats per row, with ε from N(0, I). The first entry has
          τ = 0, the next ones the τ of NOISE.
        - robustness_scaled: the same with τs in place of τ, where s² is the variance of the means, averaged over
          dimensions. The signal-to-noise ratio is then 1/τ², so latents of any scale can be compared.
        - noise_start and so on: see ``dynamics``.
    """
    network, inputs, q = fitted.network, fitted.inputs, fitted.latents
    if network is None or inputs is None or isinstance(q, Matrices):
        return [{} for _ in seeds]
    scale = q.mean.var(1, correction=0).mean(-1).sqrt()[:, None, None]
    of_means = reconstructed(network, inputs, q.mean, seeds, q.mean.device.type)
    of_noise = [_with_noise(network, inputs, q, each, seeds) for each in (torch.ones_like(scale), scale)]
    absolute, relative = (torch.stack([of_means, *each], 1).tolist() for each in of_noise)
    decoded = _decoded(network, inputs, q, fitted.mixture, seeds)
    return [
        {**decoded[r], "robustness": absolute[r], "robustness_scaled": relative[r], **dynamics(fitted.curves[r])}
        for r in range(len(seeds))
    ]


def _with_noise(network: Network, inputs: Inputs, q: Posterior, scale: Tensor, seeds: Sequence[int]) -> list[Tensor]:
    """The reconstruction of every replica, [r], with noise of each τ of NOISE times ``scale``."""
    noisy = [DiagonalGaussian(q.mean, (tau * scale).expand_as(q.mean)) for tau in NOISE]
    return [reconstructed_sample(network, inputs, each, seeds, q.mean.device.type) for each in noisy]


@torch.no_grad()
def _decoded(
    network: Network, inputs: Inputs, q: Posterior, mixture: Mixture | None, seeds: Sequence[int]
) -> list[Numbers]:
    """Continuity and completeness of every replica. There are no numbers without a decoder of features."""
    decoder, x = network.decoder, inputs.features
    if not isinstance(decoder, MLPDecoder) or not isinstance(x, Tensor):
        return [{} for _ in seeds]
    if decoder.likelihood.counts:
        x = x / x.sum(-1, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)  # the decoder gives shares
    drawn = sample(q, random_streams(seeds, "mechanisms", "sample", device=x.device.type))

    def decode_of(replica: int) -> Decode:
        weights = {name: weight[replica, None] for name, weight in decoder.named_parameters()}

        def decode(z: Tensor) -> Tensor:
            placed = unit(z) if isinstance(q, VonMisesFisher) else z
            output, _ = functional_call(decoder, weights, (placed.to(q.mean)[None],))
            return decoder.likelihood.mean(output)[0]

        return decode

    learned = [None if mixture is None else partial(mixture.samples, r) for r in range(len(seeds))]
    return [
        _of_features(decode_of(r), learned[r], q.mean[r], drawn[r], x, generator(seed, "mechanisms"))
        for r, seed in enumerate(seeds)
    ]


def _of_features(
    decode: Decode, learned: PriorSampler | None, mean: Tensor, drawn: Tensor, x: Tensor, rng: np.random.Generator
) -> Numbers:
    if not bool(drawn.isfinite().all()):
        return {}
    n, d = mean.shape
    ends = torch.as_tensor(np.stack([rng.choice(n, size=2, replace=n < 2) for _ in range(PAIRS)]), device=x.device)
    rows = x[torch.as_tensor(rng.choice(n, size=min(ROWS, n), replace=False), device=x.device)]
    normal = torch.as_tensor(rng.standard_normal((len(rows), d)), device=x.device)
    of_model = normal if learned is None else learned(len(rows), rng)
    stretched = stretches(decode, mean[ends[:, 0]], mean[ends[:, 1]])
    of_prior, of_fitted = (completeness(decode(z), rows) for z in (of_model, _with_moments_of(drawn, normal)))
    return {
        "continuity": stretched.nanmedian().item(),
        "completeness_precision": of_prior[0],
        "completeness_recall": of_prior[1],
        "completeness_precision_fitted": of_fitted[0],
        "completeness_recall_fitted": of_fitted[1],
    }


def _with_moments_of(drawn: Tensor, normal: Tensor) -> Tensor:
    """Turn standard normal rows [m, d] into rows of the Gaussian with the mean and covariance of ``drawn``, [n, d]."""
    centre = drawn.double().mean(0)
    centred = drawn.double() - centre
    variance, directions = torch.linalg.eigh(centred.T @ centred / len(drawn))
    made: Tensor = centre + normal @ (directions * variance.clamp(min=0.0).sqrt()).T
    return made


def stretches(decode: Decode, first: Tensor, last: Tensor) -> Tensor:
    """Compute how unevenly decoded lines move: the largest step over the mean step, in feature space.

    A line has 20 equal steps in the latent space. A decoder that is linear gives 1. One that jumps once gives 20.

    Args:
        decode: The decoder.
        first: Starts of the lines, [p, d].
        last: Their ends, [p, d].

    Returns:
        [p]. NaN for a line whose decoded points are all equal.

    >>> stretches(lambda z: z.floor(), torch.tensor([[0.0]]), torch.tensor([[1.0]])).tolist()
    [20.0]
    """
    part = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64, device=first.device)[:, None]
    line = first[:, None] + part * (last - first)[:, None]
    points = decode(line.flatten(0, 1)).double().reshape(len(first), STEPS + 1, -1)
    steps: Tensor = torch.linalg.vector_norm(points.diff(dim=1), dim=-1)
    return steps.amax(1) / steps.mean(1)


def completeness(made: Tensor, rows: Tensor) -> tuple[float, float]:
    """Compute the precision and recall of decoded samples against rows of the data.

    A sample and a row are near if their distance is at most the radius within which 95 % of the rows have another row.
    Precision is the share of samples that are near some row. Recall is the share of rows that are near some sample.
    As many fresh rows of the same distribution would reach about 0.95 in both. Kynkäänniemi et al. (2019), arXiv
    1904.06991, with one radius for all rows in place of one for each row.

    Args:
        made: Decoded samples, [m, f].
        rows: Rows of the data, [n, f].

    Returns:
        Precision and recall; NaN for a single row.

    >>> rows = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> completeness(torch.tensor([[0.4], [9.0]]), rows)
    (0.5, 0.5)
    """
    if len(rows) < 2:
        return nan, nan
    rows = rows.double()
    radius = torch.cdist(rows, rows).fill_diagonal_(torch.inf).amin(1).quantile(WITHIN)
    near = torch.cdist(made.double(), rows) <= radius
    return near.any(1).double().mean().item(), near.any(0).double().mean().item()


def dynamics(curve: Curve) -> Numbers:
    """Find the least noise of the training, and where the divergence stood then.

    The curve has the first epoch and 20 more of the last phase, so the share is exact to about 1/40, and a minimum in
    the first twentieth is missed. On digits and cora, curves of every epoch gave a least σ at most 3 % lower.

    Returns:
        No numbers without noise in training. Else σ averaged over rows and dimensions in the first epoch (noise_start),
        at its minimum (noise_least) and in the last epoch (noise_end); the share of the phase that was over at the
        minimum (noise_least_at); and the divergence of the loss in nats per row at the same three epochs. That of an
        importance-weighted bound is no KL divergence.

    >>> dynamics(Curve((1, 5, 10), ("whole",) * 3, (9.0,) * 3, (8.0,) * 3, (1.0, 3.0, 2.0), (1.0, 0.2, 0.4)))[
    ...     "noise_least_at"
    ... ]
    0.5
    """
    last = [i for i, phase in enumerate(curve.phase) if phase == LAST]
    if not last or not any(curve.std[i] for i in last):
        return {}
    least = min(last, key=lambda i: curve.std[i])
    before = curve.epoch[last[0]] - 1
    return {
        "noise_start": curve.std[last[0]],
        "noise_least": curve.std[least],
        "noise_end": curve.std[last[-1]],
        "noise_least_at": (curve.epoch[least] - before) / (curve.epoch[last[-1]] - before),
        "divergence_start": curve.divergence[last[0]],
        "divergence_least_noise": curve.divergence[least],
        "divergence_end": curve.divergence[last[-1]],
    }
