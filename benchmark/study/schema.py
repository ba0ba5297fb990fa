"""Study: which datasets, models, seeds, readouts and tasks are run, and which contrasts are asked of them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Setting = float | int | str | bool | tuple[int, ...]
Named = TypeVar("Named")
Start: TypeAlias = Literal["scripts", "june"]  # of the study origin


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Variant(_Frozen):
    """Models run once more under other settings; ``variant`` in the frames names them ("beta=0.1")."""

    models: Annotated[tuple[str, ...], Field(min_length=1)]
    settings: Annotated[dict[str, Setting], Field(min_length=1)]

    @property
    def label(self) -> str:
        return variant_label(self.settings)


class Side(_Frozen):
    """One side of a contrast: a model, the readout of its latents, and its variant (empty for the row as it stands)."""

    model: str
    readout: str
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.model}{f' ({self.variant})' if self.variant else ''} {self.readout}"


class Primary(_Frozen):
    """The task and metric that a contrast is judged by."""

    task: str
    metric: str


class Contrast(_Frozen):
    """A paired difference, first − second, declared before the run."""

    name: str
    first: Side
    second: Side
    primary: Annotated[tuple[Primary, ...], Field(min_length=1)]
    role: Literal["confirmatory", "secondary"] = "confirmatory"


class Pair(_Frozen):
    """A deterministic model and its variational twin, from which the claim's three contrasts follow.

    ``links`` is the link task that decides: by inner product for graph models, by Hadamard product for feature models,
    whose inner product was never trained. The two contrasts with the point model have the pair's role; sample − mean
    is secondary always. Either may be taken in a variant of the study's.
    """

    point: str
    variational: str
    point_variant: str = ""
    variational_variant: str = ""
    links: Literal["link-inner-product", "link-hadamard"]
    role: Literal["confirmatory", "secondary"] = "confirmatory"

    def contrasts(self) -> tuple[Contrast, ...]:
        primary = (
            Primary(task="k-means", metric="nmi"),
            Primary(task="logistic-regression-few", metric="accuracy"),
            Primary(task=self.links, metric="auc"),
        )
        point = Side(model=self.point, readout="mean", variant=self.point_variant)
        mean = Side(model=self.variational, readout="mean", variant=self.variational_variant)
        sample = Side(model=self.variational, readout="sampled", variant=self.variational_variant)
        one = f"{self.variational}{f' ({self.variational_variant})' if self.variational_variant else ''}"
        other = f"{self.point}{f' ({self.point_variant})' if self.point_variant else ''}"
        return tuple(
            Contrast(name=f"{one} {what}", first=first, second=second, primary=primary, role=role)
            for what, first, second, role in (
                (f"mean − {other}", mean, point, self.role),
                (f"sample − {other}", sample, point, self.role),
                ("sample − mean", sample, mean, "secondary"),
            )
        )


class Study(_Frozen):
    """A validated study file.

    ``seeds`` is their number (0 to seeds − 1); ``draws`` how many samples of each latent are scored, each on its own;
    ``margin`` the difference of scores, on their 0–1 scale, below which two arms count as equivalent. Latents are saved
    with what the decoder makes of them where ``save_latents`` says so: edges of every graph decoder, and images of the
    datasets ``images``, all that are images if not given. ``waterfalls`` are the starts of the study origin whose
    corrections are trained besides, each with the readouts and tasks that it is about. ``ladders`` are models, each
    with its variant after a space, in the order in which the report draws them, from a point to a variational
    posterior. Without ``derived_graphs`` a graph model is refused on data that have no edges of their own. ``plugins``
    are Python files that bring further datasets, models and tasks; in a study file, seen from its folder.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: Annotated[str, Field(min_length=1)]
    datasets: Annotated[tuple[str, ...], Field(min_length=1)]
    models: Annotated[tuple[str, ...], Field(min_length=1)]
    variants: tuple[Variant, ...] = ()
    seeds: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 10
    readouts: Annotated[tuple[str, ...], Field(min_length=1)] = ("mean", "sampled", "averaged-4")
    draws: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 5
    tasks: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "k-means",
        "logistic-regression-few",
        "logistic-regression-many",
        "link-inner-product",
        "link-hadamard",
    )
    pairs: tuple[Pair, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    margin: Annotated[float, Field(strict=True, gt=0, lt=1)] = 0.01
    save_latents: Annotated[bool, Field(strict=True)] = False
    images: tuple[str, ...] | None = None
    waterfalls: tuple[Start, ...] = ()
    ladders: tuple[Annotated[tuple[str, ...], Field(min_length=2)], ...] = ()
    derived_graphs: Annotated[bool, Field(strict=True)] = True
    plugins: tuple[str, ...] = ()

    @field_validator("datasets", "models", "readouts", "tasks", "waterfalls", "plugins")
    @classmethod
    def _no_duplicates(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} named twice")
        return names

    @model_validator(mode="after")
    def _images_saved(self) -> Study:
        for name in self.images or ():
            if name not in self.datasets:
                raise ValueError(f"images: {name!r} is not among the study's datasets")
        if self.images and not self.save_latents:
            raise ValueError("images: they are saved with the latents; set save_latents = true")
        return self

    @model_validator(mode="after")
    def _no_arm_twice(self) -> Study:
        arms = self._arms()
        twice = sorted({f"{model} {variant}".strip() for model, variant in arms if arms.count((model, variant)) > 1})
        if twice:
            raise ValueError(f"variants: {', '.join(twice)} there twice")
        return self

    @model_validator(mode="after")
    def _contrasts_within(self) -> Study:
        names = [contrast.name for contrast in self.declared()]
        if len(set(names)) < len(names):
            raise ValueError(f"contrasts: names must differ, got {names}")
        arms = self._arms()
        for contrast in self.declared():
            where = f"contrast {contrast.name!r}"
            if contrast.first == contrast.second:
                raise ValueError(f"{where}: both sides are {contrast.first}")
            if len(set(contrast.primary)) < len(contrast.primary):
                raise ValueError(f"{where}: a primary task and metric is there twice")
            for primary in contrast.primary:
                if primary.task not in self.tasks:
                    raise ValueError(f"{where}: task {primary.task!r} is not among the study's tasks")
            for side in (contrast.first, contrast.second):
                if side.readout not in self.readouts:
                    raise ValueError(f"{where}: readout {side.readout!r} is not among the study's readouts")
                if (side.model, side.variant) not in arms:
                    raise ValueError(
                        f"{where}: {f'{side.model} {side.variant}'.strip()!r} is not among the study's models"
                    )
        return self

    @model_validator(mode="after")
    def _rungs_within(self) -> Study:
        arms = self._arms()
        for rungs in self.ladders:
            for rung in rungs:
                if arm_named(rung) not in arms:
                    raise ValueError(f"ladders: {rung!r} is not among the study's models")
        return self

    def _arms(self) -> list[tuple[str, str]]:
        """Model and variant of everything that is trained."""
        variants = [(model, variant.label) for variant in self.variants for model in variant.models]
        return [*((model, "") for model in self.models), *variants]

    def declared(self) -> tuple[Contrast, ...]:
        """Every contrast of the study: the three of each pair, one that two pairs share once, then the further ones."""
        of_pairs = dict.fromkeys(contrast for pair in self.pairs for contrast in pair.contrasts())
        return (*of_pairs, *self.contrasts)


def arm_named(name: str) -> tuple[str, str]:
    """Model and variant of a name such as ``vae beta=0``."""
    model, _, variant = name.partition(" ")
    return model, variant


def variant_label(settings: dict[str, Setting]) -> str:
    """The overridden settings in a few characters, in a fixed order: ``beta=0.1 hidden=64``."""
    return " ".join(f"{key}={_in_label(settings[key])}" for key in sorted(settings))


def _in_label(value: Setting) -> str:
    return "–".join(map(str, value)) if isinstance(value, tuple) else str(value)
