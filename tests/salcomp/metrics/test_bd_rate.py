"""Tests of salcomp.metrics.bd_rate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from salcomp.errors import InputError
from salcomp.metrics import bd_rate

RATE = np.array([0.1, 0.2, 0.4, 0.8, 1.6])
QUALITY = np.array([26.0, 28.5, 31.0, 34.0, 37.5])


def per_image(factors, gains=None):
    """Curves of images that differ in rate by a factor, in quality by an offset."""
    gains = np.zeros(len(factors)) if gains is None else np.asarray(gains)
    return RATE[:, None] * np.asarray(factors), QUALITY[:, None] + gains


def test_a_curve_against_itself_has_no_delta():
    assert bd_rate.bd_rate(RATE, QUALITY, RATE, QUALITY) == pytest.approx(0)
    assert bd_rate.bd_quality(RATE, QUALITY, RATE, QUALITY) == pytest.approx(0)


def test_a_quarter_less_rate_at_every_quality_is_minus_25_percent():
    assert bd_rate.bd_rate(RATE, QUALITY, 0.75 * RATE, QUALITY) == pytest.approx(-25)


def test_a_db_more_at_every_rate_is_one_db():
    assert bd_rate.bd_quality(RATE, QUALITY, RATE, QUALITY + 1) == pytest.approx(1)


def test_straight_lines_that_overlap_in_part_agree_with_the_exact_integral():
    """log10 rate = q / 20 against q / 20 + 0.01 (q - 30), common range 30 to 36."""
    anchor, test = np.linspace(28, 36, 5), np.linspace(30, 40, 6)
    rates = 10 ** (anchor / 20), 10 ** (test / 20 + 0.01 * (test - 30))
    delta = bd_rate.bd_rate(rates[0], anchor, rates[1], test)
    assert delta == pytest.approx(100 * (10**0.03 - 1))


def test_the_order_of_the_points_does_not_matter():
    rate, quality = 0.9 * RATE[[3, 0, 4, 1, 2]], QUALITY[[3, 0, 4, 1, 2]]
    assert bd_rate.bd_rate(RATE, QUALITY, rate, quality) == pytest.approx(-10)


def test_curves_that_share_nothing_are_refused():
    with pytest.raises(InputError, match="share no quality: 26 to 37.5 and 66 to 77.5"):
        bd_rate.bd_rate(RATE, QUALITY, RATE, QUALITY + 40)
    with pytest.raises(InputError, match="share no rate"):
        bd_rate.bd_quality(RATE, QUALITY, 100 * RATE, QUALITY)


@pytest.mark.parametrize(
    "rate, quality, message",
    [
        (RATE[:3], QUALITY[:3], "curve has 3 points"),
        (RATE, QUALITY[[0, 2, 1, 3, 4]], "curve does not rise"),
        (RATE, [*QUALITY[:4], math.nan], "curve has points that are not finite"),
        (RATE, [*QUALITY[:4], math.inf], "curve has points that are not finite"),
        (RATE - RATE[0], QUALITY, "curve has a rate that is not positive"),
    ],
)
def test_what_is_no_curve_is_refused_by_name(rate, quality, message):
    with pytest.raises(InputError, match=f"the test {message}"):
        bd_rate.bd_rate(RATE, QUALITY, rate, quality)
    with pytest.raises(InputError, match=f"the anchor {message}"):
        bd_rate.bd_quality(rate, quality, RATE, QUALITY)


def test_the_comparison_is_that_of_the_averages_over_images():
    anchor = per_image([1, 2, 3], [0, 1, -1])
    test = per_image([0.8, 1.5, 2.9], [0.2, 1, -0.7])
    found = bd_rate.compare(*anchor, *test, resamples=10)
    means = [a.mean(1) for a in (*anchor, *test)]
    assert found.rate.value == pytest.approx(bd_rate.bd_rate(*means))
    assert found.quality.value == pytest.approx(bd_rate.bd_quality(*means))
    assert found.images == 3


def test_a_saving_that_is_the_same_for_all_images_has_no_spread():
    """Which is what pairing is for: the images themselves differ by a factor of 9."""
    factors = np.geomspace(1 / 3, 3, 12)
    curves = *per_image(factors), *per_image(0.9 * factors)
    found = bd_rate.compare(*curves, resamples=50)
    assert found.rate == pytest.approx((-10, -10, -10))


def test_the_interval_holds_the_true_saving_of_noisy_images():
    rng = np.random.default_rng(5)
    factors = rng.lognormal(0, 0.5, 40)
    savings = rng.normal(0.9, 0.05, 40)
    curves = *per_image(factors), *per_image(factors * savings)
    found = bd_rate.compare(*curves, resamples=300)
    assert found.rate.low < -10 < found.rate.high
    # Spread of the mean of 40 savings, weighted by rates of coefficient of variation
    # exp(.25) - 1: 1.96 * 5 / sqrt(40 / 1.28) = 1.75 to either side.
    assert found.rate.high - found.rate.low == pytest.approx(3.5, rel=0.35)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    rng = np.random.default_rng(0)
    curves = *per_image(np.ones(8)), *per_image(rng.normal(1, 0.1, 8))
    found = [bd_rate.compare(*curves, resamples=40, seed=seed) for seed in (1, 1, 2)]
    assert found[0] == found[1]
    assert found[0].rate.low != found[2].rate.low


@pytest.mark.parametrize("images", [2, 1])
def test_images_without_a_finite_value_are_left_out_of_both_curves(images):
    """One image that is left has a BD-rate, but no spread and so no interval."""
    factors = np.array([1, 2, 5])
    rate, quality = per_image(0.9 * factors)
    quality[0, images:] = math.nan
    found = bd_rate.compare(*per_image(factors), rate, quality, resamples=10)
    assert found.rate.value == pytest.approx(-10)
    assert found.images == images
    bounds = np.array([*found.rate[1:], *found.quality[1:]])
    assert (np.isnan(bounds) if images == 1 else np.isfinite(bounds)).all()


def test_no_image_with_finite_values_is_an_error():
    curves = *per_image([1, 2], [0, math.nan]), *per_image([1, 2], [math.inf, 0])
    with pytest.raises(InputError, match="no image"):
        bd_rate.compare(*curves)


def test_the_overlap_is_that_of_the_qualities():
    curves = *per_image([1]), *per_image([1], [np.ptp(QUALITY) / 4])
    overlap = bd_rate.compare(*curves, resamples=2).overlap
    assert overlap == pytest.approx(0.75 / 1.25)


def test_curves_over_other_images_are_refused():
    with pytest.raises(InputError, match="not over the same images"):
        bd_rate.compare(*per_image([1, 1]), *per_image([1]))


def test_an_interval_that_hangs_on_single_images_is_nan():
    """Without the second image, which half of the draws lack, the curves are apart."""
    curves = *per_image([1, 1]), *per_image([1, 1], [30, -10])
    found = bd_rate.compare(*curves, resamples=50)
    assert math.isfinite(found.rate.value)
    assert math.isnan(found.rate.low) and math.isnan(found.rate.high)


def test_comparison_survives_its_cells():
    nothing = bd_rate.Interval(math.nan, math.nan, math.nan)
    found = bd_rate.Comparison(bd_rate.Interval(-3.0, -4.0, 1.5), nothing, 0.75, 12)
    cells = {k: "" if v != v else str(v) for k, v in found.cells().items()}
    again = bd_rate.Comparison.from_cells(cells)
    assert again.cells() == pytest.approx(found.cells(), nan_ok=True)
