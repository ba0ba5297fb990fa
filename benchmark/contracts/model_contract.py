"""What every model promises, on a small graph with features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import cloudpickle
import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.contracts.contract import Contract, NotExaminedError, global_draws
from benchmark.core.rng import generator, torch_generators
from benchmark.latents.latents import Latents, of_posterior
from benchmark.models import (
    LAST,
    BaselineSpec,
    Control,
    DiagonalGaussian,
    Draws,
    FusionSpec,
    Inputs,
    Model,
    ModelSpec,
    NoisedSpec,
    Posterior,
    Row,
    Settings,
)
from benchmark.training.loop import Fit, fit

_ROWS, _FEATURES, _CLASSES = 48, 12, 3
_EPOCHS, _LONGER, _WIDEST, _DRAWS = 3, 60, 16, 20
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5  # of float32 after a few steps


@dataclass(frozen=True)
class ModelCase:
    """A row of the table, and 48 rows of features within [0, 1] with a graph that leaves the last two isolated."""

    row: Row

    @cached_property
    def x(self) -> NDArray[np.float32]:
        groups = np.arange(_ROWS) % _CLASSES
        noise = generator(0, "contracts", "models").random((_ROWS, _FEATURES))
        return (0.5 * np.eye(_CLASSES, _FEATURES)[groups] + 0.5 * noise).astype(np.float32)

    def edges(self, replica: int = 0) -> NDArray[np.int64]:
        rng = generator(replica, "contracts", "edges")
        i, j = np.triu_indices(_ROWS - 2, 1)
        close = np.where(i % _CLASSES == j % _CLASSES, 0.7, 0.02)
        return np.stack([i, j], axis=1)[rng.random(len(i)) < close]

    @property
    def network(self) -> ModelSpec | FusionSpec | NoisedSpec:
        if isinstance(self.row, BaselineSpec):
            raise NotExaminedError("it is no network")
        return self.row

    @property
    def trained(self) -> ModelSpec | FusionSpec | NoisedSpec:
        if not self.network.settings.epochs:
            raise NotExaminedError("it is not trained")
        return self.network

    @property
    def single(self) -> ModelSpec | FusionSpec:
        """The row as one model; that of the point where noise is added to one."""
        return self.network.point if isinstance(self.network, NoisedSpec) else self.network

    def short(self, row: ModelSpec | FusionSpec | NoisedSpec, epochs: int = _EPOCHS) -> Settings:
        """The row's settings with so many epochs, none where it has none, and layers that suit the small data."""
        settings = row.settings
        overrides: dict[str, float | int | tuple[int, ...]] = {
            "epochs": epochs if settings.epochs else 0,
            "hidden": tuple(min(width, _WIDEST) for width in settings.hidden),
            "latent": min(settings.latent, _FEATURES),
        }
        if settings.least_steps:
            overrides["least_steps"] = 0
        if settings.pretraining_epochs is not None:
            overrides["pretraining_epochs"] = tuple(1 for _ in settings.pretraining_epochs)
        return row.overridden(overrides)

    def inputs(self, replicas: int = 1, order: NDArray[np.int64] | None = None, first: int = 0) -> Inputs:
        """What the row sees of the data; replica i has the edges i + ``first``, and rows may come in another order."""
        row, seen = self.network, self.network.seen(self.x)
        graphs = [self.edges(first + replica) for replica in range(replicas)]
        if order is not None:
            seen, graphs = seen[order], [np.sort(np.argsort(order)[edges], axis=1) for edges in graphs]
        edges = graphs if row.uses_graph else None
        return Inputs.of(seen, edges, replicas=replicas, device="cpu", dense=not row.uses_graph, clusters=_CLASSES)

    def fitted(self, seeds: Sequence[int] = (0,), epochs: int = _EPOCHS) -> Fit:
        return fit(self.network, self.inputs(len(seeds)), self.short(self.network, epochs), list(seeds), "cpu")

    def latents(self, seed: int = 0) -> Latents:
        """Of one short training, or of the control."""
        row = self.row
        if isinstance(row, BaselineSpec):
            edges = self.edges() if row.uses_graph else None
            return Latents(row.latent(Control(self.x, edges, row.settings.latent, generator(seed, row.name))))
        return of_posterior(self.fitted((seed,)).posterior)[0]

    def built(self, inputs: Inputs, seeds: Sequence[int] = (0,)) -> Model:
        """The untrained model of ``single``."""
        streams = partial(torch_generators, tuple(seeds), "weights", device="cpu")
        return self.single.build(self.short(self.single), inputs, streams)


def _draws(seeds: Sequence[int]) -> Draws:
    return Draws.of(lambda purpose: torch_generators(tuple(seeds), purpose, device="cpu"))


def _says_its_source(case: ModelCase) -> str:
    return "" if case.row.source.strip() else "source is not given; say whose model it is"


