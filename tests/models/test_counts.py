"""Models of counts: the negative binomial against scipy and torch, and the data that the models refuse."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from networks import BY_NAME, built, draws, each_model
from scipy.stats import nbinom
from torch.distributions import NegativeBinomial
from torch.nn.functional import softplus

from benchmark.datasets import DatasetSpec, Raw, make_dataset
from benchmark.models.parts.likelihoods import negative_binomial
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Step

OF_COUNTS = [BY_NAME["ae-counts"], BY_NAME["vae-counts"]]
GENES = 6


def counts(rows=9, largest=40, seed=0):
    """Counts, [rows, GENES], and about a third of them 0."""
    rng = np.random.default_rng(seed)
    return torch.tensor(rng.integers(-largest // 2, largest, (rows, GENES)).clip(0)).double()


def normal(*shape, scale=1.0, seed=0):
    """Normal numbers in a shape."""
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def law(x, logits, raw):
    """scipy's distribution of every count, [r, n, f]."""
    mean, theta = (x.sum(-1, keepdim=True) * logits.softmax(-1)).numpy(), softplus(raw).numpy()
    return nbinom(theta, theta / (theta + mean))


@pytest.mark.parametrize("scale", [0.5, 8.0])
def test_it_agrees_with_scipy_and_with_torch(scale):
    """Also with means far below 1, for which scipy keeps eight digits of its own."""
    x, logits, raw = counts(), normal(2, 9, GENES, scale=scale), normal(2, 1, GENES, scale=2.0, seed=1)
    found = negative_binomial(x, logits, raw)
    assert found.shape == (2, 9)
    np.testing.assert_allclose(found, -law(x, logits, raw).logpmf(x).sum(-1), rtol=1e-7)
    mean = x.sum(-1, keepdim=True) * logits.softmax(-1)
    theirs = NegativeBinomial(softplus(raw), logits=mean.log() - softplus(raw).log())
    torch.testing.assert_close(found, -theirs.log_prob(x.expand(2, -1, -1)).sum(-1))


@pytest.mark.parametrize(("largest", "raw"), [(40, 0.0), (10**6, 0.0), (40, 1e5), (10**6, 1e5), (40, -8.0)])
def test_float32_keeps_the_value_and_the_gradient(largest, raw):
    """Terms of a million nats nearly cancel for large counts or dispersions."""
    x, logits = counts(largest=largest), normal(1, 9, GENES, scale=3.0)
    raw = torch.full((1, 1, GENES), raw, dtype=torch.float64)
    expected = -law(x, logits, raw).logpmf(x).sum(-1)
    given = [logits.float().requires_grad_(), raw.float().requires_grad_()]
    found = negative_binomial(x.float(), *given)
    np.testing.assert_allclose(found.detach(), expected, rtol=2e-5, atol=1e-3)
    exact = [logits.requires_grad_(), raw.requires_grad_()]
    for one, other in zip(
        torch.autograd.grad(found.sum(), given),
        torch.autograd.grad(negative_binomial(x, *exact).sum(), exact),
        strict=True,
    ):
        assert one.isfinite().all()
        torch.testing.assert_close(one.double(), other, rtol=1e-3, atol=1e-3 * float(other.abs().max()))


def test_a_row_without_counts_costs_nothing():
    x = torch.cat([torch.zeros(1, GENES), counts(1).float()])
    logits = normal(1, 2, GENES).float().requires_grad_()
    cost = negative_binomial(x, logits, torch.zeros(1, 1, GENES))
    assert cost[0, 0].item() == pytest.approx(0.0, abs=1e-6)
    (gradient,) = torch.autograd.grad(cost.sum(), logits)
    assert gradient.isfinite().all()


def test_the_total_is_that_of_the_row():
    """Twice the depth doubles every mean, with equal logits."""
    x, logits = counts(), normal(1, 9, GENES)
    raw = torch.full((1, 1, GENES), 30.0, dtype=torch.float64)
    np.testing.assert_allclose(negative_binomial(2 * x, logits, raw), -law(2 * x, logits, raw).logpmf(2 * x).sum(-1))


@each_model(OF_COUNTS)
def test_every_replica_learns_a_dispersion_for_every_feature(spec):
    inputs = Inputs.of(counts().numpy(), None, replicas=2, device="cpu", dtype=torch.float64)
    model = built(spec, inputs, (0, 1))
    assert model.decoder.dispersion.shape == (2, 1, GENES)
    model.loss(inputs, Step(draws((0, 1)))).total.sum().backward()
    assert (model.decoder.dispersion.grad != 0).all()
    shares = model.decoder.decode(model.encode(inputs).mean)
    torch.testing.assert_close(shares.sum(-1), torch.ones_like(shares[..., 0]))


@each_model(OF_COUNTS)
def test_the_encoder_sees_logarithms(spec):
    """Equal weights on log(1 + x) give equal posteriors."""
    plain = BY_NAME[spec.name.removesuffix("-counts")]
    x = counts().numpy()
    inputs, logs = (Inputs.of(each, None, replicas=1, device="cpu", dtype=torch.float64) for each in (x, np.log1p(x)))
    torch.testing.assert_close(built(spec, inputs).encode(inputs).mean, built(plain, logs).encode(logs).mean)


@each_model(OF_COUNTS)
@pytest.mark.parametrize(
    ("x", "scaling", "fault"),
    [
        ([[0, 1], [2, 3], [4, 0.5]], "none", "column 1 holds 0.5 (scaling 'none'), and a negative binomial needs"),
        ([[0, 1], [2, 3], [-4, 5]], "none", "column 0 holds -4 (scaling 'none')"),
        ([[0, 1], [2, 3], [4, 5]], "unit", "column 0 holds 0.5 (scaling 'unit')"),
        ([[0, 1], [5, 1], [5, 2]], "unit", "features are scaled (scaling 'unit')"),
        ([[0, 1], [2, 3], [4, 5]], "none", None),
    ],
)
@pytest.mark.parametrize("sparse", [False, True])
def test_data_that_are_no_counts_are_refused(spec, x, scaling, fault, sparse):
    array = np.array(x, dtype=np.float32)
    made = DatasetSpec(
        name="made-up", load=lambda _: None, scaling=scaling, family="f", source="s", licence="l", citation="c"
    )
    dataset = make_dataset(made, Raw(sp.csr_array(array) if sparse else array, y=np.arange(3) % 2))
    edges = np.empty((0, 2), dtype=np.int64)
    reason = spec.refuses(dataset, edges, spec.settings)
    assert (reason is None) == (fault is None)
    if reason is not None:
        assert reason.startswith(fault)
        assert reason.endswith("; give the counts with scaling 'none', or leave the model out")
    assert spec.refuses(dataset, edges, spec.overridden({"epochs": 0})) is None
