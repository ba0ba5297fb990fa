"""The promises of a function that is a model, tried in three calls on a small graph with features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cloudpickle
import numpy as np

from benchmark.contracts.contract import Contract, NotExaminedError, undescribed
from benchmark.core.rng import generator
from benchmark.latents.latents import Latents, of_fitted
from benchmark.models import Model
from benchmark.training.training_data import TrainingData

_ROWS, _FEATURES, _CLASSES = 240, 64, 3


@dataclass(frozen=True)
class FunctionCase:
    """A function under examination.

    The data are made up: 240 rows of 64 features within [0, 1] in three classes, and edges mostly within classes. The
    function is called twice with seed 0, the second time as a worker process receives it, and once with seed 1.
    """

    model: Model

    @cached_property
    def data(self) -> TrainingData:
        """The data for the function."""
        rng = generator(0, "contracts", "functions")
        groups = np.arange(_ROWS) % _CLASSES
        x = (0.5 * np.eye(_CLASSES, _FEATURES)[groups] + 0.5 * rng.random((_ROWS, _FEATURES))).astype(np.float32)
        i, j = np.triu_indices(_ROWS, 1)
        close = np.where(groups[i] == groups[j], 0.06, 0.005)
        edges = np.stack([i, j], axis=1)[rng.random(len(i)) < close]
        return TrainingData(x, (edges,) if self.model.uses_graph else None)

    @cached_property
    def first(self) -> Latents:
        """The latents of seed 0."""
        return self._called(self.model, 0)

    @cached_property
    def sent(self) -> Model:
        """The function as a worker process receives it."""
        copy: Model = cloudpickle.loads(cloudpickle.dumps(self.model))
        return copy

    @cached_property
    def again(self) -> Latents:
        """The latents of seed 0 once more."""
        return self._called(self.sent, 0)

    @cached_property
    def other(self) -> Latents:
        """The latents of seed 1."""
        return self._called(self.model, 1)

    def check_called(self) -> None:
        """Check that the function gives latents.

        Raises:
            NotExaminedError: If it does not.
        """
        try:
            _ = self.first
        except Exception as error:
            raise NotExaminedError("it gives no latents") from error

    def _called(self, model: Model, seed: int) -> Latents:
        return of_fitted(model.fit(self.data, model.settings, [seed], "cpu"))[0]


def _says_its_source(case: FunctionCase) -> str:
    fault = undescribed({"source": case.model.source})
    return f"{fault}; name the authors before you publish" if fault else ""


def _gives_latents(case: FunctionCase) -> str:
    _ = case.first
    return ""


def _reaches_workers(case: FunctionCase) -> str:
    _ = case.sent
    return ""


def _is_repeatable(case: FunctionCase) -> str:
    case.check_called()
    if case.first.digest == case.again.digest:
        return ""
    return "two calls with seed 0 give different latents; make every generator from seed"


def _listens_to_its_seed(case: FunctionCase) -> str:
    case.check_called()
    if case.first.digest != case.other.digest:
        return ""
    return "seeds 0 and 1 give the same latents, so seeds differ in splits and in starts of tasks alone"


OF_FUNCTIONS: tuple[Contract[FunctionCase], ...] = (
    Contract("each row gets one finite latent, and not all the same", _gives_latents),
    Contract("it can be sent to worker processes", _reaches_workers),
    Contract("the same seed gives the same latents", _is_repeatable),
    Contract("another seed gives other latents", _listens_to_its_seed, advice=True),
    Contract("its source is given", _says_its_source, advice=True),
)
