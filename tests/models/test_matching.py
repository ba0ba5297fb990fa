"""Matching latents to the prior: the discrepancy (MMD²), and the two players of adversarial models."""

import numpy as np
import pytest
import torch
from networks import (
    BY_NAME,
    ROWS,
    built,
    data,
    draws,
    each_model,
    global_states_untouched,
    inputs_of,
    propagation,
    short,
    small,
    target,
    tensors,
    tiny,
)
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmark.core.rng import torch_generators
from benchmark.models.parts.priors import prior_discrepancy
from benchmark.models.systems.adversarial import Discriminator
from benchmark.training.loop import train
from benchmark.training.phases import Step
from benchmark.training.posteriors import sample
from benchmark.training.random_streams import random_streams

ADVERSARIAL = [BY_NAME["aae"], BY_NAME["arga"], BY_NAME["arvga"]]


def generators(seeds=(0,), purpose="prior"):
    """One stream per seed."""
    return random_streams(seeds, purpose, device="cpu")


@pytest.mark.parametrize("n", [2, 7])
def test_the_discrepancy_agrees_with_sums_over_pairs(n):
    z = torch.randn(2, n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = prior_discrepancy(z, generators((0, 1)))
    for replica, generator in enumerate(generators((0, 1)).generators):
        prior = torch.randn(n, 3, generator=generator, dtype=torch.float64)

        def mean(x, y, *, same):
            """The mean kernel over pairs, without the diagonal if ``same``."""
            pairs = [(a, b) for i, a in enumerate(x) for j, b in enumerate(y) if not (same and i == j)]
            return np.mean([6 / (6 + float((a - b).square().sum())) for a, b in pairs])

        own = mean(z[replica], z[replica], same=True) + mean(prior, prior, same=True)
        assert found[replica].item() == pytest.approx(own - 2 * mean(z[replica], prior, same=False), rel=1e-9)


def test_the_discrepancy_averages_to_zero_only_for_the_prior():
    normal = torch.randn(400, 100, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = [
        prior_discrepancy(scale * normal + shift, generators(range(400))) for scale, shift in ((1, 0), (1, 1), (2, 0))
    ]
    means, errors = zip(*((each.mean().item(), each.std().item() / 20) for each in found), strict=True)
    assert abs(means[0]) < 5 * errors[0]
    assert min(means[1:]) > 0.02
    assert prior_discrepancy(normal[:1, :1], generators()).item() == 0.0  # a single row has no pairs


def test_the_discrepancy_has_a_finite_gradient_for_equal_rows():
    z = torch.zeros(1, 5, 2, dtype=torch.float64, requires_grad=True)
    prior_discrepancy(z, generators()).sum().backward()
    assert z.grad.isfinite().all()
    assert z.grad.abs().sum() > 0


def test_the_discriminator_agrees_with_the_formula_written_out():
    model = Discriminator(lambda name: torch_generators((0,), name, device="cpu"), 4, (16, 64)).double()
    z = np.random.default_rng(0).standard_normal((6, 4))
    weights, hidden = tensors(model), z
    for depth, width in enumerate((16, 64)):
        assert weights[f"hidden.{depth}.weight"].shape == (hidden.shape[1], width)
        hidden = np.maximum(hidden @ weights[f"hidden.{depth}.weight"] + weights[f"hidden.{depth}.bias"], 0)
    logits = hidden @ weights["output.weight"] + weights["output.bias"]
    np.testing.assert_allclose(model(torch.tensor(z)[None])[0].detach(), logits[:, 0])


@each_model(ADVERSARIAL)
def test_the_losses_of_both_players_agree_with_the_formulas_written_out(spec):
    """The discriminator minimises −log D(prior) − log(1 − D(z)), and the encoder −log D(z), plus more in arga."""
    inputs = tiny(spec)
    model = built(spec, inputs, settings=small(spec))
    (phase,) = model.phases()
    discriminating, deceiving = phase.others
    loss = discriminating.loss(inputs, Step(draws()))
    z = sample(model.encode(inputs), generators(purpose="noise"))
    prior = torch.randn(z.shape[1:], generator=generators().generators[0], dtype=torch.float64)[None]
    real, fake = model.discriminator(prior).sigmoid(), model.discriminator(z).sigmoid()
    torch.testing.assert_close(loss.total, -(real.log() + (1 - fake).log()).mean(-1))
    added = 0.0 if spec.name == "aae" else model.decoder.reconstruction(z, inputs, Step(draws())) / ROWS
    torch.testing.assert_close(deceiving.loss(inputs, Step(draws())).total, -fake.log().mean(-1) + added)
    own = [
        {name for name, p in model.named_parameters() if any(p is q for q in who.parameters)} for who in phase.others
    ]
    assert {name.split(".")[0] for name in own[0]} == {"discriminator"}
    assert {name.split(".")[0] for name in own[1]} == {"encoder"}
    assert {who.learning_rate for who in phase.others} == {1e-3}
    assert not {id(p) for p in phase.parameters} & {id(p) for p in model.discriminator.parameters()}
    other_noise, other_prior = (
        discriminating.loss(inputs, Step(draws(**{purpose: (1,)}))).total for purpose in ("noise", "prior")
    )
    assert (other_noise != loss.total) == spec.posterior.noisy
    assert other_prior != loss.total


@each_model(ADVERSARIAL)
def test_every_player_steps_in_every_epoch(spec):
    """One epoch also moves the discriminator. The autoencoder's own loss gives the discriminator no gradient."""
    inputs, rate = tiny(spec, dtype=torch.float32), 0.01
    settings = short(spec, epochs=1, learning_rate=rate, adversary_rate=rate)
    with global_states_untouched():
        after = tensors(spec.fit_inputs(inputs, settings, [0], "cpu").network)
    model = built(spec, inputs, settings=settings).float()
    before = tensors(model)
    assert all((after[name] != value).any() for name, value in before.items())
    model.loss(inputs, Step(draws())).total.sum().backward()
    assert all(parameter.grad is None for parameter in model.discriminator.parameters())


@each_model(ADVERSARIAL)
def test_without_learning_adversaries_the_model_equals_its_plain_twin(spec):
    """At a learning rate of 1e-30, both players stand still."""
    plain = BY_NAME[{"aae": "ae", "arga": "gae", "arvga": "vgae"}[spec.name]]
    inputs = tiny(spec, dtype=torch.float32)
    # the adversary of arvga draws noise too, so its later epochs have other noise than the twin
    epochs, steps = 1 if spec.posterior.noisy else 3, spec.settings.autoencoder_steps or 1
    still = spec.fit_inputs(inputs, short(spec, epochs=epochs, adversary_rate=1e-30), [0], "cpu")
    settings = short(plain, epochs=epochs * steps, learning_rate=spec.settings.learning_rate)
    twin = plain.fit_inputs(inputs, settings, [0], "cpu")
    torch.testing.assert_close(still.posterior.mean, twin.posterior.mean)
    moved = spec.fit_inputs(inputs, short(spec, epochs=epochs, adversary_rate=0.1), [0], "cpu")
    assert not torch.allclose(moved.posterior.mean, twin.posterior.mean)


@each_model(ADVERSARIAL)
def test_players_take_their_steps_in_the_published_order(spec):
    """Five steps of the autoencoder in arga, one in aae, then the discriminator, then the encoder, on every batch."""
    inputs, settings, seen = tiny(spec, dtype=torch.float32), short(spec, epochs=2), []
    network = built(spec, inputs, settings=settings).float()
    (phase,) = network.phases()

    def heard(name, loss):
        """The loss, which notes its name each time."""
        return lambda batch, step: (seen.append(name), loss(batch, step))[1]

    names = ("discriminator", "encoder")
    others = tuple(who._replace(loss=heard(name, who.loss)) for name, who in zip(names, phase.others, strict=True))
    network.phases = lambda: (phase._replace(loss=heard("autoencoder", phase.loss), others=others),)
    train(network, inputs, settings.budget(ROWS), [0], "cpu")
    batches = 2 * (1 if spec.uses_graph else -(-ROWS // 16))
    assert seen == batches * [*(spec.settings.autoencoder_steps or 1) * ["autoencoder"], *names]


def test_arga_trains_as_its_public_code_does():
    """An epoch written out after github.com/Ruiqi-Hu/ARGA, with means over pairs, on a dense graph in float64."""
    spec = BY_NAME["arga"]
    x, edges = data()
    inputs, settings = inputs_of(spec, x, edges), short(spec, epochs=3)
    model = built(spec, inputs, settings=settings)
    start = {name: torch.tensor(value).requires_grad_() for name, value in tensors(model).items()}
    encoder = [start[f"encoder.{part}.0.weight"] for part in ("hidden", "heads")]
    judge = [value for name, value in start.items() if name.startswith("discriminator")]
    smooth, wanted = torch.tensor(propagation(edges, ROWS)), torch.tensor(target(edges, ROWS))
    ones, pairs = 2.0 * len(edges), float(ROWS**2)

    def encoded():
        return smooth @ (smooth @ torch.tensor(x).double() @ encoder[0]).relu() @ encoder[1]

    def cost(z):
        weight = torch.tensor((pairs - ones) / ones)
        mean = binary_cross_entropy_with_logits(z @ z.T, wanted, pos_weight=weight)
        return pairs / (2 * (pairs - ones)) * mean

    def judged(z):
        for depth in ("hidden.0", "hidden.1"):
            z = (z @ start[f"discriminator.{depth}.weight"] + start[f"discriminator.{depth}.bias"]).relu()
        return z @ start["discriminator.output.weight"] + start["discriminator.output.bias"]

    def against(z, label):
        logits = judged(z)
        return binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))

    optimisers = [torch.optim.Adam(who, lr=1e-3) for who in (encoder, judge, encoder)]
    (prior,) = generators().generators
    for _ in range(3):
        z_real = torch.randn(ROWS, settings.latent, generator=prior, dtype=torch.float64)
        losses = [lambda: cost(encoded())] * 5
        losses += [lambda z=z_real: against(encoded().detach(), 0.0) + against(z, 1.0)]
        losses += [lambda: against(encoded(), 1.0) + cost(encoded())]
        for loss, optimiser in zip(losses, [optimisers[0]] * 5 + optimisers[1:], strict=True):
            optimiser.zero_grad()
            loss().backward()
            optimiser.step()
    train(model, inputs, settings.budget(ROWS), [0], "cpu")
    for name, value in tensors(model).items():
        torch.testing.assert_close(torch.tensor(value), start[name].detach().view(value.shape), rtol=1e-4, atol=1e-6)
