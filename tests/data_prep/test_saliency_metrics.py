"""The metrics of saliency maps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from data_prep.saliency_metrics import auc_judd, cc, kl, nss, sim

HEIGHT, WIDTH = 7, 9
OF_FIXATED = (auc_judd, nss)
OF_DENSITY = (cc, kl, sim)


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


@pytest.mark.parametrize(
    "metric, saliency, other, expected",
    [
        # Of the pairs 4>3, 4>1, 2<3, 2>1, three are in order.
        pytest.param(auc_judd, [4, 3, 2, 1], [1, 0, 1, 0], 0.75, id="auc"),
        # 1=1, 1>0, 0<1, 0=0
        pytest.param(auc_judd, [1, 1, 0, 0], [1, 0, 1, 0], 0.5, id="auc: ties"),
        # The mean is 2.5, the variance 1.25.
        pytest.param(nss, [1, 2, 3, 4], [0, 0, 1, 1], 1.25**-0.5, id="nss"),
        pytest.param(cc, [0, 1, 2], [0, 2, 1], 0.5, id="cc"),
        pytest.param(kl, [1, 3], [1, 1], 0.5 * math.log(4 / 3), id="kl"),
        pytest.param(kl, [1, 0], [0, 1], 52 * math.log(2), id="kl is bounded"),
        pytest.param(sim, [1, 3], [1, 1], 0.75, id="sim"),
        pytest.param(sim, [1, 0], [0, 1], 0, id="sim: no overlap"),
    ],
)
def test_metrics_by_hand(metric, saliency, other, expected):
    other = np.array([other], bool if metric in OF_FIXATED else float)
    found = metric(np.array([saliency], float), other)
    assert found == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("levels", [3, 10, 1000])
def test_auc_is_the_share_of_pairs_in_order(saliency, fixated, levels):
    saliency = np.floor(saliency * levels)
    pairs = [
        (p > q) + (p == q) / 2 for p in saliency[fixated] for q in saliency[~fixated]
    ]
    assert auc_judd(saliency, fixated) == pytest.approx(np.mean(pairs))


def test_auc_is_the_area_under_the_roc_curve(saliency, fixated):
    saliency = np.floor(saliency * 8)
    thresholds = [np.inf, *np.unique(saliency)[::-1]]
    hits = [(saliency[fixated] >= t).mean() for t in thresholds]
    false_alarms = [(saliency[~fixated] >= t).mean() for t in thresholds]
    area = np.trapz(hits, false_alarms)
    assert auc_judd(saliency, fixated) == pytest.approx(area)


def test_auc_depends_on_the_order_of_values_alone(saliency, fixated):
    expected = auc_judd(saliency, fixated)
    assert auc_judd(saliency**3, fixated) == pytest.approx(expected)


def test_auc_is_one_for_a_map_of_the_fixations_and_zero_for_its_inverse(fixated):
    assert auc_judd(fixated, fixated) == 1
    assert auc_judd(~fixated, fixated) == 0


def test_nss_of_all_pixels_is_zero(saliency):
    everywhere = np.ones(saliency.shape, bool)
    assert nss(saliency, everywhere) == pytest.approx(0, abs=1e-12)


def test_cc_is_pearsons(saliency, density):
    expected = np.corrcoef(saliency.ravel(), density.ravel())[0, 1]
    assert cc(saliency, density) == pytest.approx(expected)


def test_the_density_itself_scores_best(density):
    assert cc(density, density) == pytest.approx(1)
    assert kl(density, density) == pytest.approx(0, abs=1e-12)
    assert sim(density, density) == pytest.approx(1)


@pytest.mark.parametrize("metric", OF_FIXATED)
def test_metrics_of_pixels_do_not_depend_on_the_scale(metric, saliency, fixated):
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
    assert auc_judd(constant, fixated) == 0.5
    assert nss(constant, fixated) == 0
    assert cc(constant, density) == 0
    for metric in (kl, sim):
        expected = metric(np.ones((HEIGHT, WIDTH)), density)
        assert metric(constant, density) == pytest.approx(expected)


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
