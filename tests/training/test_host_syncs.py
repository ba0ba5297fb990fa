"""Operations that make the host wait for a GPU. A step with one of them cannot be captured as a CUDA graph."""

import fusion_by_hand
import pytest
import torch
from networks import MODELS, built, each_model, inputs_for, short
from networks import draws as generators
from waiting import Listening

from benchmark.models import FusionSpec, ModelSpec
from benchmark.training.phases import Step


def heard_in(network, inputs):
    """The operations that wait in a step of any phase and player, with values or not, after one step of warm-up."""
    draws, listening = generators(range(inputs.replicas)), Listening()
    progress = torch.tensor(0.25, dtype=torch.float64)
    batch = inputs if inputs.graph is not None else inputs.batch(torch.arange(16).expand(inputs.replicas, -1))
    for phase in network.phases():
        if phase.begin is not None:
            phase.begin(inputs, draws)
        for loss, parameters in (
            (phase.loss, phase.parameters),
            *((each.loss, each.parameters) for each in phase.others),
        ):
            optimiser = torch.optim.Adam(parameters, fused=True)

            def step(loss, optimiser, value):
                found = loss(batch, Step(draws, value, progress))
                optimiser.zero_grad(set_to_none=True)
                found.total.sum().backward()
                optimiser.step()

            for value in (False, True):
                step(loss, optimiser, value)
                with listening:
                    step(loss, optimiser, value)
    return listening.heard


@each_model([spec for spec in MODELS if isinstance(spec, ModelSpec | FusionSpec) and spec.trained])
def test_exactly_the_models_that_say_so_have_steps_that_wait_for_the_device(spec):
    if isinstance(spec, FusionSpec):
        inputs = fusion_by_hand.inputs_of(spec, dtype=torch.float32)
        network = fusion_by_hand.built(spec, inputs).float()
    else:
        inputs = inputs_for(spec, 2)
        schedule = {} if spec.settings.beta is None else {"beta_schedule": "cyclical:2"}
        network = built(spec, inputs, (0, 1), short(spec, **schedule)).float()
    heard = heard_in(network, inputs)
    assert bool(heard) == bool(network.uncapturable), heard


@pytest.mark.parametrize(
    "waiting",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: x[x > 1],
        lambda x: x.nonzero(),
        lambda x: x.masked_select(x > 1),
        lambda x: torch.repeat_interleave(x.long()),
        lambda x: x.unique(),
        lambda x: torch.tensor([1.0, len(x)]),
        lambda x: x.index_put_((x > 1,), torch.zeros(1)),
    ],
)
def test_operations_that_wait_are_heard(waiting):
    x, listening = torch.arange(4.0), Listening()
    with listening:
        (x * 2).sum().clamp(max=1.0)
    assert not listening.heard
    with listening:
        waiting(x)
    assert listening.heard
