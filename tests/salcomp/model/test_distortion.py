"""Tests of salcomp.model.distortion."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from salcomp.config.config import DISTORTIONS
from salcomp.errors import InputError
from salcomp.metrics.ms_ssim import weighted_ms_ssims
from salcomp.model.distortion import SCALES, distortion
from tests.fixtures import frame

pytestmark = pytest.mark.kernels

ALL = pytest.mark.parametrize("name", DISTORTIONS)
SIZE = (181, 203)


def pair(sigma=20.0, brightness=1.0, size=SIZE, count=2):
    """Pictures and noisy versions of them, float32 [count, *size, 3]."""
    rng = np.random.default_rng(0)
    x = np.stack([frame(i, *size)[..., :3] for i in range(count)])
    x_hat = brightness * x + rng.normal(0, sigma, x.shape)
    return x.astype(np.float32), x_hat.astype(np.float32)


def unrelated():
    """Pictures of noise that have nothing in common: similarities about zero."""
    rng = np.random.default_rng(1)
    return rng.uniform(0, 255, (2, 2, *SIZE, 3)).astype(np.float32)


def ones(x):
    return np.ones(x.shape[:3], np.float32)


def gradient(name, x, x_hat, weight):
    x_hat = tf.constant(x_hat)
    with tf.GradientTape() as tape:
        tape.watch(x_hat)
        value = distortion(name)(x, x_hat, weight)
    return tape.gradient(value, x_hat).numpy()


def test_every_distortion_of_the_configuration_has_a_scale():
    assert tuple(SCALES) == DISTORTIONS


def test_mse_and_l1_are_weighted_means_of_their_errors():
    x, x_hat = pair()
    weight = np.random.default_rng(2).random(x.shape[:3]).astype(np.float32)
    errors = {"mse": (x - x_hat) ** 2, "l1": np.abs(x - x_hat)}
    for name, error in errors.items():
        expected = SCALES[name] * (weight[..., None] * error).mean(axis=(1, 2, 3))
        found = distortion(name)(x, x_hat, weight)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "images",
    [
        pair(3),
        pair(60),
        pair(3, brightness=0.5),
        pair(10, size=(176, 176)),
        pair(10, size=(256, 264)),
        (pair()[0], 255 - pair()[0]),
        unrelated(),
    ],
    ids="slight strong darker smallest even negative unrelated".split(),
)
def test_unweighted_ms_ssim_is_tensorflows(images):
    x, x_hat = images
    expected = 1 - tf.image.ssim_multiscale(x, x_hat, max_val=255).numpy()
    found = distortion("ms_ssim")(x, x_hat, ones(x)) / SCALES["ms_ssim"]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_weighted_ms_ssim_is_the_metric_s_times_the_mean_weight():
    x, x_hat = np.round(pair()).clip(0, 255)
    weight = np.random.default_rng(3).random(x.shape[:3]).astype(np.float32) ** 4
    weight[0, :, :100] = 0
    found = distortion("ms_ssim")(x, x_hat, weight) / SCALES["ms_ssim"]
    for i in range(len(x)):
        metric = weighted_ms_ssims(
            x[i].astype(np.uint8), x_hat[i].astype(np.uint8), [weight[i]]
        )[0]
        assert float(found[i]) == pytest.approx(
            weight[i].mean() * (1 - metric), abs=1e-4
        )


def blurred_by_hand(plane, sigma, row, column):
    """The Gaussian mean around a pixel, over what of the window is in the plane."""
    radius = round(3 * sigma)
    rows, columns = np.mgrid[: plane.shape[0], : plane.shape[1]]
    y, x = rows - row, columns - column
    window = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    window *= (np.abs(x) <= radius) & (np.abs(y) <= radius)
    return (window * plane).sum() / window.sum()


@pytest.mark.parametrize("pixel", [(0, 0), (20, 31), (39, 5)])
def test_mix_is_the_formula_of_zhao_et_al_at_each_pixel(pixel):
    x, x_hat = pair(size=(40, 56), count=1)
    only = np.zeros((1, 40, 56), np.float32)
    only[(0, *pixel)] = only.size
    losses = []
    for channel in range(3):
        a, b = (image[0, ..., channel] / np.float64(255) for image in (x, x_hat))
        product = 1.0
        for sigma in (0.5, 1, 2, 4, 8):

            def mean(plane, sigma=sigma):
                return blurred_by_hand(plane, sigma, *pixel)

            product *= (2 * (mean(a * b) - mean(a) * mean(b)) + 0.03**2) / (
                mean(a * a) - mean(a) ** 2 + mean(b * b) - mean(b) ** 2 + 0.03**2
            )
        product *= (2 * mean(a) * mean(b) + 0.01**2) / (
            mean(a) ** 2 + mean(b) ** 2 + 0.01**2
        )
        losses.append(0.84 * (1 - product) + 0.16 * mean(np.abs(a - b)))
    found = distortion("mix")(x, x_hat, only)[0] / SCALES["mix"]
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-3)


@ALL
@pytest.mark.parametrize("level", [0.01, 0.5, 3.0])
def test_uniform_weights_only_scale(name, level):
    x, x_hat = pair()
    measure = distortion(name)
    plain = measure(x, x_hat, ones(x))
    uniform = measure(x, x_hat, level * ones(x))
    np.testing.assert_allclose(uniform, level * plain, rtol=1e-5)


@ALL
def test_what_has_no_weight_has_no_say(name):
    x, x_hat = pair(size=(192, 384))
    x_hat[:, :, :150] = x[:, :, :150]
    weight = ones(x)
    weight[:, :, 20:] = 0
    assert np.abs(distortion(name)(x, x_hat, weight)).max() < 2e-4 * SCALES[name]
    assert (distortion(name)(x, x_hat, 1 - weight) > 0.01 * SCALES[name]).numpy().all()


@ALL
def test_distortion_of_identical_images_is_zero(name):
    x, _ = pair()
    found = distortion(name)(x, x, ones(x))
    np.testing.assert_allclose(found, 0, atol=1e-4 * SCALES[name])


CONSTANT = np.full((2, *SIZE, 3), 255, np.float32)
FLAT = {
    "equal": (pair()[0], pair()[0]),
    "constant and equal": (CONSTANT, CONSTANT),
    "constant and another": (CONSTANT, 0 * CONSTANT),
    "constant and beyond the range": (CONSTANT, CONSTANT + 500),
    "constant and noise": (CONSTANT, unrelated()[0]),
    "noise and constant": (unrelated()[0], CONSTANT),
    "negative": (pair()[0], 255 - pair()[0]),
    "unrelated": tuple(unrelated()),
}


@ALL
@pytest.mark.parametrize("kind", FLAT)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_is_finite(name, kind, weighted):
    x, x_hat = FLAT[kind]
    weight = ones(x)
    if weighted:
        weight[0], weight[1, :170] = 0, 0  # an image, and all windows, without weight
    assert np.isfinite(gradient(name, x, x_hat, weight)).all()
    assert np.isfinite(distortion(name)(x, x_hat, weight)).all()


@pytest.mark.parametrize("kind", ["unrelated", "negative"])
def test_gradient_of_ms_ssim_leads_out_of_negative_similarities(kind):
    """There TensorFlow's is zero, or not a number."""
    x, x_hat = FLAT[kind]
    towards = (gradient("ms_ssim", x, x_hat, ones(x)) * (x - x_hat)).sum()
    assert towards < 0


