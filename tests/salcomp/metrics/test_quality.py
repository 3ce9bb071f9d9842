"""Tests of salcomp.metrics.quality and salcomp.metrics.ms_ssim."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from salcomp.errors import InputError
from salcomp.metrics import quality as metrics
from salcomp.metrics.ms_ssim import ms_ssim, similarity_db, weighted_ms_ssims

FLAT = np.full((4, 6, 3), 100, np.uint8)


def photograph_like(height, width):
    """Smooth shapes with noise, so that SSIM's terms are all in play."""
    rows, columns = np.mgrid[:height, :width]
    waves = np.sin(rows / 9)[..., None] * np.cos(columns[..., None] / [7, 11, 17])
    noise = np.random.default_rng(0).normal(0, 8, waves.shape)
    return np.clip(128 + 80 * waves + noise, 0, 255).astype(np.uint8)


def noisy(image, sigma):
    noise = np.random.default_rng(1).normal(0, sigma, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def test_mse_is_the_mean_over_pixels_and_channels():
    x_hat = FLAT.copy()
    x_hat[0, 0, 1] -= 12  # below: unsigned arithmetic would wrap around
    assert metrics.mse(FLAT, x_hat) == pytest.approx(144 / (4 * 6 * 3))


@pytest.mark.parametrize("levels, psnr", [(1, 48.1308), (0, math.inf)])
def test_psnr_of_an_error_of_some_levels(levels, psnr):
    found = metrics.psnr(FLAT, FLAT + np.uint8(levels))
    assert found == pytest.approx(psnr, abs=1e-4)


def test_ewpsnr_with_a_uniform_weight_is_psnr():
    x = photograph_like(20, 30)
    found = metrics.ewpsnr(x, noisy(x, 5), np.full((20, 30), 0.3, np.float32))
    assert found == pytest.approx(metrics.psnr(x, noisy(x, 5)))


def test_ewpsnr_weighs_each_pixel_as_the_formula_says():
    x_hat, weight = FLAT.copy(), np.ones((4, 6))
    x_hat[0, 0] += 10  # e = 100 at one pixel, 0 elsewhere
    weight[0, 0] = 5
    expected = 10 * math.log10(255**2 / (5 * 100 / (5 + 23)))
    assert metrics.ewpsnr(FLAT, x_hat, weight) == pytest.approx(expected)


def test_ewpsnr_does_not_depend_on_the_scale_of_the_weight():
    x = photograph_like(20, 30)
    weight = np.random.default_rng(0).random((20, 30))
    one, other = (metrics.ewpsnr(x, noisy(x, 5), s * weight) for s in (1, 1000))
    assert one == pytest.approx(other)


def test_ewpsnr_of_a_weight_that_is_zero_everywhere_is_nan():
    assert math.isnan(metrics.ewpsnr(FLAT, FLAT, np.zeros((4, 6))))


@pytest.mark.parametrize("bad", [-1, math.nan])
def test_ewpsnr_refuses_weights_that_are_negative_or_nan(bad):
    weight = np.ones((4, 6))
    weight[1, 1] = bad
    with pytest.raises(InputError, match="negative or not a number"):
        metrics.ewpsnr(FLAT, FLAT, weight)


@pytest.mark.parametrize(
    "metric, arguments, told",
    [
        (metrics.ewpsnr, (FLAT, np.ones((6, 4))), "resize the map"),
        (metrics.psnr, (FLAT[:-1],), "of one size"),
        (metrics.psnr, (FLAT.astype(np.float32),), "8-bit"),
    ],
)
def test_other_sizes_and_types_are_refused(metric, arguments, told):
    with pytest.raises(InputError, match=told):
        metric(FLAT, *arguments)


def test_roi_and_non_roi_split_the_error():
    mask = np.indices((4, 6))[0] < 2  # the upper half
    x_hat = FLAT + np.where(mask[..., None], 2, 8).astype(np.uint8)
    inside, outside = (10 * math.log10(255**2 / error) for error in (4, 64))
    assert metrics.roi_psnr(FLAT, x_hat, mask) == pytest.approx(inside)
    assert metrics.non_roi_psnr(FLAT, x_hat, mask) == pytest.approx(outside)


def test_psnr_of_an_empty_region_is_nan():
    assert math.isnan(metrics.roi_psnr(FLAT, FLAT, np.zeros((4, 6), bool)))


def test_top_fraction_mask_takes_the_most_salient_pixels():
    saliency = np.random.default_rng(0).permutation(200).reshape(10, 20) / 200
    mask = metrics.top_fraction_mask(saliency, 0.1)
    np.testing.assert_array_equal(mask, saliency >= 0.9)


def test_top_fraction_mask_breaks_ties_in_raster_order():
    saliency = np.float32([[0, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]])
    mask = metrics.top_fraction_mask(saliency, 1 / 3)
    assert np.flatnonzero(mask).tolist() == [0, 1, 2, 9]


@pytest.mark.parametrize("fraction, count", [(0, 0), (0.05, 5), (0.126, 13), (1, 105)])
def test_top_fraction_mask_sets_an_exact_number_of_pixels(fraction, count):
    saliency = np.full((7, 15), 0.5, np.float32)
    assert metrics.top_fraction_mask(saliency, fraction).sum() == count


def test_boxes_mask_covers_every_pixel_that_a_box_touches():
    mask = metrics.boxes_mask([[1.2, 0.0, 3.0, 1.1]], 4, 6)
    assert np.argwhere(mask).tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]


