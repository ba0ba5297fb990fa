"""Diagnostics on latents with known answers, in closed form or by brute force."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group
from torch.distributions import Normal, kl_divergence

from benchmark.latents.diagnostics import DIAGNOSTICS, ROWS, Value, diagnose
from benchmark.latents.latents import Latents, of_posterior
from benchmark.latents.measures import (
    RESOLUTION,
    WIDEST,
    discrepancy,
    distinct_rows,
    divergences,
    effective_rank,
    moments,
    total_correlation,
)
from benchmark.models import MODELS
from benchmark.training.posteriors import divergence

NAMES = [diagnostic.name for diagnostic in DIAGNOSTICS]
OF_DRAWS = {"prior_mmd_sample", "mutual_information", "mutual_information_error"}
NOISY = [diagnostic.name for diagnostic in DIAGNOSTICS if diagnostic.noisy]
CORRELATION = np.array([[1.0, 0.8, 0.3], [0.8, 1.0, -0.1], [0.3, -0.1, 1.0]])


def normal(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


def white(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Rows [n, d] with a mean of exactly 0 and the identity as covariance."""
    rows = normal(n, d, seed)
    return np.linalg.qr(rows - rows.mean(axis=0))[0] * np.sqrt(n)


def latents(mean: np.ndarray, std: np.ndarray | float | None = None) -> Latents:
    single = np.asarray(mean, dtype=np.float32)
    return Latents(single, None if std is None else np.broadcast_to(np.float32(std), single.shape).copy())


def look(
    mean: np.ndarray, std: np.ndarray | float | None = None, *, seed: int = 0, degrees=None, labels=None
) -> dict[str, Value]:
    return diagnose(latents(mean, std), seed=seed, degrees=degrees, labels=labels)


def test_every_diagnostic_has_a_source_and_a_value_under_its_name() -> None:
    assert list(look(normal(20, 3), 0.5)) == NAMES
    assert all(diagnostic.source for diagnostic in DIAGNOSTICS)


def test_a_point_has_exactly_the_diagnostics_without_noise() -> None:
    found = look(normal(20, 3), degrees=np.arange(20), labels=np.arange(20) % 4)
    assert list(found) == NAMES
    assert [name for name in NAMES if found[name] is None] == NOISY


def test_a_gaussian_has_every_diagnostic() -> None:
    found = look(normal(20, 3), 0.5, degrees=np.arange(20), labels=np.arange(20) % 4)
    assert None not in found.values()


ODD = {
    "gaussian": latents(normal(30, 4), 0.5),
    "point": latents(normal(30, 4)),
    "no noise": latents(normal(30, 4), 0.0),
    "identical rows": latents(np.full((30, 4), 0.1), 0.3),
    "identical points": latents(np.full((30, 4), 0.1)),
    "zeros": latents(np.zeros((30, 4)), 0.0),
    "collinear": latents(np.repeat(normal(30, 1), 4, axis=1), 0.0),
    "one row": latents(normal(1, 4), 0.5),
    "two rows": latents(normal(2, 4), 0.5),
    "one dimension": latents(normal(30, 1), 0.5),
    "fewer rows than dimensions": latents(normal(5, 9), 0.5),
    "huge": latents(normal(30, 4) * 1e38, 1e38),
    "tiny": latents(normal(30, 4) * 1e-44, 1e-44),
    "not a number": latents(np.array([[np.nan, 1.0], [0.0, 2.0]]), 1.0),
    "infinite": latents(np.array([[np.inf, 1.0], [0.0, 2.0]])),
    "infinite noise": latents(normal(2, 2), np.inf),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("degrees", [None, "equal", "different"])
def test_odd_latents_become_json_without_a_warning(name: str, degrees: str | None) -> None:
    rows = len(ODD[name].mean)
    given = {None: None, "equal": np.full(rows, 3), "different": np.arange(rows)}[degrees]
    found = diagnose(ODD[name], seed=0, degrees=given, labels=None if given is None else given - 3)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert list(found) == NAMES
    assert {type(value) for value in found.values()} <= {float, int, list, type(None)}
    for value in found.values():
        assert not isinstance(value, list) or {type(entry) for entry in value} <= {float, type(None)}


@pytest.mark.parametrize("name", ["not a number", "infinite", "infinite noise"])
def test_latents_that_are_not_finite_have_no_diagnostics(name: str) -> None:
    assert set(diagnose(ODD[name], seed=0, degrees=np.arange(2)).values()) == {None}


def test_sparse_means_and_shapes_that_do_not_match_are_refused() -> None:
    sparse = Latents(sp.csr_array(np.eye(3, dtype=np.float32)))
    with pytest.raises(ValueError, match=r"dense means, got csr_array \(3, 3\)"):
        diagnose(sparse, seed=0, degrees=None)
    single = normal(5, 2).astype(np.float32)
    with pytest.raises(ValueError, match=r"means have the shape \(5, 2\), but standard deviations \(2,\)"):
        diagnose(Latents(single, single[0]), seed=0, degrees=None)
    with pytest.raises(ValueError, match=r"means have the shape \(5, 2\), but degrees \(4,\)"):
        diagnose(Latents(single), seed=0, degrees=np.arange(4))
    with pytest.raises(ValueError, match=r"means have the shape \(5, 2\), but labels \(6,\)"):
        diagnose(Latents(single), seed=0, degrees=None, labels=np.arange(6))


# Noise


def test_divergence_equals_that_of_torch() -> None:
    mean, std = normal(50, 3).astype(np.float32), np.exp(normal(50, 3, seed=1)).astype(np.float32)
    posterior = Normal(torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64))
    expected = kl_divergence(posterior, Normal(torch.zeros(1).double(), 1.0)).numpy()
    found = look(mean, std)
    assert found["divergence"] == pytest.approx(expected.sum(axis=1).mean())
    assert found["divergence_per_dimension"] == pytest.approx(expected.mean(axis=0))


