"""Frozen: the base of all values that a study file holds."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A checked value that never changes; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
