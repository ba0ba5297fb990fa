"""Several studies in one report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from benchmark.core.errors import InputError
from benchmark.study.schema import Study, Variant

Item = TypeVar("Item")


def together(studies: Sequence[Study]) -> Study:
    """The union of several studies. If two studies declare a contrast of the same name, the first one counts.

    Raises:
        InputError: If the analyses differ, because a word has one margin and one level.
    """
    first = studies[0]
    if len(studies) == 1:
        return first
    for other in studies[1:]:
        if other.analysis != first.analysis:
            raise InputError(
                f"studies {first.name} and {other.name}: their analyses differ in "
                f"{', '.join(first.analysis.changes(other.analysis))}; studies that are reported together must share it"
            )
    contrasts = {contrast.name: contrast for study in reversed(studies) for contrast in study.contrasts}
    names = dict.fromkeys(contrast.name for study in studies for contrast in study.contrasts)

    def union(of: Callable[[Study], Iterable[Item]]) -> tuple[Item, ...]:
        return tuple(dict.fromkeys(each for study in studies for each in of(study)))

    variants = union(
        lambda study: [(m, v.label, tuple(sorted(v.settings.items()))) for v in study.variants for m in v.models]
    )
    return Study(
        name="-".join(study.name for study in studies),
        title=" ".join(f"{study.title}{'' if study.title.endswith('?') else '.'}" for study in studies),
        datasets=union(lambda study: study.datasets),
        models=union(lambda study: study.models),
        variants=tuple(Variant(models=(model,), settings=dict(settings)) for model, _, settings in variants),
        seeds=max(study.seeds for study in studies),
        readouts=union(lambda study: study.readouts),
        draws=max(study.draws for study in studies),
        tasks=union(lambda study: study.tasks),
        contrasts=tuple(contrasts[name] for name in names),
        analysis=first.analysis,
        waterfalls=union(lambda study: study.waterfalls),
        ladders=union(lambda study: study.ladders),
        plugins=union(lambda study: study.plugins),
    )