def test_divergence_of_the_prior_is_0_and_of_a_dimension_without_noise_infinite() -> None:
    assert np.array_equal(divergences(np.zeros((4, 2)), np.ones((4, 2))), np.zeros((4, 2)))
    std = np.ones((4, 2))
    std[2, 1] = 0.0
    assert np.array_equal(np.argwhere(divergences(np.zeros((4, 2)), std) == np.inf), [[2, 1]])
    found = look(np.zeros((4, 2)), std)
    assert found["divergence"] is None
    assert found["divergence_per_dimension"] == [0.0, None]


def test_active_units_have_a_mean_that_varies() -> None:
    assert look(white(500, 5) * np.sqrt([0.0, 0.0099, 0.0101, 0.5, 4.0]))["active_units"] == 3
    assert look(white(500, 5) + 7.0)["active_units"] == 5
    assert look(np.full((500, 5), 7.0))["active_units"] == 0


def test_dimensions_are_counted_by_their_mean_posterior_variance() -> None:
    variance = np.array([0.0, 0.099, 0.101, 0.5, 0.899, 0.901, 1.0, 1.01, 1.099, 1.101, 9.0, 12.0, 20.0, 30.0])
    found = look(np.zeros((6, len(variance))), np.sqrt(variance))
    assert [found[name] for name in ("active", "mixed", "passive", "beyond")] == [2, 3, 4, 5]
    two_kinds = np.where(np.arange(6)[:, None] < 3, 0.0, np.sqrt(1.6)) * np.ones((6, 2))  # on average 0.8
    assert look(np.zeros((6, 2)), two_kinds)["mixed"] == 2


def test_signal_to_noise_is_variance_over_variance() -> None:
    mean = white(400, 3) * np.sqrt([4.0, 1.0, 0.0]) + 5.0
    found = look(mean, np.sqrt([2.0, 0.0, 0.5]))
    assert found["signal_to_noise"] == [pytest.approx(2.0, rel=1e-5), None, pytest.approx(0.0, abs=1e-12)]
    assert found["signal_to_noise_ratio"] == pytest.approx((4.0 + 1.0) / (2.0 + 0.5), rel=1e-5)
    silent = look(mean, 0.0)
    assert silent["signal_to_noise"] == [None, None, None]
    assert {silent[name] for name in RATIOS} == {None}


RATIOS = [
    name for name in NAMES if name.startswith("signal_to_noise_ratio") and name != "signal_to_noise_ratio_between"
]


