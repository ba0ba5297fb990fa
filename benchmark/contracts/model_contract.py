"""The promises of every model, tried on a small graph with features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import cloudpickle
import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.contracts.contract import Contract, NotExaminedError, global_draws, undescribed
from benchmark.core.rng import generator, torch_generators
from benchmark.latents.latents import Latents, of_fitted
from benchmark.models import Model, Settings
from benchmark.models.model import Trainable
from benchmark.training.fitted import Fitted
from benchmark.training.inputs import Inputs
from benchmark.training.phases import LAST, Draws, Network, Step
from benchmark.training.posteriors import DiagonalGaussian
from benchmark.training.random_streams import random_streams
from benchmark.training.training_data import TrainingData

_ROWS, _FEATURES, _CLASSES = 48, 12, 3
_EPOCHS, _LONGER, _WIDEST, _DRAWS = 3, 60, 16, 20
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5  # tolerances for float32 after a few steps


@dataclass(frozen=True)
class ModelCase:
    """A model under examination.

    The data are made up: 48 rows of features within [0, 1], and a graph in which the last two rows have no edge.
    """

    model: Model

    @cached_property
    def x(self) -> NDArray[np.float32]:
        """Matrix [48, 12] around the one-hot code of three classes."""
        groups = np.arange(_ROWS) % _CLASSES
        noise = generator(0, "contracts", "models").random((_ROWS, _FEATURES))
        return (0.5 * np.eye(_CLASSES, _FEATURES)[groups] + 0.5 * noise).astype(np.float32)

    def edges(self, replica: int = 0) -> NDArray[np.int64]:
        """Edges [m, 2] of a replica, mostly within classes."""
        rng = generator(replica, "contracts", "edges")
        i, j = np.triu_indices(_ROWS - 2, 1)
        close = np.where(i % _CLASSES == j % _CLASSES, 0.7, 0.02)
        return np.stack([i, j], axis=1)[rng.random(len(i)) < close]

    @property
    def network(self) -> Trainable:
        """The network of the model. For a model that adds noise to a point model, the network of the point model.

        Raises:
            NotExaminedError: If the model has no network.
        """
        if self.model.network is None:
            raise NotExaminedError("it has no network")
        return self.model.network

    def check_trained(self) -> None:
        """Check that the model is trained.

        Raises:
            NotExaminedError: If the model is not trained.
        """
        if not self.model.trained:
            raise NotExaminedError("it is not trained")

    def short(self, model: Model | Trainable, epochs: int = _EPOCHS) -> Settings:
        """The settings of a model with few epochs and with layers that suit the small data."""
        settings = model.settings
        changes: dict[str, Any] = {
            "epochs": epochs if settings.epochs else 0,
            "hidden": tuple(min(width, _WIDEST) for width in settings.hidden),
            "latent": min(settings.latent, _FEATURES),
        }
        if settings.least_steps:
            changes["least_steps"] = 0
        if settings.pretraining_epochs is not None:
            changes["pretraining_epochs"] = tuple(1 for _ in settings.pretraining_epochs)
        return replace(settings, **changes)

    def data(self, replicas: int = 1, order: NDArray[np.int64] | None = None, first: int = 0) -> TrainingData:
        """The data for the model; replica i has the edges i + ``first``, and ``order`` permutes the rows."""
        x, graphs = self.x, [self.edges(first + replica) for replica in range(replicas)]
        if order is not None:
            x, graphs = x[order], [np.sort(np.argsort(order)[edges], axis=1) for edges in graphs]
        return TrainingData(x, tuple(graphs) if self.model.uses_graph else None, clusters=_CLASSES)

    def inputs(self, order: NDArray[np.int64] | None = None) -> Inputs:
        """The tensors that the network of the model sees, for one replica.

        Args:
            order: A permutation of the rows; None keeps their order.
        """
        data = self.data()
        seen = self.network.seen(data.x)
        ordered = data if order is None else self.data(order=order)
        return ordered.inputs(seen if order is None else seen[order], replicas=1, device="cpu")

    def fitted(self, seeds: Sequence[int] = (0,), epochs: int = _EPOCHS) -> Fitted:
        """A short training of one replica for each seed."""
        return self.model.fit(self.data(len(seeds)), self.short(self.model, epochs), seeds, "cpu")

    def latents(self, seed: int = 0) -> Latents:
        """The latents of one short training, or of the control."""
        return of_fitted(self.fitted((seed,)))[0]

    def built(self, inputs: Inputs, seeds: Sequence[int] = (0,)) -> Network:
        """The untrained network."""
        streams = partial(torch_generators, tuple(seeds), "weights", device="cpu")
        return self.network.build(self.short(self.network), inputs, streams)


def _draws(seeds: Sequence[int]) -> Draws:
    return Draws.of(lambda purpose: random_streams(seeds, purpose, device="cpu"))


def _says_its_source(case: ModelCase) -> str:
    fault = undescribed({"source": case.model.source})
    return f"{fault}; name the authors of the model" if fault else ""


def _gives_latents(case: ModelCase) -> str:
    latents = case.latents()
    if latents.mean.shape[0] != _ROWS or len(latents.mean.shape) != 2:
        return f"the latent has the shape {latents.mean.shape}, expected {_ROWS} rows"
    wanted = case.short(case.model).latent if case.model.compresses else None
    if wanted not in (None, latents.mean.shape[1]):
        return f"the latent has {latents.mean.shape[1]} dimensions, and the settings say {wanted}"
    return "" if latents.finite else "the latent has values that are not finite"


def _spreads_as_it_says(case: ModelCase) -> str:
    _ = case.network
    q, noisy = case.fitted().posterior, case.model.noisy
    if isinstance(q, DiagonalGaussian) and bool((q.std < 0).any()):
        return "σ is negative somewhere"
    spread = getattr(q, "std", getattr(q, "concentration", None))
    if noisy != (spread is not None and bool((spread > 0).any())):
        return f"the model says noisy = {noisy}, and the posterior is a {type(q).__name__}"
    return ""


def _is_repeatable(case: ModelCase) -> str:
    first, again = case.latents(), case.latents()
    return (
        ""
        if first.digest == again.digest
        else "two trainings with the same seed differ; draw only from the given generators"
    )


def _listens_to_its_seed(case: ModelCase) -> str:
    if case.model.network is None:
        raise NotExaminedError("it has no network, and may ignore the seed")
    return "" if case.latents(0).digest != case.latents(1).digest else "seeds 0 and 1 give the same latents"


def _draws_nothing(case: ModelCase) -> str:
    case.latents()  # the first training imports modules, which may seed generators
    with global_draws() as drawn:
        case.latents()
    return f"it draws from or seeds the global generator of {drawn.names}" if drawn.names else ""


def _replicas_are_apart(case: ModelCase) -> str:
    _ = case.network
    together = of_fitted(case.fitted((3, 4, 5)))
    for replica, seed in enumerate((3, 4, 5)):
        own = case.model.fit(case.data(first=replica), case.short(case.model), [seed], "cpu")
        (alone,) = of_fitted(own)
        off = float(np.abs(alone.mean - together[replica].mean).max())
        if not np.allclose(alone.mean, together[replica].mean, rtol=_RELATIVE, atol=_ABSOLUTE):
            return f"seed {seed} trained beside two others differs by {off:.2g} from seed {seed} trained alone"
    return ""


def _follows_its_rows(case: ModelCase) -> str:
    order = generator(0, "contracts", "order").permutation(_ROWS)
    straight, permuted = case.inputs(), case.inputs(order=order)
    with torch.no_grad():
        model = case.built(straight)
        before, after = model.encode(straight).mean, model.encode(permuted).mean
    off = float((before[:, order] - after).abs().max())
    return (
        ""
        if torch.allclose(before[:, order], after, rtol=_RELATIVE, atol=_ABSOLUTE)
        else f"with reordered rows, latents are off by {off:.2g}"
    )


def _trains_all(case: ModelCase) -> str:
    case.check_trained()
    inputs = case.inputs()
    model = case.built(inputs)
    reached: set[int] = set()
    for phase in model.phases():
        if phase.begin is not None:
            phase.begin(inputs, _draws((0,)))
        players = [(phase.loss, phase.parameters), *((other.loss, other.parameters) for other in phase.others)]
        for loss, parameters in players:
            for parameter in model.parameters():
                parameter.grad = None
            loss(inputs, Step(_draws((0,)))).total.sum().backward()  # type: ignore[no-untyped-call]
            reached |= {id(p) for p in parameters if p.grad is not None and bool(p.grad.abs().sum() > 0)}
    left = [p for p in model.parameters() if id(p) not in reached]
    shapes = ", ".join(str(tuple(p.shape[1:])) for p in left)
    return f"{len(left)} weights get no gradient; their shapes are {shapes}" if left else ""


def _learns(case: ModelCase) -> str:
    """Compare the loss before and after training, as a mean over draws, because one draw is a noisy estimate.

    If the last phase starts with a step of its own, the first and last loss of that phase are compared.
    """
    case.check_trained()
    inputs, fitted = case.inputs(), case.fitted(epochs=_LONGER)
    if fitted.network is None:
        return "fit returns no trained network"
    (curve,), start = fitted.curves, case.built(inputs)
    if curve.first_not_finite is not None:
        return f"the loss is not finite at epoch {curve.first_not_finite}"
    if start.phases()[-1].begin is None:
        before, after = _mean_loss(start, inputs), _mean_loss(fitted.network, inputs)
    else:
        before, *_, after = (loss for loss, phase in zip(curve.total, curve.phase, strict=True) if phase == LAST)
    return "" if after < before else f"the loss goes from {before:.4g} to {after:.4g} in {_LONGER} epochs"


def _mean_loss(model: Network, inputs: Inputs) -> float:
    draws = _draws((0,))
    with torch.no_grad():
        losses = [model.loss(inputs, Step(draws)).total for _ in range(_DRAWS)]
    return float(torch.stack(losses).mean())


def _reaches_workers(case: ModelCase) -> str:
    copy = ModelCase(cloudpickle.loads(cloudpickle.dumps(case.model)))
    return "" if copy.latents().digest == case.latents().digest else "a copy in another process gives different latents"


OF_MODELS: tuple[Contract[ModelCase], ...] = (
    Contract("its source is given", _says_its_source),
    Contract("each row gets one finite latent of the stated dimension", _gives_latents),
    Contract("its posterior is noisy if it says so, and only then", _spreads_as_it_says),
    Contract("the same seed gives the same latents", _is_repeatable),
    Contract("another seed gives other latents", _listens_to_its_seed),
    Contract("training leaves the global random generators alone", _draws_nothing),
    Contract("a seed gives the same latents alone and beside other seeds", _replicas_are_apart),
    Contract("latents follow their rows if rows are reordered", _follows_its_rows),
    Contract("every weight is trained", _trains_all),
    Contract("training lowers the loss", _learns),
    Contract("it can be sent to worker processes", _reaches_workers),
)
