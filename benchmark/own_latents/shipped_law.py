"""The law of retention that this version ships, and its predictions for one latent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import TypeAdapter

PILOT_ERROR = 0.2  # half the width of the interval until the studies are published
ALMOST_ALL, ALMOST_NOTHING = 0.9, 0.1  # a prediction between them gives no verdict

Verdict = Literal["serves", "noise", ""]


@dataclass(frozen=True, slots=True)
class TaskLaw:
    """The law of one task. ``law_to_ship`` explains the numbers."""

    coordinates: str
    constant: float
    cells: int
    datasets: int
    error: float | None
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The share of the mean's score above chance that a readout keeps, by the law.

    Attributes:
        retention: The predicted share, 0 to 1.
        low: Lower end of the interval; None outside the fitted range.
        high: Upper end of the interval.
        outside: Why the law does not reach this latent; empty if it does.
    """

    retention: float
    low: float | None
    high: float | None
    outside: str

    @property
    def verdict(self) -> Verdict:
        """What the prediction alone says: the draw "serves" as the mean does, it is "noise", or nothing."""
        if self.outside:
            return ""
        return "serves" if self.retention > ALMOST_ALL else "noise" if self.retention < ALMOST_NOTHING else ""


@dataclass(frozen=True, slots=True)
class ShippedLaw:
    """The law of the file ``law.json``. ``law_to_ship`` explains its parts.

    Attributes:
        published: Whether the studies behind it are published. If not, it is a pilot.
        analysis: Digest of the declared analysis.
        sources: SHA-256 of each frame behind it.
    """

    published: bool
    formula: str
    exponent: float
    dimensions: float
    verdict: str
    against: tuple[str, ...]
    tasks: Mapping[str, TaskLaw]
    latent_dimensions: tuple[int, ...]
    noise: Mapping[str, int]
    datasets: tuple[str, ...]
    analysis: str
    sources: Mapping[str, str]

    @property
    def standing(self) -> str:
        """How far the law can be trusted, in a few words.

        >>> shipped_law().standing
        'pilot, not confirmed'
        """
        return self.verdict if self.published else "pilot, not confirmed"

    def predict(self, task: str, signal: float, d: int, noise: str) -> Prediction:
        """Predict the share of the mean's score above chance that a draw or an average of draws keeps.

        Args:
            task: Name of the task.
            signal: Signal-to-noise ratio of the draw in the coordinates of the task.
            d: Latent dimensions.
            noise: Kind of noise, as ``statistics.noise_kinds`` names it.

        >>> round(shipped_law().predict("k-means", 1e4, 16, "gaussian, σ by row").retention, 2)
        1.0
        """
        of, u = self.tasks[task], signal**self.exponent * d**self.dimensions
        share, error = u / (of.constant + u), of.error if self.published else PILOT_ERROR
        outside = self._outside(of, u, d, noise)
        if outside or error is None:
            return Prediction(share, None, None, outside or "its error is not known")
        return Prediction(share, max(share - error, 0.0), min(share + error, 1.0), "")

    def _outside(self, of: TaskLaw, u: float, d: int, noise: str) -> str:
        least, most = self.latent_dimensions[0], self.latent_dimensions[-1]
        if not least <= d <= most:
            return f"d = {d}, and the law was fitted to {least} to {most}"
        if noise not in self.noise:
            return f"the law was not fitted to noise of this kind ({noise})"
        if not of.least <= u <= of.most:
            return f"x = {u:.3g}, and the law was fitted to {of.least:.3g} to {of.most:.3g}"
        return ""


@cache
def shipped_law() -> ShippedLaw:
    """Read the law of this version."""
    text = (resources.files("benchmark.own_latents") / "law.json").read_text(encoding="utf-8")
    return read_law(json.loads(text))


def read_law(content: Mapping[str, Any]) -> ShippedLaw:
    """Make a law from the content of its file.

    Raises:
        ValueError: If a part is missing or of another type.
    """
    return TypeAdapter(ShippedLaw).validate_python(content)
