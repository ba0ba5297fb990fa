"""Turn a study file into the study that is run: every model and every contrast by name."""

from __future__ import annotations

from typing import Protocol

from pydantic import ValidationError

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.study.schema import Asked, Contrast, Primary, Role, Side, Study
from benchmark.study.study_file import Pair, StudyFile


class Catalogue(Protocol):
    """The facts of this version that a study file leaves out."""

    @property
    def shipped_models(self) -> tuple[str, ...]:
        """Names of the models that come with this version, in table order. Controls count, plugins do not."""

    def primary_metric(self, task: str) -> str:
        """The metric that judges a task."""

    def sees_graph(self, model: str) -> bool:
        """Whether a model sees edges."""


def resolve(file: StudyFile, catalogue: Catalogue) -> Study:
    """Expand "all" models and pairs.

    Raises:
        InputError: If ``except`` or a pair names an unknown model, or a contrast or ladder needs something that the
            study lacks.
    """
    of_pairs: dict[Contrast, Contrast] = {}
    for pair in file.pairs:
        for contrast in pair_contrasts(
            pair, catalogue
        ):  # two pairs may share sample − mean; the first names its family
            of_pairs.setdefault(contrast.model_copy(update={"family": ""}), contrast)
    content = {name: getattr(file, name) for name in Asked.model_fields}
    content["models"] = _models(file, catalogue)
    content["contrasts"] = (*of_pairs.values(), *file.contrasts)
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"study {file.name}: {message}") from None


def _models(file: StudyFile, catalogue: Catalogue) -> tuple[str, ...]:
    if file.models != "all":
        return file.models
    shipped = catalogue.shipped_models
    for name in file.leave_out:
        if name not in shipped:
            raise unknown("model", name, shipped, where=f"study {file.name}: except")
    kept = tuple(name for name in shipped if name not in file.leave_out)
    if not kept:
        raise InputError(f"study {file.name}: except leaves no model; remove names from the list")
    return kept


def pair_contrasts(pair: Pair, catalogue: Catalogue) -> tuple[Contrast, ...]:
    """The three contrasts of a pair: mean − point, sample − point, sample − mean."""
    graphs = all(catalogue.sees_graph(model) for model in (pair.point, pair.variational))
    links = pair.links or ("link-inner-product" if graphs else "link-hadamard")
    tasks = ("k-means", "logistic-regression-few", links)
    primary = tuple(Primary(task=task, metric=catalogue.primary_metric(task)) for task in tasks)
    point = Side(model=pair.point, readout="mean", variant=pair.point_variant)
    mean = Side(model=pair.variational, readout="mean", variant=pair.variational_variant)
    sample = Side(model=pair.variational, readout="sampled", variant=pair.variational_variant)
    one, other = _named(pair.variational, pair.variational_variant), _named(pair.point, pair.point_variant)
    family = pair.family or f"{one} against {other}"
    sides: tuple[tuple[str, Side, Side, Role, str], ...] = (
        (f"{one} mean − {other}", mean, point, pair.role, "mean − point"),
        (f"{one} sample − {other}", sample, point, pair.role, "sample − point"),
        (f"{one} sample − mean", sample, mean, "secondary", "sample − mean"),
    )
    return tuple(
        Contrast(name=name, first=first, second=second, primary=primary, role=role, family=f"{family}: {kind}")
        for name, first, second, role, kind in sides
    )


def _named(model: str, variant: str) -> str:
    return f"{model} ({variant})" if variant else model
