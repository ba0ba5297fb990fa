"""How numbers are written on the page: full precision comes in, text goes out, and what is not there is a dash."""

from __future__ import annotations

import math

ABSENT = "–"


def percent(value: float) -> str:
    """A score of 0–1 in percent with one decimal."""
    return _decimal(100 * value, 1)


def percent_spread(mean: float, sd: float) -> str:
    """A mean score and its standard deviation in percent; a dash for a spread that one seed does not have."""
    return ABSENT if math.isnan(mean) else f"{percent(mean)} ± {percent(sd)}"


def points(difference: float) -> str:
    """A difference of scores in points (hundredths), always with its sign."""
    text = _decimal(100 * difference, 2)
    return text if text in (ABSENT, "0.00") or text.startswith("−") else f"+{text}"


def interval(low: float, high: float) -> str:
    """An interval of differences in points."""
    return ABSENT if math.isnan(low) else f"{points(low)} to {points(high)}"


def probability(p: float) -> str:
    """A p with two digits that count, and no more than four decimals."""
    if math.isnan(p):
        return ABSENT
    return "<0.0001" if p < 0.00005 else f"{p:.4f}" if p < 0.01 else f"{p:.2f}"


def share(value: float) -> str:
    """A share in whole percent, with its sign."""
    return ABSENT if math.isnan(value) else f"{_decimal(100 * value, 0)} %"


def whole(value: float) -> str:
    """A count with its thousands set apart."""
    return f"{int(value):,}"


def counted(number: int, noun: str) -> str:
    """A number with its noun: ``1 dataset``, ``12 datasets``."""
    return f"{whole(number)} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time in the two largest units that it fills."""
    if math.isnan(seconds):
        return ABSENT
    if seconds < 59.5:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def memory(size: float) -> str:
    """Bytes in megabytes or gigabytes (powers of ten)."""
    if math.isnan(size):
        return ABSENT
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def ranges(seeds: list[int]) -> str:
    """Whole numbers with their runs joined: ``0–4, 7``."""
    runs: list[tuple[int, int]] = []
    for seed in sorted(set(seeds)):
        if runs and seed == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], seed)
        else:
            runs.append((seed, seed))
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs)


def _decimal(value: float, digits: int) -> str:
    """A fixed number of decimals with a true minus sign; zero has none."""
    if math.isnan(value):
        return ABSENT
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")
