"""The objective of autoencoders: estimators of the KL divergence, penalties, and corruption."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from networks import (
    BY_NAME,
    CONVOLVED,
    NOISY,
    SPHERICAL,
    STANDARD,
    TRAINED,
    built,
    data,
    divergence_paid,
    draws,
    each_model,
    small,
    tiny,
)
from scipy import special, stats

from benchmark.models.parts.posterior_families import AS_PRINTED, DIRECT, FIXED, LOG_VARIANCE, POINT
from benchmark.models.systems.autoencoder import Autoencoder
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Step

COPIES = 400  # copies of a model, each with its own noise
SURE = 5.0  # standard errors: one comparison in two million fails by chance, and the seeds are fixed


def copies(spec, **overrides):
    """Many copies of one model as replicas, and tiny inputs for all copies."""
    inputs = tiny(spec, n=12, f=5, each=1)
    model = built(spec, inputs, settings=small(spec, **overrides))
    for parameter in model.parameters():
        parameter.data = parameter.data.repeat(COPIES, *[1] * (parameter.dim() - 1))
    return model, tiny(spec, COPIES, n=12, f=5, each=1)


def drawn(spec, **overrides):
    """The losses of the copies, each with its own draws."""
    model, inputs = copies(spec, **overrides)
    return model.loss(inputs, Step(draws(range(COPIES))))


def mean_and_error(values):
    """Mean and standard error over the copies, the first axis."""
    return values.mean(0), values.std(0) / len(values) ** 0.5


@each_model([spec for spec in STANDARD if spec.settings.free_bits is None])
def test_estimators_a_and_b_agree_in_expectation_and_so_do_their_gradients(spec):
    """Estimator A averages log q(z|x) − log p(z) over samples. B is the closed form for any draw."""
    found = {}
    for estimator in ("A", "B"):
        model, inputs = copies(spec, estimator=estimator)
        loss = model.loss(inputs, Step(draws(range(COPIES))))
        loss.total.sum().backward()
        trained = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        found[estimator] = loss, trained  # the discriminator of arvga has its own loss
    (a, of_a), (b, of_b) = found["A"], found["B"]
    torch.testing.assert_close(b.divergence, b.divergence[:1].expand(COPIES))
    torch.testing.assert_close(a.reconstruction, b.reconstruction)  # both use the same draws
    mean, error = mean_and_error(a.divergence.detach())
    assert error > 0
    assert abs(mean - b.divergence[0]) < SURE * error
    torch.testing.assert_close(a.total, a.reconstruction + spec.settings.beta_for(12) * a.divergence)
    differing = 0
    for one, other in zip(of_a, of_b, strict=True):
        mean, error = mean_and_error(one - other)
        assert (mean.abs() <= SURE * error + 1e-12).all()
        differing += int((error > 1e-9).any())
    assert differing


@each_model(NOISY)
def test_four_samples_keep_the_expectation_and_quarter_the_variance(spec):
    """The tolerance exp(±0.5) is five standard errors of the ratio of two variances of 400 normal values."""
    one, four = (drawn(spec, samples=samples).reconstruction.detach() for samples in (1, 4))
    (first, error), (second, less) = mean_and_error(one), mean_and_error(four)
    assert abs(first - second) < SURE * (error**2 + less**2) ** 0.5
    assert 0.25 * np.exp(-0.5) < four.var() / one.var() < 0.25 * np.exp(0.5)


@each_model(STANDARD)
@pytest.mark.parametrize("estimator", ["A", "B"])
def test_the_loss_is_averaged_over_samples(spec, estimator):
    inputs = tiny(spec)
    single, several = (
        built(spec, inputs, settings=spec.overridden({"estimator": estimator, "samples": count})) for count in (1, 3)
    )
    generators = draws()
    losses = [single.loss(inputs, Step(generators)) for _ in range(3)]
    together = several.loss(inputs, Step(draws()))
    for name in ("total", "reconstruction", "divergence", "std"):
        average = torch.stack([getattr(loss, name) for loss in losses]).mean(0)
        torch.testing.assert_close(getattr(together, name), average)
    assert losses[0].reconstruction != losses[1].reconstruction
    assert (losses[0].divergence != losses[1].divergence) == (estimator == "A")


@each_model([spec for spec in TRAINED if spec.name.endswith("-l2")])
def test_l2_models_pay_half_the_squared_norm_of_the_latents(spec):
    inputs = tiny(spec)
    model = built(spec, inputs, settings=spec.overridden({"beta": 0.25}))
    loss = model.loss(inputs, Step(draws()))
    torch.testing.assert_close(loss.divergence, 0.5 * model.encode(inputs).mean.square().sum(-1).mean(-1))
    assert loss.divergence > 0
    decoder = sum(p.detach().square().sum() for name, p in model.decoder.named_parameters() if name.endswith("weight"))
    expected = loss.reconstruction + 0.25 * loss.divergence + 0.5 * (spec.settings.decoder_l2 or 0.0) * decoder
    torch.testing.assert_close(loss.total, expected)


@each_model([spec for spec in TRAINED if spec.posterior is FIXED])
def test_the_divergence_at_a_fixed_std_of_one_is_half_the_squared_norm(spec):
    inputs = tiny(spec)
    model = built(spec, inputs)
    q = model.encode(inputs)
    assert torch.equal(q.std, torch.ones_like(q.mean))
    loss = model.loss(inputs, Step(draws()))
    torch.testing.assert_close(loss.divergence, 0.5 * q.mean.square().sum(-1).mean(-1))
    torch.testing.assert_close(loss.std, torch.ones(1, dtype=torch.float64))


def test_sparsity_penalises_the_sum_of_absolute_latents():
    spec = BY_NAME["sae"]
    inputs = tiny(spec)
    model = built(spec, inputs, settings=spec.overridden({"sparsity": 3.0}))
    loss = model.loss(inputs, Step(draws()))
    torch.testing.assert_close(loss.total - loss.reconstruction, 3 * model.encode(inputs).mean.abs().sum(-1).mean(-1))


def test_the_penalty_on_the_decoder_counts_only_its_weights():
    spec = BY_NAME["rae-l2"]
    inputs = tiny(spec)
    model = built(spec, inputs, settings=spec.overridden({"decoder_l2": 2.0, "beta": 0.0}))

    def penalty():
        """Total minus reconstruction."""
        loss = model.loss(inputs, Step(draws()))
        return loss.total - loss.reconstruction

    before = penalty()
    expected = sum(layer.weight.square().sum() for layer in (*model.decoder.hidden, model.decoder.output))
    torch.testing.assert_close(before, expected[None])
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or name.startswith("encoder"):
            parameter.data += 1.0
    torch.testing.assert_close(penalty(), before)


class Recorder:
    """An encoder and decoder that records the features it gets."""

    def __init__(self):
        self.seen = []

    def __call__(self, inputs):
        self.seen.append(inputs.features)
        return [torch.zeros(inputs.replicas, inputs.rows, 2, requires_grad=True)]

    def named_parameters(self):
        return iter(())

    def reconstruction(self, z, inputs, _step):
        self.seen.append(inputs.features)
        return z.sum((1, 2))


@pytest.mark.parametrize("share", [0.25, 0.6])
@pytest.mark.parametrize("batch", [False, True])
def test_corruption_masks_its_share_of_the_encoded_features_only(share, batch):
    n, f, replicas = 300, 40, 2
    x = np.random.default_rng(0).random((n, f), dtype=np.float32) + 0.5
    inputs = Inputs.of(x, None, replicas=replicas, device="cpu")
    if batch:
        inputs = inputs.batch(torch.arange(n).expand(replicas, -1))
    encoder, decoder = Recorder(), Recorder()
    settings = BY_NAME["dae"].overridden({"corruption": share})
    model = Autoencoder(encoder, POINT, decoder, settings, n)
    generators = draws(range(replicas))
    for _ in range(2):
        model.loss(inputs, Step(generators))
    first, second = encoder.seen
    error = (share * (1 - share) / (n * f)) ** 0.5
    for corrupted in (first, second):
        assert corrupted.shape == (replicas, n, f)
        for replica in corrupted:
            masked = replica == 0
            assert abs(masked.double().mean() - share) < SURE * error
            assert torch.equal(replica[~masked], torch.tensor(x)[~masked])  # other features do not change
        assert not torch.equal(corrupted[0], corrupted[1])
    assert not torch.equal(first, second)
    assert all(torch.equal(seen, inputs.features) for seen in decoder.seen)
    model.encode(inputs)
    assert torch.equal(encoder.seen[-1], inputs.features)


def test_corruption_needs_dense_features():
    spec = BY_NAME["dae"]
    model = built(spec, tiny(spec))
    sparse = Inputs.of(sp.csr_array(data()[0]), None, replicas=1, device="cpu", dtype=torch.float64)
    with pytest.raises(ValueError, match="corruption needs dense features"):
        model.loss(sparse, Step(draws()))


@each_model(
    [
        spec
        for spec in STANDARD
        if len(spec.posterior.heads) == 2 and spec.settings.hidden and spec not in (*SPHERICAL, *CONVOLVED)
    ]
)
@pytest.mark.parametrize("estimator", ["A", "B"])
def test_a_std_that_underflows_is_harmless_if_beta_is_zero(spec, estimator):
    inputs = tiny(spec)
    model = built(spec, inputs, settings=small(spec, beta=0.0, estimator=estimator))
    model.encoder.heads[1].weight.data.fill_(-1e6)  # the activations below are not negative
    loss = model.loss(inputs, Step(draws()))
    loss.total.sum().backward()
    assert (model.encode(inputs).std == 0).any()
    torch.testing.assert_close(loss.total, loss.reconstruction)
    assert loss.total.isfinite().all()
    for name, parameter in model.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
    assert loss.divergence.isinf().all() or spec.posterior in (AS_PRINTED, DIRECT)


@each_model([spec for spec in NOISY if spec.settings.estimator != "IW" and spec.settings.free_bits is None])
def test_beta_weighs_only_the_divergence(spec):
    inputs = tiny(spec)
    losses = [
        built(spec, inputs, settings=spec.overridden({"beta": beta})).loss(inputs, Step(draws()))
        for beta in (0.0, 0.5, 2.0)
    ]
    for loss, beta in zip(losses, (0.0, 0.5, 2.0), strict=True):
        assert torch.equal(loss.reconstruction, losses[0].reconstruction)
        assert torch.equal(loss.divergence, losses[0].divergence)
        torch.testing.assert_close(loss.total, loss.reconstruction + beta * loss.divergence)


class Linear:
    """A linear Gaussian model in one dimension: x = w·z + e, z ~ N(0, 1), e ~ N(0, 1), q(z|x) = N(m·x, s²)."""

    def __init__(self, w, m, s):
        self.w, self.m, self.s = w, m, s

    def __call__(self, inputs):
        mean = self.m * inputs.features[None].expand(inputs.replicas, -1, -1)
        return [mean, torch.full_like(mean, 2 * np.log(self.s))]

    def named_parameters(self):
        return iter(())

    def costs(self, z, inputs):
        return 0.5 * ((inputs.features - self.w * z).square() + np.log(2 * np.pi)).sum(-1)

    def reconstruction(self, z, inputs, _step):
        return self.costs(z, inputs).mean(-1)


def bound(part, estimator, samples, replicas=COPIES):
    """The losses of many replicas of a linear Gaussian model, each with its own draws, and the data x."""
    x = np.random.default_rng(0).normal(size=(6, 1)).astype(np.float32)
    inputs = Inputs.of(x, None, replicas=replicas, device="cpu", dtype=torch.float64)
    settings = BY_NAME["vae"].overridden({"estimator": estimator, "samples": samples})
    model = Autoencoder(part, LOG_VARIANCE, part, settings, len(x))
    return model.loss(inputs, Step(draws(range(replicas)))), x[:, 0].astype(float)


def evidence(w, x):
    """−log p(x) for x ~ N(0, w² + 1), averaged over rows."""
    return 0.5 * (x**2 / (w**2 + 1) + np.log(2 * np.pi * (w**2 + 1))).mean()


@pytest.mark.parametrize("samples", [1, 5])
def test_the_importance_weighted_bound_at_the_true_posterior_is_the_evidence(samples):
    """At the true posterior every weight is p(x), for any draw."""
    w = 1.7
    true = Linear(w, w / (w**2 + 1), (w**2 + 1) ** -0.5)
    loss, x = bound(true, "IW", samples)
    np.testing.assert_allclose(loss.total, evidence(w, x), rtol=1e-12)


def test_more_importance_samples_tighten_the_bound_to_the_evidence():
    """Burda et al. (2016), theorem 1. With K = 1, the bound is that of estimator A, and its mean is the closed form."""
    w, m, s = 1.7, 0.2, 0.8
    part = Linear(w, m, s)
    losses = {count: bound(part, "IW", count)[0].total for count in (1, 5, 50)}
    single, x = bound(part, "A", 1)
    torch.testing.assert_close(losses[1], single.total)
    expected = 0.5 * ((x - w * m * x) ** 2 + w**2 * s**2 + np.log(2 * np.pi) + (m * x) ** 2 + s**2 - 2 * np.log(s) - 1)
    mean, error = mean_and_error(losses[1])
    assert abs(mean - expected.mean()) < SURE * error
    (one, _), (five, _), (fifty, less) = (mean_and_error(losses[count]) for count in (1, 5, 50))
    assert one > five + 0.05
    assert five > fifty + 0.005
    assert fifty > evidence(w, x) - SURE * less
    assert fifty - evidence(w, x) < 0.02


def test_the_importance_weighted_bound_agrees_with_the_formula_written_out():
    """With β, the weights are p(x|z) (p(z)/q(z|x))^β."""
    spec, (x, _) = BY_NAME["iwae"], data()
    inputs = tiny(spec)
    for beta in (1.0, 0.25, 0.0):
        model = built(spec, inputs, settings=spec.overridden({"beta": beta, "samples": 3}))
        loss = model.loss(inputs, Step(draws()))
        mean, h = (output[0].detach().numpy() for output in model.encoder(inputs))
        (generator,) = draws().noise.generators
        costs, logs = [], []
        for _ in range(3):
            noise = torch.randn(mean.shape, generator=generator, dtype=torch.float64).numpy()
            z = mean + np.exp(h / 2) * noise
            logits = model.decoder(torch.tensor(z)[None])[0][0].detach().numpy()
            costs.append((np.logaddexp(0, logits) - x * logits).sum(1))
            log_ratio = stats.norm.logpdf(z, mean, np.exp(h / 2)).sum(1) - stats.norm.logpdf(z).sum(1)
            logs.append(-costs[-1] - beta * log_ratio)
        np.testing.assert_allclose(loss.total.item(), -np.mean(special.logsumexp(logs, axis=0) - np.log(3)), rtol=1e-9)
        np.testing.assert_allclose(loss.reconstruction.item(), np.mean(costs), rtol=1e-9)
        if beta:
            torch.testing.assert_close(loss.total, loss.reconstruction + beta * loss.divergence)
        assert loss.total < loss.reconstruction + beta * np.mean(divergence_paid(spec, [mean, h]))


def test_importance_weights_need_a_decoder_that_scores_rows():
    spec = BY_NAME["vgae"]
    inputs = tiny(spec)
    model = built(spec, inputs, settings=replace(spec.settings, estimator="IW"))
    with pytest.raises(ValueError, match="estimator 'IW' needs the nats of every row"):
        model.loss(inputs, Step(draws()))