def test_ratios_over_active_dimensions_leave_out_the_others() -> None:
    mean = white(400, 4) * np.sqrt([4.0, 1.0, 0.009, 0.0])
    found = look(mean, np.sqrt([2.0, 0.5, 1.0, 1.5]))
    assert found["signal_to_noise_ratio"] == pytest.approx(5.009 / 5.0, rel=1e-5)
    assert found["signal_to_noise_ratio_active"] == pytest.approx(5.0 / 2.5, rel=1e-5)
    collapsed = look(0.05 * white(400, 4), 1.0)
    assert collapsed["signal_to_noise_ratio"] == pytest.approx(0.0025, rel=1e-5)
    assert collapsed["signal_to_noise_ratio_active"] is collapsed["signal_to_noise_ratio_standardised_active"] is None


def test_standardised_ratios_are_those_of_a_standardised_draw() -> None:
    variance, noise = np.array([4.0, 1.0, 0.0001, 0.0]), np.array([1.0, 3.0, 1.0, 0.0])
    mean = white(400, 4) * np.sqrt(variance) + 3.0
    found = look(mean, np.sqrt(noise))
    signal = variance[:3] / (variance + noise)[:3]
    assert found["signal_to_noise_ratio_standardised"] == pytest.approx(signal.sum() / (3 - signal.sum()), rel=1e-5)
    of_active = signal[:2].sum() / (2 - signal[:2].sum())
    assert found["signal_to_noise_ratio_standardised_active"] == pytest.approx(of_active, rel=1e-5)
    rescaled = look(mean * [10.0, 0.5, 1.0, 1.0], np.sqrt(noise) * [10.0, 0.5, 1.0, 1.0])
    for name in RATIOS:
        same = rescaled[name] == pytest.approx(found[name], rel=1e-5)
        assert same == ("standardised" in name), name


def test_standardised_ratio_equals_that_of_drawn_samples() -> None:
    mean, std = correlated() * [3.0, 1.0, 0.2], np.exp(0.5 * normal(300, 3, seed=1))
    drawn = mean[:, None] + std[:, None] * normal(300 * 1000, 3, seed=2).reshape(300, 1000, 3)
    scaled = (drawn - drawn.mean(axis=(0, 1))) / drawn.std(axis=(0, 1))
    expected = scaled.mean(axis=1).var(axis=0).sum() / scaled.var(axis=1).mean(axis=0).sum()
    assert look(mean, std)["signal_to_noise_ratio_standardised"] == pytest.approx(expected, rel=0.01)


def test_medians_are_not_moved_by_few_rows() -> None:
    mean, std = white(401, 2) * np.sqrt([3.0, 1.0]), np.full((401, 2), 0.5)
    std[:40] = 50.0
    found = look(mean, std)
    assert found["signal_to_noise_ratio"] == pytest.approx(4.0 / (2 * std**2).mean(axis=0).mean(), rel=1e-5)
    assert found["signal_to_noise_ratio_median"] == pytest.approx(4.0 / 0.5, rel=1e-5)
    draws = std[0, 0] ** 2 * 40 / 401 + 0.25 * 361 / 401 + np.array([3.0, 1.0])
    expected = (np.array([3.0, 1.0]) / draws).sum() / (0.25 / draws).sum()
    assert found["signal_to_noise_ratio_standardised_median"] == pytest.approx(expected, rel=1e-5)
    rates = divergences(mean, std).sum(axis=1)
    assert found["divergence_median"] == pytest.approx(np.median(rates), rel=1e-5)
    assert found["divergence"] == pytest.approx(rates.mean(), rel=1e-5)


def test_equal_rows_have_equal_means_and_medians() -> None:
    found = look(white(400, 3), 0.7)
    for kind in ("", "_standardised"):
        assert found[f"signal_to_noise_ratio{kind}_median"] == pytest.approx(found[f"signal_to_noise_ratio{kind}"])


@pytest.mark.parametrize("name", ["vae-as-printed", "vgae-as-printed"])
def test_the_rate_is_that_of_the_drawn_noise(name: str) -> None:
    """Their training pays for another σ."""
    (family,) = (model.posterior for model in MODELS if model.name == name)
    outputs = [torch.randn(1, 50, 3, generator=torch.Generator().manual_seed(i)) for i in range(2)]
    drawn = family.of(outputs)
    paid = family.penalised(outputs, drawn)
    found = diagnose(of_posterior(drawn)[0], seed=0, degrees=None)["divergence"]
    assert found == pytest.approx(divergence(drawn).mean().item(), rel=1e-5)
    assert found != pytest.approx(divergence(paid).mean().item(), rel=0.05)


