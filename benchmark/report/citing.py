"""How to cite the study and the package, with version, commit and day of the results."""

from __future__ import annotations

import json

import pandas as pd

import benchmark
from benchmark.core.environment import JOINED
from benchmark.report import numbers
from benchmark.report.blocks import Code, Section, Term, Terms, paragraphs
from benchmark.report.exports import latex
from benchmark.report.found import Found

# As in CITATION.cff.
TITLE = "latents-benchmark: do latents of variational autoencoders serve downstream tasks?"
AUTHORS = "the latents-benchmark authors"
LICENCE = "MIT"
PACKAGE = "latents-benchmark"  # in the versions of units


def day_of(units: pd.DataFrame) -> str:
    """Return the newest day on which a unit was recorded, such as "2026-01-31"; empty if no unit says."""
    return str(units["day"].max())


def version_of(units: pd.DataFrame) -> str:
    """Return the versions of this package that made the units; this one's if no unit says."""
    told = [json.loads(text).get(PACKAGE, "") for text in units["versions"].unique()]
    known = {version for text in told for version in text.split(JOINED)} - {""}
    return " and ".join(sorted(known)) or benchmark.__version__


def stamp(units: pd.DataFrame) -> str:
    """Return a line with the version of the package and the day of the results, if it is known."""
    day = day_of(units)
    return f"{PACKAGE} {version_of(units)}{f', results of {day}' if day else ''}."


def citing(found: Found) -> Section:
    """Return how to cite the study, as BibTeX, with the facts that tell these results from others."""
    units, study = found.units, found.study
    day, commits = day_of(units), sorted(set(units["commit"]) - {""})
    facts = (
        ("study", f"{study.name}: {study.title}"),
        ("version", version_of(units)),
        ("day of the results", day or "not recorded"),
        ("commit", ", ".join(commits) or numbers.ABSENT),
        ("digest of the analysis", study.analysis.digest),
    )
    return Section(
        "cite",
        "Cite this",
        (
            *paragraphs(
                ["Cite the study by this entry, and the datasets and models by their own entries in the glossary."]
            ),
            Code(bibtex(study.name, study.title, version_of(units), day, commits[-1] if commits else "")),
            Terms(tuple(Term(name, (fact,)) for name, fact in facts)),
        ),
    )


def bibtex(study: str, title: str, version: str, day: str, commit: str) -> str:
    """Return the BibTeX entry of a study.

    Args:
        study: Name of the study.
        title: Title of the study.
        version: Version of the package.
        day: Day of the results; empty leaves out the year.
        commit: Commit of the code; empty if not known.
    """
    results = ", ".join(filter(None, (f"results of {day}" if day else "", f"commit {commit}" if commit else "")))
    told = latex(f"Study “{study}”: {title}{f'; {results}' if results else ''}")
    fields = {
        "title": f"{{{TITLE}}}",
        "author": f"{{{{{AUTHORS}}}}}",
        "version": f"{{{version}}}",
        "year": f"{{{day[:4]}}}" if day else "",
        "note": f"{{{told}}}",
    }
    lines = "".join(f"  {name} = {value},\n" for name, value in fields.items() if value)
    return f"@software{{{PACKAGE}-{study},\n{lines}}}"
