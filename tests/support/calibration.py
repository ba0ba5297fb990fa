"""Calibrate the statistics on simulated studies, and print a table of what was promised and what was found.

    make calibrate [ARGS="--studies 400 words retention power pooled parameters verdicts"]
    python tests/support/calibration.py [--studies N] [PART ...]

A share is "met" if it lies in its range, "within error" if chance can explain that it does not, and otherwise "MISSED".
The command then ends with exit code 1. Ranges in parentheses are exact 95 % intervals.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator

import calibrated_law as law
import calibrated_retention as retention
import calibrated_words as words
from calibrated import Share


def _families(studies: int) -> Iterator[Share]:
    for family in words.FAMILIES:
        yield from words.family_shares(family, studies)


PARTS: dict[str, Callable[[int], Iterator[Share]]] = {
    "words": _families,
    "power": words.power_shares,
    "retention": retention.retention_shares,
    "pooled": words.pooled_shares,
    "parameters": law.parameter_shares,
    "verdicts": law.verdict_shares,
}


def main() -> int:
    """Run the parts that are asked for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--studies", type=int, default=100, help="simulated studies of each world")
    asked = parser.parse_args()
    missed = 0
    print("| share | hits | found | promised | |\n| --- | --- | --- | --- | --- |")
    for part in asked.parts or PARTS:
        start = time.perf_counter()
        for share in PARTS[part](asked.studies):
            print(share.line(), flush=True)
            missed += not share.agrees
        print(f"{part}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
