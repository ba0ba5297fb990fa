"""Shares of simulated studies, and whether they agree with what a method promises."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

ERROR = 1e-4  # the chance that a share at the edge of its range counts as outside, at most


@dataclass(frozen=True, slots=True)
class Share:
    """A share of studies, or of cells, and the range that its true value may have.

    Attributes:
        name: What was counted.
        hits: How often it was so.
        trials: Out of how many.
        least: The least true share that the criterion allows.
        most: The largest.
    """

    name: str
    hits: int
    trials: int
    least: float = 0.0
    most: float = 1.0

    @property
    def rate(self) -> float:
        """The share itself."""
        return self.hits / self.trials if self.trials else float("nan")

    def interval(self, confidence: float) -> tuple[float, float]:
        """The exact interval of the true share. Clopper and Pearson (1934)."""
        n, hits = self.trials, self.hits
        tail = (1 - confidence) / 2
        low = stats.beta.ppf(tail, hits, n - hits + 1) if hits > 0 else 0.0
        high = stats.beta.ppf(1 - tail, hits + 1, n - hits) if hits < n else 1.0
        return float(low), float(high)

    @property
    def agrees(self) -> bool:
        """Whether chance alone can explain that the share lies where it does."""
        low, high = self.interval(1 - 2 * ERROR)
        return low <= self.most and high >= self.least

    def line(self) -> str:
        """A line of a Markdown table."""
        low, high = self.interval(0.95)
        asked = f"{self.least:.1%} to {self.most:.1%}"
        met = "met" if self.least <= self.rate <= self.most else ("within error" if self.agrees else "MISSED")
        found = f"{self.rate:.1%} ({low:.1%} to {high:.1%})"
        return f"| {self.name} | {self.hits} of {self.trials} | {found} | {asked} | {met} |"