def test_boxes_mask_ignores_what_lies_outside_the_image():
    mask = metrics.boxes_mask([[-5, -5, 1, 1], [5, 3, 99, 99], [-9, -9, -2, -2]], 4, 6)
    assert np.argwhere(mask).tolist() == [[0, 0], [3, 5]]


def weighted_ms_ssim(x, x_hat, weight) -> float:
    (value,) = weighted_ms_ssims(x, x_hat, [weight])
    return value


def test_ms_ssim_of_equal_images_is_one():
    x = photograph_like(176, 200)
    assert ms_ssim(x, x) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("size", [(176, 176), (181, 203), (256, 512)])
@pytest.mark.parametrize("sigma, brightness", [(3, 1), (40, 1), (3, 0.5)])
def test_ms_ssim_is_tensorflows(size, sigma, brightness):
    x = photograph_like(*size)
    x_hat = noisy(brightness * x, sigma)
    theirs = float(tf.image.ssim_multiscale(x, x_hat, max_val=255))
    assert ms_ssim(x, x_hat) == pytest.approx(theirs, abs=2e-5)


def test_uniform_weight_gives_plain_ms_ssim_beside_other_weights():
    x = photograph_like(181, 203)
    x_hat = noisy(x, 9)
    rising = np.tile(np.linspace(0, 1, 203), (181, 1))
    weights = [np.full((181, 203), 0.7), rising]
    uniform, other = weighted_ms_ssims(x, x_hat, weights)
    assert uniform == pytest.approx(ms_ssim(x, x_hat), rel=1e-12)
    assert other == pytest.approx(weighted_ms_ssim(x, x_hat, weights[1]), rel=1e-12)
    assert abs(other - uniform) > 1e-5


def test_weighted_ms_ssim_sees_only_damage_where_the_weight_is():
    x = photograph_like(256, 512)
    x_hat = x.copy()
    x_hat[:, :200] = noisy(x, 30)[:, :200]
    column = np.indices((256, 512))[1]
    # The windows of the coarsest scale reach 80 pixels to the left.
    left, right = (column < 100).astype(float), (column >= 380).astype(float)
    assert weighted_ms_ssim(x, x_hat, right) == pytest.approx(1, abs=1e-6)
    assert weighted_ms_ssim(x, x_hat, left) < ms_ssim(x, x_hat) < 0.99


def test_weighted_ms_ssim_does_not_depend_on_the_scale_of_the_weight():
    x = photograph_like(180, 180)
    weight = np.random.default_rng(0).random((180, 180))
    one, other = weighted_ms_ssims(x, noisy(x, 9), [weight, 255 * weight])
    assert one == pytest.approx(other)


def test_ms_ssim_of_an_image_too_small_for_five_scales_is_nan():
    x = photograph_like(175, 400)
    assert math.isnan(ms_ssim(x, x))
    assert math.isnan(weighted_ms_ssim(x, x, np.ones((175, 400))))


@pytest.mark.parametrize(
    "value, db", [(0.99, 20), (1.0, math.inf), (math.nan, math.nan)]
)
def test_similarity_in_db(value, db):
    assert similarity_db(value) == pytest.approx(db, nan_ok=True)


def test_all_metrics_has_every_key_in_order_whatever_is_given():
    x = photograph_like(32, 48)
    values = metrics.all_metrics(x, noisy(x, 5), np.ones((32, 48)))
    assert list(values) == list(metrics.METRICS)


def test_all_metrics_agrees_with_the_single_functions():
    x = photograph_like(180, 200)
    x_hat = noisy(x, 12)
    rng = np.random.default_rng(3)
    saliency, weight = rng.random((2, 180, 200))
    boxes = [[10, 20, 60, 70]]
    mask = saliency > 0.7
    weights = {"ewpsnr-train": weight}
    values = metrics.all_metrics(x, x_hat, saliency, weights, boxes, mask)
    similarity = weighted_ms_ssim(x, x_hat, saliency)
    expected = {
        "mse": metrics.mse(x, x_hat),
        "psnr-rgb": metrics.psnr(x, x_hat),
        "ewpsnr": metrics.ewpsnr(x, x_hat, saliency),
        "ewpsnr-train": metrics.ewpsnr(x, x_hat, weight),
        "ms-ssim-rgb": ms_ssim(x, x_hat),
        "weighted-ms-ssim": similarity,
        "weighted-ms-ssim-db": similarity_db(similarity),
    }
    for name, region in {
        "roi-psnr-5": metrics.top_fraction_mask(saliency, 0.05),
        "boxes-psnr": metrics.boxes_mask(boxes, 180, 200),
        "mask-psnr": mask,
    }.items():
        expected[name] = metrics.roi_psnr(x, x_hat, region)
        expected[f"non-{name}"] = metrics.non_roi_psnr(x, x_hat, region)
    assert {key: values[key] for key in expected} == pytest.approx(expected)


def test_all_metrics_has_no_region_of_interest_for_a_constant_map():
    x = photograph_like(32, 48)
    values = metrics.all_metrics(x, noisy(x, 5), np.ones((32, 48)))
    assert math.isnan(values["roi-psnr-5"]) and math.isnan(values["non-roi-psnr-20"])
    assert values["ewpsnr"] == pytest.approx(values["psnr-rgb"])


def test_an_image_with_an_empty_mask_has_no_region_and_nothing_outside_it():
    x = photograph_like(32, 48)
    ones, empty = np.ones((32, 48)), np.zeros((32, 48), bool)
    values = metrics.all_metrics(x, noisy(x, 5), ones, mask=empty)
    assert math.isnan(values["mask-psnr"]) and math.isnan(values["non-mask-psnr"])
