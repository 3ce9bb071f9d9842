"""The metrics of saliency maps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from data_prep import saliency_metrics

HEIGHT, WIDTH = 7, 9
OF_FIXATED = (saliency_metrics.auc_judd, saliency_metrics.nss)
OF_DENSITY = (saliency_metrics.cc, saliency_metrics.kl, saliency_metrics.sim)


def random_map(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((HEIGHT, WIDTH), np.float32)


@pytest.fixture
def saliency() -> np.ndarray:
    return random_map(0)


@pytest.fixture
def density() -> np.ndarray:
    return random_map(1)


@pytest.fixture
def fixated() -> np.ndarray:
    return random_map(2) > 0.8


def test_auc_by_hand():
    saliency = np.array([[4.0, 3.0, 2.0, 1.0]])
    fixated = np.array([[True, False, True, False]])
    # Of the pairs 4>3, 4>1, 2<3, 2>1, three are in order.
    assert saliency_metrics.auc_judd(saliency, fixated) == 0.75


def test_auc_counts_a_tie_as_half():
    saliency = np.array([[1.0, 1.0, 0.0, 0.0]])
    fixated = np.array([[True, False, True, False]])
    # 1=1, 1>0, 0<1, 0=0
    assert saliency_metrics.auc_judd(saliency, fixated) == 0.5


@pytest.mark.parametrize("levels", [3, 10, 1000])
def test_auc_is_the_share_of_pairs_in_order(saliency, fixated, levels):
    saliency = np.floor(saliency * levels)
    pairs = [
        (p > q) + (p == q) / 2 for p in saliency[fixated] for q in saliency[~fixated]
    ]
    assert saliency_metrics.auc_judd(saliency, fixated) == pytest.approx(np.mean(pairs))


def test_auc_is_the_area_under_the_roc_curve(saliency, fixated):
    saliency = np.floor(saliency * 8)
    thresholds = [np.inf, *np.unique(saliency)[::-1]]
    hits = [(saliency[fixated] >= t).mean() for t in thresholds]
    false_alarms = [(saliency[~fixated] >= t).mean() for t in thresholds]
    assert saliency_metrics.auc_judd(saliency, fixated) == pytest.approx(
        np.trapz(hits, false_alarms)
    )


def test_auc_depends_on_the_order_of_values_alone(saliency, fixated):
    assert saliency_metrics.auc_judd(saliency**3, fixated) == pytest.approx(
        saliency_metrics.auc_judd(saliency, fixated)
    )


def test_auc_is_one_for_a_map_of_the_fixations_and_zero_for_its_inverse(fixated):
    assert saliency_metrics.auc_judd(fixated, fixated) == 1
    assert saliency_metrics.auc_judd(~fixated, fixated) == 0


def test_nss_by_hand():
    saliency = np.array([[1.0, 2.0, 3.0, 4.0]])
    fixated = np.array([[False, False, True, True]])
    # The mean is 2.5, the variance 1.25.
    assert saliency_metrics.nss(saliency, fixated) == pytest.approx(1 / math.sqrt(1.25))


def test_nss_of_all_pixels_is_zero(saliency):
    everywhere = np.ones(saliency.shape, bool)
    assert saliency_metrics.nss(saliency, everywhere) == pytest.approx(0, abs=1e-12)


def test_cc_by_hand():
    saliency, density = np.array([[0.0, 1.0, 2.0]]), np.array([[0.0, 2.0, 1.0]])
    assert saliency_metrics.cc(saliency, density) == pytest.approx(0.5)


def test_cc_is_pearsons(saliency, density):
    expected = np.corrcoef(saliency.ravel(), density.ravel())[0, 1]
    assert saliency_metrics.cc(saliency, density) == pytest.approx(expected)


def test_kl_by_hand():
    saliency, density = np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]])
    expected = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    assert saliency_metrics.kl(saliency, density) == pytest.approx(expected)


def test_kl_is_bounded_where_the_map_misses_everything():
    saliency, density = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert saliency_metrics.kl(saliency, density) == pytest.approx(52 * math.log(2))


def test_sim_by_hand():
    saliency, density = np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]])
    assert saliency_metrics.sim(saliency, density) == 0.75


def test_sim_of_maps_that_do_not_overlap_is_zero():
    assert saliency_metrics.sim(np.array([[1.0, 0]]), np.array([[0, 1.0]])) == 0


def test_the_density_itself_scores_best(density):
    assert saliency_metrics.cc(density, density) == pytest.approx(1)
    assert saliency_metrics.kl(density, density) == pytest.approx(0, abs=1e-12)
    assert saliency_metrics.sim(density, density) == pytest.approx(1)


@pytest.mark.parametrize("metric", OF_FIXATED)
def test_metrics_of_fixated_pixels_do_not_depend_on_the_scale(
    metric, saliency, fixated
):
    scaled = 1e-6 * saliency.astype(np.float64)
    assert metric(scaled, fixated) == pytest.approx(metric(saliency, fixated))
    assert metric(scaled + 3, fixated) == pytest.approx(metric(saliency, fixated))


@pytest.mark.parametrize("metric", OF_DENSITY)
def test_metrics_of_densities_do_not_depend_on_the_scale(metric, saliency, density):
    expected = metric(saliency, density)
    assert metric(1e-6 * saliency, density) == pytest.approx(expected)
    assert metric(saliency, 255 * density) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0, 0.1, 1])
def test_a_constant_map_prefers_nothing(fixated, density, value):
    constant = np.full((HEIGHT, WIDTH), value, np.float32)
    assert saliency_metrics.auc_judd(constant, fixated) == 0.5
    assert saliency_metrics.nss(constant, fixated) == 0
    assert saliency_metrics.cc(constant, density) == 0
    for metric in (saliency_metrics.kl, saliency_metrics.sim):
        assert metric(constant, density) == pytest.approx(
            metric(np.ones((HEIGHT, WIDTH)), density)
        )


@pytest.mark.parametrize("metric", OF_FIXATED)
def test_without_fixations_there_is_no_value(metric, saliency):
    assert math.isnan(metric(saliency, np.zeros(saliency.shape, bool)))


@pytest.mark.parametrize("metric", OF_DENSITY + OF_FIXATED)
def test_metrics_leave_their_arguments_alone(metric, saliency, density):
    other = density > 0.5 if metric in OF_FIXATED else density
    before = saliency.copy(), other.copy()
    metric(saliency, other)
    np.testing.assert_array_equal(saliency, before[0])
    np.testing.assert_array_equal(other, before[1])
