"""Numbers as the page writes them. A missing number is a dash."""

from __future__ import annotations

import math

ABSENT = "–"


def percent(value: float) -> str:
    """Write a score between 0 and 1 in percent with one decimal.

    >>> percent(0.83249)
    '83.2'
    """
    return _decimal(100 * value, 1)


def percent_spread(mean: float, sd: float) -> str:
    """Write a mean score and its standard deviation in percent. The spread of one seed is a dash.

    >>> percent_spread(0.5, 0.012)
    '50.0 ± 1.2'
    """
    return ABSENT if math.isnan(mean) else f"{percent(mean)} ± {percent(sd)}"


def points(difference: float, digits: int = 2) -> str:
    """Write a difference of scores in points (hundredths) with its sign.

    >>> points(0.01234), points(0.01234, 1)
    ('+1.23', '+1.2')
    """
    return signed(100 * difference, digits)


def nats(value: float) -> str:
    """Write nats with two decimals.

    >>> nats(-1.234)
    '−1.23'
    """
    return _decimal(value, 2)


def rate(value: float) -> str:
    """Write a rate in nats shortly: with one decimal, or with two if it is below 1.

    >>> rate(12.34), rate(0.046)
    ('12.3', '0.05')
    """
    return _decimal(value, 1 if value >= 1 else 2)


def signed(value: float, digits: int = 2) -> str:
    """Write a number with its sign. Zero has none.

    >>> signed(0.5)
    '+0.50'
    """
    text = _decimal(value, digits)
    return text if text == ABSENT or text.startswith("−") or float(text) == 0 else f"+{text}"


def interval(low: float, high: float) -> str:
    """Write an interval of differences in points."""
    return ABSENT if math.isnan(low) else f"{points(low)} to {points(high)}"


def share_of_lead(value: float) -> str:
    """Write a difference as a share of point − chance, in percent with its sign.

    >>> share_of_lead(-0.0523)
    '−5.2 %'
    """
    text = _decimal(100 * value, 1)
    plain = text == ABSENT or text == "0.0" or text.startswith("−")
    return text if text == ABSENT else f"{'' if plain else '+'}{text} %"


def lead_interval(low: float, high: float) -> str:
    """Write an interval of such shares.

    >>> lead_interval(-0.0523, 0.01)
    '−5.2 % to +1.0 %'
    """
    return ABSENT if math.isnan(low) else f"{share_of_lead(low)} to {share_of_lead(high)}"


def probability(p: float) -> str:
    """Write a p with two decimals, or with four if it is below 0.01.

    >>> probability(0.2), probability(0.0012), probability(0.00001)
    ('0.20', '0.0012', '<0.0001')
    """
    if math.isnan(p):
        return ABSENT
    return "<0.0001" if p < 0.00005 else f"{p:.4f}" if p < 0.01 else f"{p:.2f}"


def coefficient(value: float) -> str:
    """Write a correlation with two decimals and a true minus sign.

    >>> coefficient(-0.5)
    '−0.50'
    """
    return _decimal(value, 2)


def share(value: float) -> str:
    """Write a share in whole percent.

    >>> share(0.5)
    '50 %'
    """
    return ABSENT if math.isnan(value) else f"{_decimal(100 * value, 0)} %"


def share_interval(low: float, high: float) -> str:
    """Write an interval of shares in whole percent.

    >>> share_interval(0.2, 1.05)
    '20 to 105 %'
    """
    return ABSENT if math.isnan(low) else f"{_decimal(100 * low, 0)} to {_decimal(100 * high, 0)} %"


def thousandths(value: float) -> str:
    """Write a number with three decimals and a true minus sign.

    >>> thousandths(-0.0504)
    '−0.050'
    """
    return _decimal(value, 3)


def whole(value: float) -> str:
    """Write a count with commas between thousands."""
    return f"{int(value):,}"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> counted(1, "dataset"), counted(12, "dataset")
    ('1 dataset', '12 datasets')
    """
    return f"{whole(number)} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Write a time in seconds, in minutes and seconds, or in hours and minutes.

    >>> duration(12.4), duration(245), duration(7320)
    ('12 s', '4 min 05 s', '2 h 02 min')
    """
    if math.isnan(seconds):
        return ABSENT
    if seconds < 59.5:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def memory(size: float) -> str:
    """Write a number of bytes in megabytes or gigabytes (powers of ten)."""
    if math.isnan(size):
        return ABSENT
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def ranges(seeds: list[int]) -> str:
    """Write whole numbers with their runs joined.

    >>> ranges([0, 1, 2, 7])
    '0–2, 7'
    """
    runs: list[tuple[int, int]] = []
    for seed in sorted(set(seeds)):
        if runs and seed == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], seed)
        else:
            runs.append((seed, seed))
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs)


def _decimal(value: float, digits: int) -> str:
    """Write a fixed number of decimals with a true minus sign. Zero has no sign."""
    if math.isnan(value):
        return ABSENT
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")