def _gives_latents(case: ModelCase) -> str:
    latents = case.latents()
    if latents.mean.shape[0] != _ROWS or len(latents.mean.shape) != 2:
        return f"its latent has the shape {latents.mean.shape}, expected one row for each of {_ROWS}"
    wanted = None if isinstance(case.row, BaselineSpec) else case.short(case.row).latent
    if wanted not in (None, latents.mean.shape[1]):
        return f"its latent has {latents.mean.shape[1]} dimensions, its settings say {wanted}"
    return "" if latents.finite else "its latent holds values that are not finite"


def _spreads_as_it_says(case: ModelCase) -> str:
    q: Posterior = case.fitted().posterior
    noisy = case.network.posterior.noisy
    if isinstance(q, DiagonalGaussian) and bool((q.std < 0).any()):
        return "σ is negative somewhere"
    spread = getattr(q, "std", getattr(q, "concentration", None))
    if noisy != (spread is not None and bool((spread > 0).any())):
        return f"its posterior family says noisy = {noisy}, and its posterior is a {type(q).__name__}"
    return ""


def _is_repeatable(case: ModelCase) -> str:
    first, again = case.latents(), case.latents()
    return "" if first.digest == again.digest else "the same seed gives other latents; draw from the generators given"


def _listens_to_its_seed(case: ModelCase) -> str:
    if isinstance(case.row, BaselineSpec):
        raise NotExaminedError("it need not draw")
    return "" if case.latents(0).digest != case.latents(1).digest else "seeds 0 and 1 give the same latents"


def _draws_nothing(case: ModelCase) -> str:
    case.latents()  # what it imports the first time is not its own
    with global_draws() as drawn:
        case.latents()
    return f"it draws from, or seeds, the global generator of {drawn.names}" if drawn.names else ""


def _replicas_are_apart(case: ModelCase) -> str:
    row = case.network
    together = of_posterior(case.fitted((3, 4, 5)).posterior)
    for replica, seed in enumerate((3, 4, 5)):
        own = fit(row, case.inputs(first=replica), case.short(row), [seed], "cpu")
        (alone,) = of_posterior(own.posterior)
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
        else f"rows in another order: latents off by {off:.2g}"
    )


def _trains_all(case: ModelCase) -> str:
    _ = case.trained
    inputs = case.inputs()
    model = case.built(inputs)
    reached: set[int] = set()
    for phase in case.single.phases(model):  # type: ignore[arg-type]
        if phase.begin is not None:
            phase.begin(inputs, _draws((0,)))
        players = [(phase.loss, phase.parameters), *((other.loss, other.parameters) for other in phase.others)]
        for loss, parameters in players:
            for parameter in model.parameters():
                parameter.grad = None
            loss(inputs, _draws((0,)), value=True).total.sum().backward()  # type: ignore[no-untyped-call]
            reached |= {id(p) for p in parameters if p.grad is not None and bool(p.grad.abs().sum() > 0)}
    left = [p for p in model.parameters() if id(p) not in reached]
    shapes = ", ".join(str(tuple(p.shape[1:])) for p in left)
    return f"{len(left)} of its weights get no gradient, of shape {shapes}" if left else ""


def _learns(case: ModelCase) -> str:
    """The loss before and after, over the same draws of whatever the row draws: one epoch's is a noisy estimate.

    Of a row whose last phase begins with a step of its own, the losses of that phase.
    """
    _ = case.trained
    inputs, fitted = case.inputs(), case.fitted(epochs=_LONGER)
    (curve,), start = fitted.curves, case.built(inputs)
    if curve.first_not_finite is not None:
        return f"its loss is not finite at epoch {curve.first_not_finite}"
    if case.single.phases(start)[-1].begin is None:  # type: ignore[arg-type]
        before, after = _mean_loss(start, inputs), _mean_loss(fitted.model, inputs)
    else:
        before, *_, after = (loss for loss, phase in zip(curve.total, curve.phase, strict=True) if phase == LAST)
    return "" if after < before else f"its loss goes from {before:.4g} to {after:.4g} in {_LONGER} epochs"


def _mean_loss(model: Model, inputs: Inputs) -> float:
    draws = _draws((0,))
    with torch.no_grad():
        losses = [model.loss(inputs, draws, value=True).total for _ in range(_DRAWS)]
    return float(torch.stack(losses).mean())


def _reaches_workers(case: ModelCase) -> str:
    copy = ModelCase(cloudpickle.loads(cloudpickle.dumps(case.row)))
    return "" if copy.latents().digest == case.latents().digest else "copied to another process it gives other latents"


OF_MODELS: tuple[Contract[ModelCase], ...] = (
    Contract("it says whose it is", _says_its_source),
    Contract("it gives one finite latent of its dimension for each row", _gives_latents),
    Contract("its posterior has the spread that it says", _spreads_as_it_says),
    Contract("the same seed gives the same latents", _is_repeatable),
    Contract("another seed gives other latents", _listens_to_its_seed),
    Contract("training leaves the global random generators alone", _draws_nothing),
    Contract("seeds trained together are as they are alone", _replicas_are_apart),
    Contract("latents follow their rows into another order", _follows_its_rows),
    Contract("every weight is trained", _trains_all),
    Contract("training lowers its loss", _learns),
    Contract("worker processes can be given it", _reaches_workers),
)
