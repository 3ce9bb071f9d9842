"""Tests of salcomp.extreme_gan.losses and salcomp.extreme_gan.distortion."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from salcomp.extreme_gan import losses
from salcomp.extreme_gan.losses import distortion
from salcomp.extreme_gan.networks import Judgement
from salcomp.model import distortion as measures

pytestmark = pytest.mark.kernels


def judgement(logit, *features):
    shape = (1, 2, 2, 1)
    arrays = [np.full(shape, value, np.float32) for value in (logit, *features)]
    return Judgement(arrays[0], arrays[1:])


def test_discriminator_loss_sums_both_errors_over_the_scales():
    real, fake = [judgement(1), judgement(0.5)], [judgement(0), judgement(2)]
    found = losses.discriminator_loss(real, fake)
    assert float(found) == pytest.approx(0 + 0 + 0.25 + 4)


def test_generator_is_judged_at_full_resolution_only():
    assert float(losses.adversarial_loss([judgement(3), judgement(99)])) == 4


def test_feature_matching_is_ten_times_the_sum_of_all_differences():
    real = [judgement(0, 1, 2), judgement(0, 3)]
    fake = [judgement(9, 2, 5), judgement(9, 3.5)]
    found = losses.feature_matching_loss(real, fake)
    assert float(found) == pytest.approx(10 * (1 + 3 + 0.5))


@pytest.fixture
def pair():
    """Two images of 192x176 in -1..1, one near the other."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-0.8, 0.8, (1, 192, 176, 3)).astype(np.float32)
    return x, x + rng.normal(0, 0.1, x.shape).astype(np.float32)


def test_ms_ssim_is_that_of_tensorflow(pair):
    weight = np.ones(pair[0].shape[:3], np.float32)
    expected = 1 - tf.image.ssim_multiscale(*(255 * (p + 1) / 2 for p in pair), 255)
    found = distortion("ms_ssim", *pair, weight)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_mix_is_that_of_the_codec_before_its_scale(pair):
    weight = np.ones(pair[0].shape[:3], np.float32)
    of_codec = measures.distortion("mix")(*(127.5 * (p + 1) for p in pair), weight)
    found = distortion("mix", *pair, weight)
    np.testing.assert_allclose(found, of_codec / measures.SCALES["mix"], rtol=1e-6)


def test_mixed_distortion_is_near_0_for_equal_images_and_grows_with_the_error():
    x = np.random.default_rng(0).uniform(-0.8, 0.8, (1, 32, 32, 3)).astype(np.float32)
    weight = np.ones((1, 32, 32), np.float32)
    errors = [distortion("mix", x, x + shift, weight) for shift in (0.0, 0.05, 0.2)]
    assert abs(float(errors[0])) < 1e-4
    assert 1e-3 < float(errors[1]) < float(errors[2]) < 1


@pytest.mark.parametrize(("kind", "error"), [("mse", 0.25), ("l1", 0.5)])
def test_distortion_weighs_each_pixel(kind, error):
    x = np.zeros((2, 4, 4, 3), np.float32)
    x_hat = x.copy()
    x_hat[:, 0, 0] = 0.5
    weight = np.ones((2, 4, 4), np.float32)
    weight[1, 0, 0] = 3
    found = distortion(kind, x, x_hat, weight)
    np.testing.assert_allclose(found, [error / 16, 3 * error / 16], rtol=1e-6)
