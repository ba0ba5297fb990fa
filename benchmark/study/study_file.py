"""StudyFile: a study as its TOML file says it, with "all" models and pairs that stand for contrasts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from benchmark.study.frozen import Frozen
from benchmark.study.schema import Asked, Contrast, Role, check_distinct


class Pair(Frozen):
    """A deterministic model and its variational twin. ``resolve`` turns a pair into the three contrasts of the claim.

    Attributes:
        point: The deterministic model.
        variational: Its twin.
        point_variant: The variant of ``point``, "" without overrides.
        variational_variant: The variant of ``variational``.
        links: The link task that judges the pair. By default it is the inner product if both models see the graph,
            else the Hadamard product, because models of features never train an inner product.
        role: Role of the two contrasts with the point model. The contrast of sample and mean is always secondary.
        family: Pairs of one family have simultaneous intervals in each contrast, as "calibrated: mean − point". Empty
            for a family of this pair alone, as "vae against ae: mean − point".
    """

    point: str
    variational: str
    point_variant: str = ""
    variational_variant: str = ""
    links: Literal["link-inner-product", "link-hadamard"] | None = None
    role: Role = "confirmatory"
    family: str = ""


class StudyFile(Asked):
    """A study as it is written.

    Attributes:
        models: Names of models, or "all" for every model of this version.
        leave_out: Models that "all" does not include; the key ``except`` of the file.
        pairs: Twins. Each pair adds three contrasts.
        contrasts: Further contrasts.
    """

    models: tuple[str, ...] | Literal["all"]
    leave_out: tuple[str, ...] = Field(default=(), alias="except")
    pairs: tuple[Pair, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    _folder: Path = PrivateAttr(default_factory=Path)

    @property
    def folder(self) -> Path:
        """The folder that the paths of ``datasets`` start at."""
        return self._folder

    def read_from(self, folder: Path) -> StudyFile:
        """The study with all paths seen from the folder of its file. Names of datasets stay as they are written."""
        here = self.model_copy(update={"plugins": tuple(str(folder / plugin) for plugin in self.plugins)})
        here._folder = folder
        return here

    @field_validator("models", mode="plain")
    @classmethod
    def _names_or_all(cls, value: Any) -> tuple[str, ...] | Literal["all"]:
        if isinstance(value, str) and value == "all":
            return "all"
        if isinstance(value, list | tuple) and value and all(isinstance(name, str) for name in value):
            return check_distinct(tuple(value))
        raise ValueError(f'a list of names or "all" is expected, got {value!r}')

    @field_validator("leave_out")
    @classmethod
    def _left_out_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return check_distinct(names)

    @model_validator(mode="after")
    def _leaves_out_of_all(self) -> StudyFile:
        if self.leave_out and self.models != "all":
            raise ValueError('except removes names from "all"; set models = "all", or shorten the list of models')
        return self