# Spread and correlation


def correlated(n: int = 300) -> np.ndarray:
    return white(n, 3) @ np.linalg.cholesky(CORRELATION).T


def test_total_correlation_of_a_correlated_gaussian() -> None:
    expected = -0.5 * np.linalg.slogdet(CORRELATION)[1]
    assert look(correlated())["total_correlation_mean"] == pytest.approx(expected, rel=1e-5)
    stretched = correlated() * [1e-6, 1.0, 1e6] + [0.0, 40.0, 0.0]
    assert look(stretched)["total_correlation_mean"] == pytest.approx(expected, rel=1e-3)


def test_total_correlation_of_samples_includes_the_noise() -> None:
    variance = np.array([0.5, 1.0, 2.0])
    covariance = CORRELATION + np.diag(variance)
    expected = 0.5 * (np.log(np.diag(covariance)).sum() - np.linalg.slogdet(covariance)[1])
    assert look(correlated(), np.sqrt(variance))["total_correlation_sample"] == pytest.approx(expected, rel=1e-5)
    still = look(correlated(), 0.0)
    assert still["total_correlation_sample"] == pytest.approx(still["total_correlation_mean"])


def test_covariance_of_samples_is_that_of_drawn_samples() -> None:
    std = np.exp(0.5 * normal(300, 3, seed=1))
    drawn = np.repeat(correlated(), 2000, axis=0) + np.repeat(std, 2000, axis=0) * normal(600_000, 3, seed=2)
    expected = moments(drawn)
    found = look(correlated(), std)
    assert found["total_correlation_sample"] == pytest.approx(total_correlation(expected), abs=0.005)
    deviation = np.linalg.norm(expected.covariance - np.eye(3)) / np.sqrt(3)
    assert found["prior_covariance_sample"] == pytest.approx(deviation, rel=0.02)


def test_total_correlation_of_independent_dimensions_is_0() -> None:
    found = look(white(300, 6), 1.0)
    assert found["total_correlation_mean"] == pytest.approx(0.0, abs=1e-9)
    assert found["total_correlation_sample"] == pytest.approx(0.0, abs=1e-9)
    assert found["total_correlation_mean"] >= 0


def test_constant_dimensions_carry_no_total_correlation() -> None:
    expected = look(correlated())["total_correlation_mean"]
    constants = np.broadcast_to([0.0, 0.1, -300.7], (300, 3))
    with_constants = np.hstack([correlated(), constants])
    assert look(with_constants)["total_correlation_mean"] == pytest.approx(expected)
    flickering = with_constants.astype(np.float32)
    flickering[::2, -1] = np.nextafter(flickering[0, -1], np.float32(0))
    assert look(flickering)["total_correlation_mean"] == pytest.approx(expected)
    found = look(constants, 0.5)
    assert found["total_correlation_mean"] == found["total_correlation_sample"] == 0.0


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: np.column_stack([x, 2 * x[:, 0] + 3]),
        lambda x: np.column_stack([x, x @ [0.3, -1.7, 0.9]]),
        lambda x: np.column_stack([x + 50.0, (x + 50.0) @ [0.3, -1.7, 0.9]]),
        lambda x: np.repeat(x[:, :1], 128, axis=1),
        lambda x: x[:3],
    ],
)
def test_total_correlation_of_collinear_dimensions_is_infinite(mix) -> None:
    mean = mix(correlated()).astype(np.float32)
    assert total_correlation(moments(mean.astype(np.float64))) == np.inf
    found = look(mean, 0.5)
    assert found["total_correlation_mean"] is None
    assert found["total_correlation_sample"] > 0


@pytest.mark.parametrize("seed", range(4))
def test_a_repeated_dimension_among_many_similar_ones_is_found(seed: int) -> None:
    mean = normal(600, 1, seed=10 + seed) + 0.01 * normal(600, 256, seed=seed)
    assert look(mean)["total_correlation_mean"] > 0
    mean[:, -1] = mean[:, 0]
    assert look(mean)["total_correlation_mean"] is None


def test_nearly_collinear_dimensions_have_a_total_correlation() -> None:
    first, second = white(300, 2).T
    found = look(np.column_stack([first, first + 1e-3 * second]))
    assert found["total_correlation_mean"] == pytest.approx(0.5 * np.log1p(1e6), rel=1e-3)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_effective_rank_of_k_equal_directions_is_k(k: int) -> None:
    basis = ortho_group.rvs(10, random_state=0)[:k]
    assert look(3.0 * white(200, k) @ basis + 5.0)["effective_rank"] == pytest.approx(k, rel=1e-4)


