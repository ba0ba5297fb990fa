"""Synthetic graphs with features and a known difficulty: the contextual stochastic block model."""

from __future__ import annotations

from functools import partial
from math import sqrt
from pathlib import Path

import numpy as np

from benchmark.core.errors import InputError
from benchmark.core.rng import generator
from benchmark.datasets.dataset import DatasetSpec, Raw


def contextual_sbm(
    *,
    rows: int,
    features: int,
    degree: float,
    graph_signal: float,
    feature_signal: float,
    feature_rate: float,
    rng: np.random.Generator,
) -> Raw:
    """Draw a graph and binary features of two classes v_i = ±1 with equal probability.

    Edges are A_ij ~ Bernoulli(c/n) with c = d + λ√d within a class and c = d − λ√d between classes. Features are
    x_ij ~ Bernoulli(q (1 + s v_i u_j)) with u_j = ±1 and s = √(μ (1 − q)/(q n)). The classes can be detected if and
    only if λ² + μ²/γ > 1, with γ = n/p.

    Deviation from the source: its features are Gaussian. Ours, centred and divided by √(q (1 − q) p), have the same
    signal √(μ/n) v_i u_j/√p and the same noise variance 1/p. Gaussians moved into [0, 1] would have an offset of about
    40 times the signal, and a graph convolution without bias would see only the offset.

    Args:
        rows: n.
        features: p.
        degree: Mean degree d.
        graph_signal: λ.
        feature_signal: μ.
        feature_rate: q, the share of ones among the features.
        rng: Generator of the draws.

    Raises:
        InputError: if a probability is outside [0, 1], or the feature signal is negative.

    Source: Deshpande, Sen, Montanari and Mossel (2018), NeurIPS.
    """
    within, between = degree + graph_signal * sqrt(degree), degree - graph_signal * sqrt(degree)
    possible = 0 < feature_rate < 1 and feature_signal >= 0 and between >= 0 and within <= rows
    contrast = sqrt(feature_signal * (1 - feature_rate) / (feature_rate * rows)) if possible else 0.0
    if not possible or contrast > 1 or feature_rate * (1 + contrast) > 1:
        raise InputError(
            f"contextual stochastic block model: degree {degree} and graph signal {graph_signal} give the edge rates "
            f"{within:.3g}/n and {between:.3g}/n, n = {rows}, and the features have the rate {feature_rate} and the "
            f"signal {feature_signal}; expected rates from 0 to 1 and no negative signal"
        )
    v = rng.choice([-1, 1], size=rows)
    first, second = np.triu_indices(rows, k=1)
    linked = rng.random(len(first)) < np.where(v[first] == v[second], within, between) / rows
    u = rng.choice([-1, 1], size=features)
    x = rng.random((rows, features)) < feature_rate * (1 + contrast * np.outer(v, u))
    return Raw(x=x.astype(np.float32), y=(v + 1) // 2, edges=np.stack([first[linked], second[linked]], axis=1))


_ROWS, _FEATURES, _DEGREE, _RATE = 1000, 200, 10.0, 0.05
_GAMMA = _ROWS / _FEATURES


def _load(_root: Path, *, name: str, graph_signal: float, feature_signal: float) -> Raw:
    return contextual_sbm(
        rows=_ROWS,
        features=_FEATURES,
        degree=_DEGREE,
        graph_signal=graph_signal,
        feature_signal=feature_signal,
        feature_rate=_RATE,
        rng=generator(0, name),
    )


_SOURCE = "drawn by benchmark.datasets.sources.synthetic.contextual_sbm"
_CITATION = "Deshpande, Sen, Montanari and Mossel (2018), Contextual Stochastic Block Models, NeurIPS"

# λ² = 4 and μ²/γ = 4: eight times the threshold of detection. Graph or features alone exceed the threshold.
CSBM_EASY = DatasetSpec(
    name="csbm-easy",
    load=partial(_load, name="csbm-easy", graph_signal=2.0, feature_signal=sqrt(4 * _GAMMA)),
    scaling="none",
    family="synthetic",
    source=_SOURCE,
    licence="MIT, as this package",
    citation=_CITATION,
    meaning="rows drawn from a known model with two classes; the features or the graph alone show the class",
    evidence=False,
    rows=_ROWS,
    features=_FEATURES,
    classes=2,
)

# λ² = 0.75 and μ²/γ = 0.75: 1.5 times the threshold. Neither graph nor features reach the threshold alone.
CSBM_HARD = DatasetSpec(
    name="csbm-hard",
    load=partial(_load, name="csbm-hard", graph_signal=sqrt(0.75), feature_signal=sqrt(0.75 * _GAMMA)),
    scaling="none",
    family="synthetic",
    source=_SOURCE,
    licence="MIT, as this package",
    citation=_CITATION,
    meaning="rows drawn from a known model with two classes; only the features and the graph together show the class",
    evidence=False,
    rows=_ROWS,
    features=_FEATURES,
    classes=2,
)
