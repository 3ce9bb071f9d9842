"""The metrics of saliency maps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from data_prep.saliency_metrics import auc_judd, cc, information_gain, kl, nss, sim

HEIGHT, WIDTH = 7, 9
OF_FIXATED = (auc_judd, nss)
OF_DENSITY = (cc, kl, sim)


def random_map(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((HEIGHT, WIDTH), np.float32)


SALIENCY, DENSITY, FIXATED = random_map(0), random_map(1), random_map(2) > 0.8
# Of fixations; there are pixels of several.
COUNTS = np.floor(5 * random_map(3)).astype(int) * FIXATED


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


@pytest.mark.parametrize(
    "saliency, baseline, counts, expected",
    [
        # Of log2(1/4) and log2(3/4), less log2(1/2).
        pytest.param([1, 3], [1, 1], [1, 0], -1, id="worse than uniform"),
        pytest.param([1, 3], [1, 1], [0, 1], math.log2(1.5), id="better"),
        pytest.param([1, 3], [3, 1], [0, 1], math.log2(3), id="another baseline"),
        pytest.param(
            [1, 3], [1, 1], [1, 4], (4 * math.log2(1.5) - 1) / 5, id="each fixation"
        ),
        pytest.param([1, 0], [1, 1], [0, 1], -51, id="a zero of the map"),
        pytest.param([1, 1], [1, 0], [0, 1], 51, id="a zero of the baseline"),
        pytest.param([1, 0], [1, 0], [0, 1], 0, id="a zero of both"),
        pytest.param([0, 0], [1, 3], [1, 0], 1, id="a black map is uniform"),
    ],
)
def test_information_gain_by_hand(saliency, baseline, counts, expected):
    maps = (np.array([values], float) for values in (saliency, baseline))
    found = information_gain(*maps, np.array([counts]))
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_a_uniform_map_gains_nothing_over_uniform():
    grey, white = np.full((2, HEIGHT, WIDTH), [[[0.3]], [[1]]])
    assert information_gain(grey, white, COUNTS) == pytest.approx(0, abs=1e-12)


def test_the_density_of_the_fixations_gains_what_its_entropy_lacks():
    shares = COUNTS[COUNTS > 0] / COUNTS.sum()
    entropy = -(shares * np.log2(shares)).sum()
    gain = information_gain(COUNTS, np.ones(COUNTS.shape), COUNTS)
    assert gain == pytest.approx(math.log2(HEIGHT * WIDTH) - entropy)


def test_no_map_gains_more_than_the_density_of_the_fixations():
    assert information_gain(SALIENCY, COUNTS, COUNTS) < 0


def test_information_gain_does_not_depend_on_the_scale():
    expected = information_gain(SALIENCY, DENSITY, COUNTS)
    found = information_gain(1e-6 * SALIENCY, 255 * DENSITY, COUNTS)
    assert found == pytest.approx(expected)


def test_without_fixations_there_is_no_information_gain():
    assert math.isnan(information_gain(SALIENCY, DENSITY, 0 * COUNTS))


@pytest.mark.parametrize("levels", [3, 10, 1000])
def test_auc_is_the_share_of_pairs_in_order(levels):
    saliency = np.floor(SALIENCY * levels)
    pairs = [
        (p > q) + (p == q) / 2 for p in saliency[FIXATED] for q in saliency[~FIXATED]
    ]
    assert auc_judd(saliency, FIXATED) == pytest.approx(np.mean(pairs))


def test_auc_is_the_area_under_the_roc_curve():
    saliency = np.floor(SALIENCY * 8)
    thresholds = [np.inf, *np.unique(saliency)[::-1]]
    hits = [(saliency[FIXATED] >= t).mean() for t in thresholds]
    false_alarms = [(saliency[~FIXATED] >= t).mean() for t in thresholds]
    area = np.trapz(hits, false_alarms)
    assert auc_judd(saliency, FIXATED) == pytest.approx(area)


def test_auc_depends_on_the_order_of_values_alone():
    expected = auc_judd(SALIENCY, FIXATED)
    assert auc_judd(SALIENCY**3, FIXATED) == pytest.approx(expected)


def test_auc_is_one_for_a_map_of_the_fixations_and_zero_for_its_inverse():
    assert auc_judd(FIXATED, FIXATED) == 1
    assert auc_judd(~FIXATED, FIXATED) == 0


def test_nss_of_all_pixels_is_zero():
    everywhere = np.ones(SALIENCY.shape, bool)
    assert nss(SALIENCY, everywhere) == pytest.approx(0, abs=1e-12)


def test_cc_is_pearsons():
    expected = np.corrcoef(SALIENCY.ravel(), DENSITY.ravel())[0, 1]
    assert cc(SALIENCY, DENSITY) == pytest.approx(expected)


def test_the_density_itself_scores_best():
    assert cc(DENSITY, DENSITY) == pytest.approx(1)
    assert kl(DENSITY, DENSITY) == pytest.approx(0, abs=1e-12)
    assert sim(DENSITY, DENSITY) == pytest.approx(1)


@pytest.mark.parametrize("metric", OF_FIXATED)
def test_metrics_of_pixels_do_not_depend_on_the_scale(metric):
    scaled = 1e-6 * SALIENCY.astype(np.float64)
    assert metric(scaled, FIXATED) == pytest.approx(metric(SALIENCY, FIXATED))
    assert metric(scaled + 3, FIXATED) == pytest.approx(metric(SALIENCY, FIXATED))


@pytest.mark.parametrize("metric", OF_DENSITY)
def test_metrics_of_densities_do_not_depend_on_the_scale(metric):
    expected = metric(SALIENCY, DENSITY)
    assert metric(1e-6 * SALIENCY, DENSITY) == pytest.approx(expected)
    assert metric(SALIENCY, 255 * DENSITY) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0, 0.1, 1])
def test_a_constant_map_prefers_nothing(value):
    constant = np.full((HEIGHT, WIDTH), value, np.float32)
    assert auc_judd(constant, FIXATED) == 0.5
    assert nss(constant, FIXATED) == 0
    assert cc(constant, DENSITY) == 0
    for metric in (kl, sim):
        expected = metric(np.ones((HEIGHT, WIDTH)), DENSITY)
        assert metric(constant, DENSITY) == pytest.approx(expected)


@pytest.mark.parametrize("metric", OF_FIXATED)
def test_without_fixations_there_is_no_value(metric):
    assert math.isnan(metric(SALIENCY, np.zeros(SALIENCY.shape, bool)))


@pytest.mark.parametrize("metric", OF_DENSITY + OF_FIXATED)
def test_metrics_leave_their_arguments_alone(metric):
    other = DENSITY > 0.5 if metric in OF_FIXATED else DENSITY
    before = SALIENCY.copy(), other.copy()
    metric(SALIENCY, other)
    np.testing.assert_array_equal(SALIENCY, before[0])
    np.testing.assert_array_equal(other, before[1])