def test_effective_rank_is_the_entropy_of_the_singular_values() -> None:
    values = np.array([4.0, 3.0, 1.0])
    share = values / 8.0
    expected = np.exp(-(share * np.log(share)).sum())
    assert look(white(200, 3) * values)["effective_rank"] == pytest.approx(expected, rel=1e-5)


def test_effective_rank_of_constants_is_0() -> None:
    assert look(np.broadcast_to([0.1, 0.0, -70.3], (50, 3)))["effective_rank"] == 0.0


# Distinct rows, and variances of the mean by dimension and by class


@pytest.mark.parametrize("k", [1, 2, 7])
def test_rows_are_distinct_beyond_the_rounding_of_float32(k: int) -> None:
    centres = normal(k, 5)[np.arange(400) % k]
    largest = np.linalg.norm(centres, axis=1).max()
    assert look(centres)["distinct_rows"] == k
    assert distinct_rows(centres + 0.4 * RESOLUTION * largest * np.sign(normal(400, 5, seed=1))) == k
    assert distinct_rows(centres + 1e-4 * normal(400, 5, seed=1)) == 400


def test_neighbours_of_a_dense_line_are_not_all_one_row() -> None:
    """Gaps are below the rounding error, and both ends are not."""
    line = 1.0 + np.linspace(0.0, 1000 * RESOLUTION, 50_000)[:, None]
    assert distinct_rows(line) == pytest.approx(1000 / WIDEST, abs=1)


def test_rows_that_differ_in_combination_are_distinct() -> None:
    grid = np.stack(np.meshgrid(np.arange(3.0), np.arange(4.0), np.arange(5.0)), axis=-1).reshape(-1, 3)
    assert distinct_rows(np.repeat(grid, 3, axis=0)) == 60
    assert distinct_rows(np.zeros((9, 2))) == 1


def test_variances_by_dimension_are_numpys_and_their_sums_give_the_ratio() -> None:
    mean, std = correlated(), np.exp(normal(300, 3, seed=1))
    found = look(mean, std)
    assert found["signal_per_dimension"] == pytest.approx(mean.var(axis=0), rel=1e-5)
    assert found["noise_per_dimension"] == pytest.approx((std**2).mean(axis=0), rel=1e-5)
    ratio = sum(found["signal_per_dimension"]) / sum(found["noise_per_dimension"])
    assert found["signal_to_noise_ratio"] == pytest.approx(ratio)
    assert look(mean)["signal_per_dimension"] == found["signal_per_dimension"]


def test_the_ratio_between_classes_is_that_of_the_sums_of_squares_of_an_analysis_of_variance() -> None:
    mean, std = correlated(), np.exp(normal(300, 3, seed=1))
    labels = np.minimum(np.arange(300) % 7, 4)
    labels[::3] = -1
    kept = labels >= 0
    within = sum(((mean[labels == k] - mean[labels == k].mean(axis=0)) ** 2).sum() for k in range(5))
    between = mean[kept].var(axis=0).sum() - within / kept.sum()
    found = look(mean, std, labels=labels)["signal_to_noise_ratio_between"]
    assert found == pytest.approx(between / (std[kept] ** 2).mean(axis=0).sum(), rel=1e-5)


def test_the_ratio_between_classes_needs_labels() -> None:
    mean = normal(40, 3)
    assert look(mean, 0.5)["signal_to_noise_ratio_between"] is None
    assert look(mean, 0.5, labels=np.full(40, -1))["signal_to_noise_ratio_between"] is None
    assert look(mean, 0.5, labels=np.zeros(40, int))["signal_to_noise_ratio_between"] == pytest.approx(0, abs=1e-12)
    own = look(mean, 0.5, labels=np.arange(40))
    assert own["signal_to_noise_ratio_between"] == pytest.approx(own["signal_to_noise_ratio"])


# Nearness to the prior