@ALL
def test_gradient_is_that_of_differences(name):
    x, x_hat = pair(size=(176, 176), count=1)
    direction = x - x_hat
    weight = np.random.default_rng(5).random(x.shape[:3]).astype(np.float32)
    ahead, behind = (
        distortion(name)(x, x_hat + step * direction, weight) for step in (0.1, -0.1)
    )
    slope = 0.2 * (gradient(name, x, x_hat, weight) * direction).sum()
    assert slope == pytest.approx(float((ahead - behind)[0]), rel=0.01)


@pytest.mark.parametrize("size", [(175, 400), (400, 175)])
def test_image_too_small_for_five_scales_is_refused(size):
    x = np.zeros((1, *size, 3), np.float32)
    with pytest.raises(InputError, match="at least 176x176 pixels, not"):
        distortion("ms_ssim")(x, x, ones(x))


@pytest.mark.parametrize("name", ["ms_ssim", "mix"])
def test_images_of_a_size_that_is_not_known_yet(name):
    x, x_hat = pair()
    unknown = tf.TensorSpec((None, None, None, 3)), tf.TensorSpec((None, None, None))
    traced = tf.function(
        distortion(name), input_signature=[unknown[0], unknown[0], unknown[1]]
    )
    expected = distortion(name)(x, x_hat, ones(x))
    np.testing.assert_allclose(traced(x, x_hat, ones(x)), expected, rtol=1e-4)
