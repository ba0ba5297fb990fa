"""Drawings: images and edges that trained decoders make from latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array, csgraph
from scipy.stats import norm
from torch import Tensor

from benchmark.core.rng import generator
from benchmark.models.parts.decoders import InnerProduct, MLPDecoder
from benchmark.training.fitted import Fitted
from benchmark.training.inputs import Inputs
from benchmark.training.mixture import Mixture
from benchmark.training.posteriors import DiagonalGaussian, Posterior, VonMisesFisher, sample
from benchmark.training.random_streams import random_streams

Float = TypeVar("Float", np.float32, np.float64)
Drawings: TypeAlias = dict[str, NDArray[np.generic]]

SHOWN = 10  # reconstructed rows, and steps of a line
PRIOR_SAMPLES = 30
GRID = 15  # points along each side of the grid
HIGHEST, LOWEST = 4, 2  # traversed dimensions with the highest and with the lowest signal-to-noise ratios
STEPS = np.linspace(-2, 2, 9)  # of a traversal, in standard deviations of the aggregate
NODES = 200  # most nodes of a drawn graph


def generate(
    fitted: Fitted, seeds: Sequence[int], shown: Literal["images", "edges"], shape: tuple[int, int] | None
) -> list[Drawings]:
    """Draw images with a decoder of features, or edges with an inner product, for every replica.

    Args:
        fitted: The trained model.
        seeds: The seed of each replica.
        shown: The kind of drawings.
        shape: Height and width of the images.

    Raises:
        ValueError: if the model has no decoder, or the decoder cannot make such drawings of the data.
    """
    if fitted.network is None or fitted.inputs is None:
        raise ValueError("a control has no decoder and makes no drawings")
    decoder, inputs = fitted.network.decoder, fitted.inputs
    if shown == "edges" and isinstance(decoder, InnerProduct):
        return edges(fitted.posterior, inputs, seeds)
    if shown == "images" and isinstance(decoder, MLPDecoder) and shape is not None:
        return images(decoder, fitted.posterior, inputs, seeds, shape, fitted.mixture)
    raise ValueError(f"a {type(decoder).__name__} makes no {shown} of these data")


@torch.no_grad()
def images(
    decoder: MLPDecoder,
    posterior: Posterior,
    inputs: Inputs,
    seeds: Sequence[int],
    shape: tuple[int, int],
    mixture: Mixture | None = None,
) -> list[Drawings]:
    """Decode rows, samples of the prior, a line, traversals, and with d = 2 a grid, into images.

    Args:
        decoder: A decoder of features.
        posterior: Posteriors of all rows. The mean is [r, n, d].
        inputs: The data, with features that are the pixels of an image.
        seeds: The seed of each replica.
        shape: Height and width of the images.
        mixture: The learned prior, if the model has one.

    Returns:
        Arrays by name for each replica. Images are float32 and end in [height, width].

        - rows [s]: random row numbers.
        - inputs, reconstructions, sampled_reconstructions [s, …]: these rows, decoded means, and decoded samples.
        - prior [p, …]: decoded samples of the prior. A point has no prior, so N(0, I) is used.
        - line_rows [2], line [s, …]: two rows, and the decoded line between their means with both ends.
        - signal_per_dimension, noise_per_dimension [d]: the variance of the means over the rows, and the mean of σ².
        - traversed [t], traversal_steps [s], traversal [t, s, …]: dimensions, steps and images, see ``traversals``.
          Only Gaussian posteriors have these and the two arrays before: a point has no noise, and a step along one
          coordinate leaves a sphere.
        - grid_latents [g, g, 2], grid [g, g, …]: with d = 2, the quantiles of the prior along both axes, and their
          images. A point, a sphere and a learned prior use the quantiles of the latents. Source: Kingma and Welling
          (2014), figure 4.

    Raises:
        ValueError: if the features are not the pixels of an image of this shape.
    """
    height, width = shape
    if not isinstance(inputs.features, Tensor) or inputs.features.shape[-1] != height * width:
        raise ValueError(f"{inputs.features.shape[-1]} features are not the pixels of a {height}x{width} image")
    z, n, d = posterior.mean, posterior.mean.shape[1], posterior.mean.shape[2]
    drawn = sample(posterior, random_streams(seeds, "generation", "sample", device=z.device.type))

    def decoded(latents: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        made = decoder.decode(torch.tensor(np.stack(latents), dtype=z.dtype, device=z.device))
        return made.float().cpu().numpy().reshape(len(seeds), -1, height, width)

    rngs = [generator(seed, "generation") for seed in seeds]
    shown = [np.sort(rng.choice(n, size=min(SHOWN, n), replace=False)) for rng in rngs]
    pairs = [rng.choice(n, size=2, replace=n < 2) for rng in rngs]
    means, samples = z.float().cpu().numpy(), drawn.float().cpu().numpy()
    steps = np.linspace(0, 1, SHOWN, dtype=np.float32)[:, None]
    made = {
        "reconstructions": decoded([means[r, rows] for r, rows in enumerate(shown)]),
        "sampled_reconstructions": decoded([samples[r, rows] for r, rows in enumerate(shown)]),
        "prior": decoded(
            [
                _of_prior(posterior, rng.standard_normal((PRIOR_SAMPLES, d), dtype=np.float32))
                if mixture is None
                else mixture.samples(r, PRIOR_SAMPLES, rng).cpu().numpy().astype(np.float32)
                for r, rng in enumerate(rngs)
            ]
        ),
        "line": decoded(
            [(1 - steps) * means[r, one] + steps * means[r, other] for r, (one, other) in enumerate(pairs)]
        ),
    }
    x = inputs.features.float().cpu().numpy().reshape(n, height, width)
    found: list[Drawings] = [
        {"rows": rows, "line_rows": pairs[r], "inputs": x[rows], **{key: value[r] for key, value in made.items()}}
        for r, rows in enumerate(shown)
    ]
    if isinstance(posterior, DiagonalGaussian):
        stds = posterior.std.float().cpu().numpy()
        paths = [traversals(mean, std) for mean, std in zip(means, stds, strict=True)]
        along = decoded([path.latents.reshape(-1, d) for path in paths])
        for drawings, path, pictures in zip(found, paths, along, strict=True):
            drawings |= {
                "signal_per_dimension": path.signal,
                "noise_per_dimension": path.noise,
                "traversed": path.dimensions,
                "traversal_steps": STEPS,
                "traversal": pictures.reshape(*path.latents.shape[:2], height, width),
            }
    if d == 2:
        normal = isinstance(posterior, DiagonalGaussian) and mixture is None
        axes = [_axes(mean, normal=normal) for mean in means]
        squares = [np.stack(np.meshgrid(*pair, indexing="ij"), axis=-1) for pair in axes]
        grids = decoded([square.reshape(-1, 2) for square in squares])
        for drawings, square, grid in zip(found, squares, grids, strict=True):
            drawings["grid_latents"] = square
            drawings["grid"] = grid.reshape(GRID, GRID, height, width)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Traversals:
    """Latents that differ in one dimension each.

    Attributes:
        signal: Variance of the means over the rows, [d].
        noise: Mean of σ² over the rows, [d].
        dimensions: The traversed dimensions, [t], in the order of falling signal-to-noise ratios.
        latents: [t, s, d].
    """

    signal: NDArray[np.float64]
    noise: NDArray[np.float64]
    dimensions: NDArray[np.int64]
    latents: NDArray[np.float32]


def traversals(mean: NDArray[np.float32], std: NDArray[np.float32]) -> Traversals:
    """Move along single dimensions through the average latent, by up to two standard deviations of the aggregate.

    The signal-to-noise ratio of a dimension is Var(μ_j)/E[σ_j²]. The dimensions with the HIGHEST first and the LOWEST
    last ratios are traversed. The variance of the aggregate is Var(μ_j) + E[σ_j²].

    Args:
        mean: Means of all rows, [n, d].
        std: Their standard deviations, [n, d].

    >>> path = traversals(np.float32([[0, 0], [0, 6]]), np.float32([[2, 4], [2, 4]]))
    >>> path.dimensions.tolist(), path.latents[:, 0].tolist()
    ([1, 0], [[0.0, -7.0], [-4.0, 3.0]])
    """
    exact = mean.astype(np.float64)
    signal, noise = exact.var(axis=0), np.square(std, dtype=np.float64).mean(axis=0)
    ratio = np.divide(signal, noise, out=np.full_like(signal, np.inf), where=noise > 0)
    order, d = np.argsort(-ratio, kind="stable"), len(signal)
    dimensions = np.concatenate([order[:HIGHEST], order[max(HIGHEST, d - LOWEST) :]])
    latents = np.tile(exact.mean(axis=0), (len(dimensions), len(STEPS), 1))
    for path, j in zip(latents, dimensions, strict=True):
        path[:, j] += STEPS * np.sqrt(signal[j] + noise[j])
    return Traversals(signal, noise, dimensions, latents.astype(np.float32))


def _of_prior(posterior: Posterior, normal: NDArray[Float]) -> NDArray[Float]:
    """Turn standard normal rows into samples of the prior: unit vectors on the sphere, else the rows themselves."""
    if isinstance(posterior, VonMisesFisher):
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return normal


def _axes(mean: NDArray[np.float32], *, normal: bool) -> list[NDArray[np.float32]]:
    """The coordinates of the grid along both axes, [g] each."""
    quantiles = np.linspace(0, 1, GRID + 2)[1:-1]
    if normal:
        return [norm.ppf(quantiles).astype(np.float32)] * 2
    return [np.quantile(column, quantiles).astype(np.float32) for column in mean.T]


@torch.no_grad()
def edges(posterior: Posterior, inputs: Inputs, seeds: Sequence[int]) -> list[Drawings]:
    """Draw a connected part of the training graph and the edge probabilities of an inner-product decoder.

    Args:
        posterior: Posteriors of all rows. The mean is [r, n, d].
        inputs: The data with the training graph.
        seeds: The seed of each replica.

    Returns:
        Arrays by name for each replica.

        - nodes [k]: nodes in breadth-first order from a random node of the largest component.
        - adjacency [k, k]: the training edges between these nodes.
        - mean, sampled, prior [k, k], float16: probabilities g(z_i·z_j) from the means, from one sample, and from
          samples of the prior. A point uses N(0, I). The nodes of a sample of the prior have no identity.

    Raises:
        ValueError: if the inputs have no graph.
    """
    if inputs.graph is None:
        raise ValueError("edges can be drawn only for inputs with a graph")
    n = inputs.graph.nodes
    ends = torch.stack(inputs.graph.ends).cpu().numpy()
    drawn = sample(posterior, random_streams(seeds, "generation", "sample", device=posterior.mean.device.type))
    means, samples = posterior.mean.double().cpu().numpy(), drawn.double().cpu().numpy()
    found: list[Drawings] = []
    for replica, seed in enumerate(seeds):
        rng = generator(seed, "generation")
        left, right = ends[:, ends[0] // n == replica] - replica * n
        nodes = _neighbourhood(left, right, n, rng)
        place = np.full(n, -1)
        place[nodes] = np.arange(len(nodes))
        i, j = place[left], place[right]
        inside = (i >= 0) & (j >= 0)
        adjacency = np.zeros((len(nodes), len(nodes)), dtype=bool)
        adjacency[i[inside], j[inside]] = adjacency[j[inside], i[inside]] = True
        latents = {
            "mean": means[replica, nodes],
            "sampled": samples[replica, nodes],
            "prior": _of_prior(posterior, rng.standard_normal((len(nodes), means.shape[-1]))),
        }
        found.append(
            {
                "nodes": nodes,
                "adjacency": adjacency,
                **{key: _probabilities(z) for key, z in latents.items()},
            }
        )
    return found


def _probabilities(z: NDArray[np.float64]) -> NDArray[np.float16]:
    return (0.5 * (1.0 + np.tanh(0.5 * z @ z.T))).astype(np.float16)


def _neighbourhood(
    left: NDArray[np.int64], right: NDArray[np.int64], n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """At most NODES nodes, breadth first from a random node of the largest component."""
    ends = (left.astype(np.int32), right.astype(np.int32))
    matrix = coo_array((np.ones(len(left), dtype=np.int8), ends), shape=(n, n)).tocsr()
    _, labels = csgraph.connected_components(matrix, directed=False)
    largest = np.flatnonzero(labels == np.bincount(labels).argmax())
    order = csgraph.breadth_first_order(matrix, rng.choice(largest), directed=False, return_predecessors=False)
    return np.asarray(order[:NODES], dtype=np.int64)