def test_offset_and_covariance_of_known_moments() -> None:
    found = look(white(400, 4), 0.0)
    for name in ("prior_offset", "prior_covariance_mean", "prior_covariance_sample"):
        assert found[name] == pytest.approx(0.0, abs=1e-6)
    moved = look(white(400, 4) * 2.0 + [3.0, 0.0, -4.0, 0.0], 1.0)
    assert moved["prior_offset"] == pytest.approx(5.0 / np.sqrt(4))
    assert moved["prior_covariance_mean"] == pytest.approx(3.0, rel=1e-5)
    assert moved["prior_covariance_sample"] == pytest.approx(4.0, rel=1e-5)
    turned = look(correlated())
    assert turned["prior_covariance_mean"] == pytest.approx(np.sqrt(2 * (0.8**2 + 0.3**2 + 0.1**2) / 3), rel=1e-5)


def test_samples_of_a_posterior_can_match_the_prior_while_means_do_not() -> None:
    found = look(white(ROWS, 4) * np.sqrt(0.4), np.sqrt(0.6))
    assert found["prior_covariance_sample"] == pytest.approx(0.0, abs=1e-6)
    assert found["prior_covariance_mean"] == pytest.approx(0.6, rel=1e-5)
    assert abs(found["prior_mmd_sample"]) < 4 * standard_error(ROWS, 4)
    assert found["prior_mmd_mean"] > 10 * standard_error(ROWS, 4)


def standard_error(m: int, d: int) -> float:
    """The deviation of MMD² of m rows of N(0, I), √(2 E k̃²/(m(m − 1))), with k̃ the kernel minus its expectations."""
    square = (d / (d + 4)) ** (d / 2)
    square_of_one = (d / (d + 1)) ** d * (1 + 2 / (d + 1)) ** (-d / 2)
    square_of_both = (d / (d + 2)) ** d
    return float(np.sqrt(2 / (m * (m - 1)) * (square - 2 * square_of_one + square_of_both)))


@pytest.mark.parametrize("d", [1, 4, 32])
def test_discrepancy_of_the_prior_is_0_on_average_and_has_the_expected_spread(d: int) -> None:
    m, times = 25, 400
    found = np.array([discrepancy(normal(m, d, seed=seed)) for seed in range(times)])
    assert abs(found.mean()) < 4 * standard_error(m, d) / np.sqrt(times)
    assert found.std() == pytest.approx(standard_error(m, d), rel=0.25)
    assert abs(look(normal(5000, d))["prior_mmd_mean"]) < 5 * standard_error(ROWS, d)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (1.5, 1.0), (0.0, 3.0), (0.0, 0.1), (-0.5, 0.5)])
def test_discrepancy_equals_brute_force(shift: float, scale: float) -> None:
    m, d, many = 60, 3, 40_000
    rows = normal(m, d) * scale + shift
    prior, other = normal(many, d, seed=1), normal(many, d, seed=2)
    kernel = lambda squares: np.exp(-squares / (2 * d))  # noqa: E731
    own = np.mean([kernel(((rows[i] - rows[j]) ** 2).sum()) for i in range(m) for j in range(m) if i != j])
    near = kernel(cdist(rows, prior, "sqeuclidean")).mean(axis=0)
    within = kernel(((prior - other) ** 2).sum(axis=1))
    error = (2 * near.std() + within.std()) / np.sqrt(many)
    assert discrepancy(rows) == pytest.approx(own - 2 * near.mean() + within.mean(), abs=4 * error)


def test_discrepancy_of_identical_rows_at_the_origin_is_in_closed_form() -> None:
    d = 2
    expected = 1 - 2 * (d / (d + 1)) ** (d / 2) + (d / (d + 2)) ** (d / 2)
    assert look(np.zeros((7, d)))["prior_mmd_mean"] == pytest.approx(expected)
    assert look(np.zeros((1, d)))["prior_mmd_mean"] is None


def test_discrepancy_grows_as_latents_leave_the_prior() -> None:
    found = [look(normal(500, 4) + shift)["prior_mmd_mean"] for shift in (0.0, 0.5, 1.0, 2.0)]
    assert found == sorted(found)


# Norm and degree


def test_norm_and_degree_in_the_same_order_correlate() -> None:
    directions = normal(50, 4)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    degrees = np.random.default_rng(1).permutation(np.arange(1, 51))
    assert look(directions * degrees[:, None], degrees=degrees)["norm_degree"] == pytest.approx(1.0)
    assert look(directions * degrees[:, None] ** 3, degrees=degrees)["norm_degree"] == pytest.approx(1.0)
    assert look(directions / degrees[:, None], degrees=degrees)["norm_degree"] == pytest.approx(-1.0)
    alone = look(normal(4000, 4), degrees=np.random.default_rng(2).integers(1, 9, 4000))["norm_degree"]
    assert abs(alone) < 4 / np.sqrt(4000)


