"""An assessment: its numbers, and how it prints in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite, nan
from textwrap import wrap
from typing import TYPE_CHECKING

from benchmark.own_latents.shipped_law import Prediction, ShippedLaw

if TYPE_CHECKING:
    import pandas as pd

USES = {
    "k-means": "clustering (k-means)",
    "logistic-regression-few": "classification (20 labels a class)",
    "link-inner-product": "links (inner product)",
    "link-hadamard": "links (Hadamard product)",
}
_WIDTH = 100  # characters of a line of text
PREDICTION, MEASUREMENT = "predicted", "measured"


@dataclass(frozen=True, slots=True)
class Share:
    """The share of the mean's score above chance that a draw keeps in one use.

    Attributes:
        task: Name of the task.
        draws: Number K of draws whose average is read.
        predicted: By the law that this version ships.
        measured: By the labels; NaN if it is not measured.
        low: Lower end of the 95 % interval of the measurement.
        high: Upper end.
        unmeasured: Why there is no measurement; empty if there is one, or without labels.
    """

    task: str
    draws: int
    predicted: Prediction
    measured: float = nan
    low: float = nan
    high: float = nan
    unmeasured: str = ""

    @property
    def use(self) -> str:
        """The task in words."""
        return USES.get(self.task, self.task)


@dataclass(frozen=True, slots=True)
class Scores:
    """Average scores in the primary metric of a task, on the scale of 0 to 1.

    Attributes:
        task: Name of the task.
        metric: Name of the metric.
        mean: Score of the mean.
        sample: Score of one sample; NaN without noise.
        chance: Score of noise of the same shape.
    """

    task: str
    metric: str
    mean: float
    sample: float
    chance: float


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What ``assess`` found. It prints as a table, in a terminal and in a notebook.

    Attributes:
        rows: Number of rows.
        dimensions: Latent dimensions d.
        noise: Kind of the noise, in words; empty without noise.
        rate: KL divergence of the posterior from N(0, I), in nats per row; None without ``std`` or if a σ is 0.
        signal_to_noise_ratio: tr Cov(mean) / E tr Cov(z given x); None without ``std``, or if all σ are 0.
        active_units: Dimensions whose mean has a variance of 0.01 or more.
        effective_rank: Of the means, 1 to d.
        collapsed: Whether the rate is below ``least_rate``; None without a rate.
        least_rate: Nats per row.
        shares: One for each use and number of draws; empty without ``std``.
        scores: The average scores of each measured use; empty without labels.
        frame_of_scores: The measured scores, as ``score`` returns them, with noise as the readout ``random``; None
            without labels.
        notes: What the numbers do not say, one sentence each.
        law: The law that predicts.
    """

    rows: int
    dimensions: int
    noise: str
    rate: float | None
    signal_to_noise_ratio: float | None
    active_units: int
    effective_rank: float
    collapsed: bool | None
    least_rate: float
    shares: tuple[Share, ...]
    scores: tuple[Scores, ...]
    frame_of_scores: pd.DataFrame | None
    notes: tuple[str, ...]
    law: ShippedLaw

    @property
    def verdict(self) -> str:
        """What to do, in one or two sentences."""
        return _verdict(self)

    def frame(self) -> pd.DataFrame:
        """Return the shares as a frame: a row for each task and number of draws."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "task": share.task,
                    "draws": share.draws,
                    "predicted": share.predicted.retention,
                    "predicted_low": share.predicted.low,
                    "predicted_high": share.predicted.high,
                    "outside": share.predicted.outside,
                    "measured": share.measured,
                    "measured_low": share.low,
                    "measured_high": share.high,
                }
                for share in self.shares
            ]
        )

    def __str__(self) -> str:
        return _text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _html(self)


def _facts(found: Assessment) -> list[tuple[str, str]]:
    """Name and value of every number of the latent."""
    lines = [("rows, dimensions", f"{found.rows:,} × {found.dimensions}")]
    if found.noise:
        lines.append(("noise", found.noise))
    if found.rate is not None:
        lines.append(("rate", f"{found.rate:.3g} nats per row against N(0, I)"))
    if found.signal_to_noise_ratio is not None:
        lines.append(("signal-to-noise ratio", f"{found.signal_to_noise_ratio:.3g}"))
    lines.append(("active units", f"{found.active_units} of {found.dimensions}"))
    lines.append(("effective rank", f"{found.effective_rank:.1f} of {found.dimensions}"))
    if found.collapsed is not None:
        word = "below" if found.collapsed else "not below"
        answer = "yes" if found.collapsed else "no"
        lines.append(("collapsed", f"{answer}: the rate is {word} {found.least_rate:g} nat"))
    for of in found.scores:
        sample = f", one sample {of.sample:.2f}" if isfinite(of.sample) else ""
        lines.append((f"{of.task}, {of.metric}", f"mean {of.mean:.2f}{sample}, noise {of.chance:.2f}"))
    return lines


def _share_rows(found: Assessment) -> list[tuple[str, str, str, str]]:
    """Use, draws, prediction and measurement of every share. The last is empty if nothing was measured."""
    return [
        (share.use, _draws_in_words(share.draws), _prediction(share.predicted), _measurement(share))
        for share in found.shares
    ]


def _draws_in_words(draws: int) -> str:
    """The number of averaged draws in words."""
    return "one sample" if draws == 1 else f"average of {draws}"


def _prediction(of: Prediction) -> str:
    """A prediction with its interval, or why it has none."""
    value = f"{of.retention:.2f}"
    if of.low is None or of.high is None:
        return f"{value}, no interval: {of.outside}"
    return f"{value} ({of.low:.2f} to {of.high:.2f})"


def _measurement(share: Share) -> str:
    """A measurement with its interval, or why there is none."""
    if not isfinite(share.measured):
        return share.unmeasured
    if not (isfinite(share.low) and isfinite(share.high)):
        return f"{share.measured:.2f}"
    return f"{share.measured:.2f} ({share.low:.2f} to {share.high:.2f})"


def _heading(found: Assessment) -> tuple[str, str]:
    """What the shares are, and how far the law behind them can be trusted."""
    law = found.law
    return (
        "What samples keep, as a share of the mean's score above chance.",
        f"The law that predicts it: {law.standing}; fitted on {', '.join(law.datasets)}.",
    )


def _verdict(found: Assessment) -> str:
    """What to do, in one or two sentences. A prediction between .1 and .9 decides nothing."""
    if not found.shares:
        more = "" if found.scores else " Scores need labels or test edges: benchmark.score."
        return f"Without noise there is one way to read the latent.{more}"
    dead = "The posterior has collapsed: the mean may hold little, and a sample holds less. "
    first = dead if found.collapsed else ""
    single = [share for share in found.shares if share.draws == 1]
    measured = [share for share in single if isfinite(share.measured)]
    if measured:
        worst = min(measured, key=lambda share: share.measured)
        kept = f"one sample keeps {worst.measured:.0%} of the mean's score above chance in {worst.use}"
        return f"{first}Measured: {kept}, the worst use."
    if all(share.predicted.outside for share in single):
        return f"{first}The law was not fitted to such a latent. Measure it: benchmark.score."
    clear = {"serves": "serve nearly as well as the mean", "noise": "be little more than noise"}
    words = {share.predicted.verdict for share in single}
    if len(words) == 1 and (word := words.pop()):
        return f"{first}One sample should {clear[word]}{': read the mean' if word == 'noise' else ''}."
    said = [f"in {share.use} it should {clear[share.predicted.verdict]}" for share in single if share.predicted.verdict]
    told = f"One sample: {', '.join(said)}. On the rest the" if said else "The"
    return f"{first}{told} prediction alone gives no verdict. Measure it: benchmark.score."


def _text(found: Assessment) -> str:
    """The assessment as lines of text."""
    named = _facts(found)
    width = max(len(name) for name, _ in named)
    lines = [f"{name:<{width}}  {value}" for name, value in named]
    if found.shares:
        rows = _share_rows(found)
        head = ("", "", PREDICTION, MEASUREMENT if any(row[3] for row in rows) else "")
        before = [
            ("" if number and rows[number - 1][0] == row[0] else row[0], *row[1:]) for number, row in enumerate(rows)
        ]
        widths = [max(len(row[column]) for row in (head, *before)) for column in range(4)]
        table = [
            "  ".join(f"{cell:<{size}}" for cell, size in zip(row, widths, strict=True)).rstrip()
            for row in (head, *before)
        ]
        lines += ["", *(part for said in _heading(found) for part in wrap(said, _WIDTH)), "", *table]
    lines += ["", *wrap(found.verdict, _WIDTH)]
    for note in found.notes:
        lines += wrap(f"Note: {note}.", _WIDTH)
    return "\n".join(lines)


def _html(found: Assessment) -> str:
    """The assessment as tables. A notebook's own style applies to them."""
    parts = ["<div>", _table([], _facts(found))]
    if found.shares:
        rows = _share_rows(found)
        measured = any(row[3] for row in rows)
        head = ["use", "readout", PREDICTION, *([MEASUREMENT] if measured else [])]
        parts += [
            f"<p>{escape(' '.join(_heading(found)))}</p>",
            _table(head, [row if measured else row[:3] for row in rows]),
        ]
    parts.append(f"<p><strong>{escape(found.verdict)}</strong></p>")
    parts += [f"<p>Note: {escape(note)}.</p>" for note in found.notes]
    return "\n".join([*parts, "</div>"])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = f"<thead><tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr></thead>" if head else ""
    body = "".join(
        f"<tr><th>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in rest)}</tr>"
        for first, *rest in rows
    )
    return f"<table>{top}<tbody>{body}</tbody></table>"
