"""Analysis: how a study draws conclusions, declared before its run.

Every number that decides a word stands here. A study file may set any of them in its section
``[analysis]``. The digest of all of them is kept with the declaration, so a change after the run shows.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import Field, model_validator

from benchmark.study.frozen import Frozen

_ZeroToOne = Annotated[float, Field(ge=0, le=1)]
_Margin = Annotated[float, Field(gt=0, lt=1)]


class Gates(Frozen):
    """What does not count.

    Attributes:
        least_rank: A latent of a lower effective rank is degenerate if it has ``rank_from`` dimensions or more. A
            noisy latent of low rank is degenerate only if its rate is ``least_rate`` or more: at a lower rate it is
            collapsed, which counts. Latents of linear models are never degenerate by their rank.
        rank_from: Dimensions.
        least_rate: Nats per row. A cell with a lower median rate is collapsed.
        unreliable: A cell is unreliable if this share of the units of either side, or more, is degenerate or diverged.
        least_signal: A cell has no signal if no side scores above chance by so much, with a simultaneous lower bound
            above 0. On the scale of scores, 0 to 1.
        least_retained: Retention is defined if the mean scores above chance by so much, with a lower bound above 0.
    """

    least_rank: Annotated[float, Field(ge=1)] = 1.5
    rank_from: Annotated[int, Field(ge=1)] = 4
    least_rate: Annotated[float, Field(ge=0)] = 1.0
    unreliable: Annotated[float, Field(gt=0, le=1)] = 0.1
    least_signal: _ZeroToOne = 0.02
    least_retained: _ZeroToOne = 0.05


class Words(Frozen):
    """When a cell gets which word.

    Attributes:
        level: The chance that any interval of a family misses its true difference.
        clusters: Margin of adjusted and normalised mutual information, on the scale of scores, 0 to 1.
        others: Margin of all other metrics.
        share: Margin of a difference as a share of point − chance, for the pooled questions.
        power: The chance of a decided word that a sufficient number of seeds gives.
    """

    level: Annotated[float, Field(gt=0, lt=1)] = 0.05
    clusters: _Margin = 0.02
    others: _Margin = 0.01
    share: _Margin = 0.05
    power: Annotated[float, Field(gt=0, lt=1)] = 0.9

    def margin(self, metric: str) -> float:
        """The margin of a metric, on the scale of scores.

        >>> Words().margin("ami"), Words().margin("accuracy")
        (0.02, 0.01)
        """
        return self.clusters if metric in ("ami", "nmi") else self.others


Predictor = Literal[
    "signal",  # signal over noise
    "signal-active",  # over active dimensions alone
    "signal-active-dimensions",  # the same times the root of the number of active dimensions
    "signal-root",  # the sum of signal over the root of the sum of squared noise
    "log-signal",  # half the sum of log(1 + signal over noise)
    "reliability",  # the share of signal in the variance of a dimension, averaged over the signal, as odds
    "rate",
    "rate-per-dimension",
    "rate-over-classes",  # rate over the logarithm of the number of classes
    "information",
    "active",
    "mmd-mean",
    "mmd-sample",
]


class Law(Frozen):
    """The law that predicts retention, its rivals, and when it is confirmed.

    The law is retention = u/(c + u) with u = SNR^``exponent`` · d^``dimensions`` and a constant c for each task.

    Attributes:
        tasks: The tasks of the law, and the metric of each by the table of tasks.
        exponent: The exponent of the signal-to-noise ratio.
        dimensions: The exponent of the number of dimensions.
        rivals: Other predictors, fitted to the same cells.
        rival_dimensions: Other exponents of d that compete too.
        informative: A cell counts if its predicted or measured retention lies between these.
        confirmed: Largest mean absolute error on fresh cells of a confirmed law.
        bias: Largest absolute mean error on fresh cells of a confirmed law.
        rule_of_thumb: Largest error of a rule of thumb.
        worst_bias: A law with a larger bias for a task or a number of dimensions is refuted.
        seen_datasets: Datasets whose scores were looked at before the analysis was declared.
        seen_models: Models that were. A cell is fresh if its dataset, model or number of dimensions is not listed.
        seen_dimensions: Numbers of dimensions that were. An empty list means all of them.
    """

    tasks: tuple[str, ...] = ("k-means", "logistic-regression-few", "link-inner-product", "link-hadamard")
    exponent: float = 1.0
    dimensions: float = 0.5
    rivals: tuple[Predictor, ...] = (
        "signal-active",
        "signal-active-dimensions",
        "signal-root",
        "log-signal",
        "reliability",
        "rate",
        "rate-per-dimension",
        "rate-over-classes",
        "information",
        "active",
        "mmd-mean",
        "mmd-sample",
    )
    rival_dimensions: tuple[float, ...] = (0.0, 1.0)
    informative: tuple[_ZeroToOne, _ZeroToOne] = (0.05, 0.95)
    confirmed: _Margin = 0.08
    bias: _Margin = 0.04
    rule_of_thumb: _Margin = 0.12
    worst_bias: _Margin = 0.10
    seen_datasets: tuple[str, ...] = (
        *("cora", "citeseer", "dblp", "photo", "digits", "mnist-test", "wine", "breast-cancer", "worm", "worm-counts"),
        "karate",
    )
    seen_models: tuple[str, ...] = ()
    seen_dimensions: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Law:
        low, high = self.informative
        if low >= high:
            raise ValueError(f"informative: the first of two shares must be smaller, got {low} and {high}")
        if self.confirmed > self.rule_of_thumb:
            raise ValueError(
                f"confirmed: at most rule_of_thumb ({self.rule_of_thumb}) is allowed, got {self.confirmed}"
            )
        return self

    def is_seen(self, dataset: str, model: str, dimensions: int) -> bool:
        """Whether a cell was looked at before the analysis was declared. An empty list stands for all.

        >>> Law().is_seen("cora", "vae", 16), Law().is_seen("actor", "vae", 16)
        (True, False)
        """
        seen = ((dataset, self.seen_datasets), (model, self.seen_models), (dimensions, self.seen_dimensions))
        return all(not names or name in names for name, names in seen)


class Analysis(Frozen):
    """The declared analysis of a study. See its parts."""

    gates: Gates = Gates()
    words: Words = Words()
    law: Law = Law()

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change with any number, word or list of the analysis.

        >>> Analysis().digest == Analysis(gates=Gates(least_rank=2.0)).digest
        False
        """
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def changes(self, other: Analysis) -> dict[str, tuple[object, object]]:
        """The settings that differ, as "gates.least_rank", with the value of each analysis.

        >>> Analysis().changes(Analysis(gates=Gates(least_rank=2.0)))
        {'gates.least_rank': (1.5, 2.0)}
        """
        mine, theirs = (
            {f"{part}.{key}": value for part, values in each.model_dump().items() for key, value in values.items()}
            for each in (self, other)
        )
        return {key: (value, theirs[key]) for key, value in mine.items() if value != theirs[key]}
