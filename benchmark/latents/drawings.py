"""What trained decoders make of latents, as the sources show it: images, and edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array, csgraph
from scipy.stats import norm
from torch import Tensor

from benchmark.core.rng import generator, torch_generators
from benchmark.models.parts.decoders import InnerProduct, MLPDecoder
from benchmark.training.fitted import Fitted
from benchmark.training.inputs import Inputs
from benchmark.training.posteriors import DiagonalGaussian, Posterior, VonMisesFisher, sample

Float = TypeVar("Float", np.float32, np.float64)
Drawings: TypeAlias = dict[str, NDArray[np.generic]]

SHOWN = 10  # rows that are reconstructed, and steps of a line
PRIOR_SAMPLES = 30
GRID = 15  # points along each side
NODES = 200  # of a graph


def generate(
    fitted: Fitted, seeds: Sequence[int], shown: Literal["images", "edges"], shape: tuple[int, int] | None
) -> list[Drawings]:
    """The drawings of every replica: images of ``shape`` by a decoder of features, or edges by an inner product.

    ValueError where the decoder or the data cannot be drawn so.
    """
    if fitted.network is None or fitted.inputs is None:
        raise ValueError("a control has no decoder to draw by")
    decoder, inputs = fitted.network.decoder, fitted.inputs
    if shown == "edges" and isinstance(decoder, InnerProduct):
        return edges(fitted.posterior, inputs, seeds)
    if shown == "images" and isinstance(decoder, MLPDecoder) and shape is not None:
        return images(decoder, fitted.posterior, inputs, seeds, shape)
    raise ValueError(f"a {type(decoder).__name__} makes no {shown} of these data")


@torch.no_grad()
def images(
    decoder: MLPDecoder, posterior: Posterior, inputs: Inputs, seeds: Sequence[int], shape: tuple[int, int]
) -> list[Drawings]:
    """For each replica, float32 arrays that end in the image's [height, width].

    ``rows`` [s] are shown as ``inputs``, as the ``reconstructions`` of their means and of one sample each
    (``sampled_reconstructions``) [s, …]; ``prior`` [p, …] decodes samples from the prior, N(0, I) for a point too,
    which has none; ``line`` [s, …] decodes the straight line between the means of the two ``line_rows``, both ends
    included. Where d = 2 ``grid`` [g, g, …] decodes the prior's quantiles along both axes, Kingma and Welling (2014),
    figure 4, or those of the latents of a point or on a sphere; ``grid_latents`` [g, g, 2]. ValueError where the
    features make no such image.
    """
    height, width = shape
    if not isinstance(inputs.features, Tensor) or inputs.features.shape[-1] != height * width:
        raise ValueError(f"{inputs.features.shape[-1]} features make no images of {height}x{width}")
    z, n, d = posterior.mean, posterior.mean.shape[1], posterior.mean.shape[2]
    drawn = sample(posterior, torch_generators(tuple(seeds), "generation", "sample", device=str(z.device)))

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
            [_of_prior(posterior, rng.standard_normal((PRIOR_SAMPLES, d), dtype=np.float32)) for rng in rngs]
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
    if d == 2:
        axes = [_axes(mean, normal=isinstance(posterior, DiagonalGaussian)) for mean in means]
        squares = [np.stack(np.meshgrid(*pair, indexing="ij"), axis=-1) for pair in axes]
        grids = decoded([square.reshape(-1, 2) for square in squares])
        for drawings, square, grid in zip(found, squares, grids, strict=True):
            drawings["grid_latents"] = square
            drawings["grid"] = grid.reshape(GRID, GRID, height, width)
    return found


def _of_prior(posterior: Posterior, normal: NDArray[Float]) -> NDArray[Float]:
    """Standard normal rows as they are, or as directions where the prior is uniform on the sphere."""
    if isinstance(posterior, VonMisesFisher):
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return normal


def _axes(mean: NDArray[np.float32], *, normal: bool) -> list[NDArray[np.float32]]:
    """The values of both axes of a grid."""
    quantiles = np.linspace(0, 1, GRID + 2)[1:-1]
    if normal:
        return [norm.ppf(quantiles).astype(np.float32)] * 2
    return [np.quantile(column, quantiles).astype(np.float32) for column in mean.T]


@torch.no_grad()
def edges(posterior: Posterior, inputs: Inputs, seeds: Sequence[int]) -> list[Drawings]:
    """For each replica, a connected part of the graph trained on and what the inner product makes of it.

    ``nodes`` [k] in breadth-first order from a random node of the largest component, ``adjacency`` [k, k] of the edges
    trained on, and float16 [k, k] probabilities g(z_i·z_j) of an edge at the ``mean``, at one ``sampled`` latent, and
    at latents drawn from the prior (``prior``), N(0, I) for a point, where no node is the one beside it.
    """
    if inputs.graph is None:
        raise ValueError("a decoder of edges needs inputs with a graph")
    n = inputs.graph.nodes
    ends = torch.stack(inputs.graph.ends).cpu().numpy()
    drawn = sample(posterior, torch_generators(tuple(seeds), "generation", "sample", device=str(posterior.mean.device)))
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
    """At most NODES nodes, breadth first from a random one of the largest component."""
    ends = (left.astype(np.int32), right.astype(np.int32))
    matrix = coo_array((np.ones(len(left), dtype=np.int8), ends), shape=(n, n)).tocsr()
    _, labels = csgraph.connected_components(matrix, directed=False)
    largest = np.flatnonzero(labels == np.bincount(labels).argmax())
    order = csgraph.breadth_first_order(matrix, rng.choice(largest), directed=False, return_predecessors=False)
    return np.asarray(order[:NODES], dtype=np.int64)
