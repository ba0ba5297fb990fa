"""Study: the datasets, models, readouts, tasks and contrasts of a run, with every list written out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from benchmark.core.names import repeated
from benchmark.study.analysis import Analysis
from benchmark.study.frozen import Frozen

Setting: TypeAlias = float | int | str | bool | tuple[int, ...]
NAME = r"^[a-z0-9][a-z0-9-]*$"  # names of studies
Start: TypeAlias = Literal["scripts", "june"]  # of the study origin
Role: TypeAlias = Literal["confirmatory", "secondary"]


class Variant(Frozen):
    """Models that are trained once more under other settings. The frames name the variant ("beta=0.1")."""

    models: Annotated[tuple[str, ...], Field(min_length=1)]
    settings: Annotated[dict[str, Setting], Field(min_length=1)]

    @property
    def label(self) -> str:
        """The overridden settings in a few characters."""
        return variant_label(self.settings)


class Unsuited(Frozen):
    """Models that a study does not train on some of its datasets, with any settings."""

    models: Annotated[tuple[str, ...], Field(min_length=1)]
    datasets: Annotated[tuple[str, ...], Field(min_length=1)]

    def __str__(self) -> str:
        return f"{', '.join(self.models)} on {', '.join(self.datasets)}"


class Side(Frozen):
    """One side of a contrast: a model, the readout of its latents, and its variant ("" without overrides)."""

    model: str
    readout: str
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.model}{f' ({self.variant})' if self.variant else ''} {self.readout}"


class Primary(Frozen):
    """The task and metric that judge a contrast."""

    task: str
    metric: str


class Contrast(Frozen):
    """A paired difference, first − second, declared before the run.

    Attributes:
        name: Names the contrast on the page.
        first: The side whose score is the minuend.
        second: The side whose score is the subtrahend.
        primary: The tasks that judge the contrast.
        role: "confirmatory" if the contrast tests the claim, else "secondary".
        family: Contrasts of one family have simultaneous intervals. Empty for a family of its own.
    """

    name: str
    first: Side
    second: Side
    primary: Annotated[tuple[Primary, ...], Field(min_length=1)]
    role: Role = "confirmatory"
    family: str = ""


class Asked(Frozen):
    """The part of a study that reads the same in the file and in the run.

    Attributes:
        name: Names the frames and the declaration.
        title: The heading of the report.
        datasets: Names from the table of datasets, or files such as ``csv:mine.csv``. In a study file, paths start at
            its folder.
        variants: Models that are trained under other settings too.
        seeds: Number of repetitions; the seeds are 0 to ``seeds`` − 1.
        readouts: Readouts of each latent.
        draws: Samples of each posterior. Each sample is scored alone.
        repeats: Most repeats of a score, see ``Task.repeats``. None leaves the number to the tasks.
        tasks: Tasks that score the latents.
        analysis: How the study draws conclusions. It has no effect on what is trained and scored.
        save_latents: Keep the latents of every training, so that a later task needs no training.
        drawings: Keep drawings of what the decoders make of the latents.
        mechanisms: Measure continuity, completeness, robustness and the dynamics of the noise of trained models.
        images: Datasets that are drawn as images; None means all image data.
        waterfalls: Starts of the study origin. All corrections of each start are trained.
        ladders: Models with their variants ("vae beta=0"), from a point to a variational posterior, in the
            order of the figure.
        unsuited: Models that are not trained on some of the datasets, because these do not suit them.
        derived_graphs: Graph models train on nearest neighbours if a dataset has no edges. If False, a graph model
            is refused on such data.
        plugins: Python files with more datasets, models and tasks. In a study file, paths start at its folder.
    """

    name: Annotated[str, Field(pattern=NAME)]
    title: Annotated[str, Field(min_length=1)]
    datasets: Annotated[tuple[str, ...], Field(min_length=1)]
    variants: tuple[Variant, ...] = ()
    seeds: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 10
    readouts: Annotated[tuple[str, ...], Field(min_length=1)] = ("mean", "sampled", "averaged-4")
    draws: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 5
    repeats: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = None
    tasks: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "k-means",
        "logistic-regression-few",
        "logistic-regression-many",
        "link-inner-product",
        "link-hadamard",
    )
    analysis: Analysis = Analysis()
    save_latents: Annotated[bool, Field(strict=True)] = True
    drawings: Annotated[bool, Field(strict=True)] = False
    mechanisms: Annotated[bool, Field(strict=True)] = False
    images: tuple[str, ...] | None = None
    waterfalls: tuple[Start, ...] = ()
    ladders: tuple[Annotated[tuple[str, ...], Field(min_length=2)], ...] = ()
    unsuited: tuple[Unsuited, ...] = ()
    derived_graphs: Annotated[bool, Field(strict=True)] = True
    plugins: tuple[str, ...] = ()

    @field_validator("datasets", "readouts", "tasks", "waterfalls", "plugins")
    @classmethod
    def _no_duplicates(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return check_distinct(names)

    @model_validator(mode="after")
    def _drawings_kept(self) -> Asked:
        if self.drawings and not self.save_latents:
            raise ValueError("drawings: they are kept beside the latents; leave save_latents = false out")
        for name in self.images or ():
            if name not in self.datasets:
                raise ValueError(f"images: {name!r} is not among the study's datasets")
        if self.images and not self.drawings:
            raise ValueError("images: they are drawings; set drawings = true")
        return self


class Study(Asked):
    """A study that can be run: every model and every contrast is named.

    ``resolve`` makes one from a study file.
    """

    models: Annotated[tuple[str, ...], Field(min_length=1)]
    contrasts: tuple[Contrast, ...] = ()

    @field_validator("models")
    @classmethod
    def _models_differ(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return check_distinct(names)

    @model_validator(mode="after")
    def _no_arm_twice(self) -> Study:
        arms = self.arms()
        twice = sorted({f"{model} {variant}".strip() for model, variant in arms if arms.count((model, variant)) > 1})
        if twice:
            raise ValueError(f"variants: {', '.join(twice)} is trained twice; leave one out")
        return self

    @model_validator(mode="after")
    def _contrasts_within(self) -> Study:
        names = [contrast.name for contrast in self.contrasts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"contrasts: two are named {twice[0]!r}; rename one")
        arms = self.arms()
        for contrast in self.contrasts:
            self._check_contrast(contrast, arms)
        return self

    def _check_contrast(self, contrast: Contrast, arms: list[tuple[str, str]]) -> None:
        where = f"contrast {contrast.name!r}"
        if contrast.first == contrast.second:
            raise ValueError(f"{where}: both sides are {contrast.first}")
        if len(set(contrast.primary)) < len(contrast.primary):
            raise ValueError(f"{where}: a primary task and metric is named twice")
        for primary in contrast.primary:
            if primary.task not in self.tasks:
                raise ValueError(f"{where}: task {primary.task!r} is not among the study's tasks")
        for side in (contrast.first, contrast.second):
            if side.readout not in self.readouts:
                raise ValueError(f"{where}: readout {side.readout!r} is not among the study's readouts")
            if (side.model, side.variant) not in arms:
                name = f"{side.model} {side.variant}".strip()
                raise ValueError(f"{where}: {name!r} is not among the study's models")

    @model_validator(mode="after")
    def _rungs_within(self) -> Study:
        arms = self.arms()
        for rungs in self.ladders:
            for rung in rungs:
                if arm_named(rung) not in arms:
                    raise ValueError(f"ladders: {rung!r} is not among the study's models")
        return self

    @model_validator(mode="after")
    def _unsuited_within(self) -> Study:
        models = dict.fromkeys(model for model, _ in self.arms())
        for each in self.unsuited:
            for names, known, kind in ((each.models, models, "models"), (each.datasets, self.datasets, "datasets")):
                for name in names:
                    if name not in known:
                        raise ValueError(f"unsuited: {name!r} is not among the study's {kind}")
        for dataset in self.datasets:
            if all(self.leaves_out(model, dataset) for model in models):
                raise ValueError(f"unsuited: no model remains on {dataset!r}; leave the dataset out")
        return self

    def leaves_out(self, model: str, dataset: str) -> bool:
        """Whether the study does not train a model on a dataset."""
        return any(model in each.models and dataset in each.datasets for each in self.unsuited)

    def arms(self) -> list[tuple[str, str]]:
        """Return the model and variant of each arm, without those of waterfalls."""
        variants = [(model, variant.label) for variant in self.variants for model in variant.models]
        return [*((model, "") for model in self.models), *variants]


def check_distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return ``names``.

    Raises:
        ValueError: If a name is there twice.

    >>> check_distinct(("wine", "karate"))
    ('wine', 'karate')
    """
    if twice := repeated(names):
        raise ValueError(f"{', '.join(twice)} named twice")
    return names


def arm_named(name: str) -> tuple[str, str]:
    """Split the name of an arm into model and variant.

    >>> arm_named("vae beta=0")
    ('vae', 'beta=0')
    """
    model, _, variant = name.partition(" ")
    return model, variant


def variant_label(settings: Mapping[str, Setting]) -> str:
    """Write overridden settings in a few characters, sorted by name.

    >>> variant_label({"hidden": (64, 32), "beta": 0.1})
    'beta=0.1 hidden=64–32'
    """
    return " ".join(f"{key}={_in_label(settings[key])}" for key in sorted(settings))


def _in_label(value: Setting) -> str:
    return "–".join(map(str, value)) if isinstance(value, tuple) else str(value)