def test_norm_and_degree_are_undefined_if_either_is_constant() -> None:
    degrees = np.arange(500)
    assert look(normal(500, 4))["norm_degree"] is None
    assert look(normal(500, 4), degrees=np.full(500, 2))["norm_degree"] is None
    assert look(np.ones((500, 4)), degrees=degrees)["norm_degree"] is None
    sphere = normal(500, 4).astype(np.float32)
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    assert look(sphere, degrees=degrees)["norm_degree"] is None


# Seeds and invariances


def test_the_seed_decides_the_discrepancy() -> None:
    mean = normal(2 * ROWS, 3)
    first, again, other = look(mean, 0.5, seed=0), look(mean, 0.5, seed=0), look(mean, 0.5, seed=1)
    assert first == again
    assert {name for name in NAMES if first[name] != other[name]} == {"prior_mmd_mean", *OF_DRAWS}
    few, few_others = look(mean[:ROWS], 0.5, seed=0), look(mean[:ROWS], 0.5, seed=1)
    assert {name for name in NAMES if few[name] != few_others[name]} == OF_DRAWS


def test_no_more_rows_than_stated_are_compared() -> None:
    mean = np.zeros((2 * ROWS, 2))
    mean[0] = 100.0
    found = {look(mean, seed=seed)["prior_mmd_mean"] for seed in range(8)}
    without = look(mean[1:])["prior_mmd_mean"]
    assert len(found) == 2
    assert max(found) == without


def test_samples_belong_to_the_compared_rows() -> None:
    found = look(normal(5 * ROWS, 3), 1e-6)
    assert found["prior_mmd_sample"] == pytest.approx(found["prior_mmd_mean"], abs=1e-6)
    late = np.repeat([0.0, 1.0], 5 * ROWS)[:, None] * np.ones((1, 3))
    found = look(np.zeros((10 * ROWS, 3)), late)
    assert found["prior_mmd_sample"] < 0.5 * found["prior_mmd_mean"]


def test_global_random_states_are_untouched() -> None:
    before, torch_before = np.random.get_state(), torch.get_rng_state()
    look(normal(2 * ROWS, 3), 0.5, degrees=np.arange(2 * ROWS))
    after = np.random.get_state()
    assert before[0] == after[0]
    assert np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]
    assert torch.equal(torch_before, torch.get_rng_state())


def test_diagnosing_changes_no_input() -> None:
    given = latents(normal(20, 3), 0.5)
    mean, std = given.mean.copy(), given.std.copy()
    diagnose(given, seed=0, degrees=None)
    assert np.array_equal(given.mean, mean)
    assert np.array_equal(given.std, std)


def test_the_order_of_rows_changes_only_drawn_values() -> None:
    mean, std, degrees = correlated(), np.exp(normal(300, 3, seed=1)), np.arange(300)
    order = np.random.default_rng(3).permutation(300)
    first = look(mean, std, degrees=degrees, labels=degrees % 5)
    second = look(mean[order], std[order], degrees=degrees[order], labels=degrees[order] % 5)
    for name in set(NAMES) - OF_DRAWS:
        assert second[name] == pytest.approx(first[name], rel=1e-9, abs=1e-12), name


def test_a_rotation_keeps_the_effective_rank_and_the_distance_of_the_mean() -> None:
    mean = normal(300, 5) * [3.0, 2.0, 1.0, 0.5, 0.1] + 1.0
    rotation = ortho_group.rvs(5, random_state=0)
    first, second = look(mean), look(mean @ rotation)
    for name in ("effective_rank", "prior_offset", "prior_covariance_mean", "prior_mmd_mean"):
        assert second[name] == pytest.approx(first[name], rel=1e-5), name
    assert second["total_correlation_mean"] > first["total_correlation_mean"] + 0.1


def test_effective_rank_ignores_scale_and_offset() -> None:
    matrix = normal(100, 4)
    assert effective_rank(matrix * 1e-5 + 3.0) == pytest.approx(effective_rank(matrix), rel=1e-6)
