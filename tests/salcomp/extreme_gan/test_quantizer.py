"""Tests of salcomp.extreme_gan.quantizer."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from salcomp.extreme_gan import quantizer

VALUES = np.linspace(-4, 4, 203).astype(np.float32)


@pytest.mark.parametrize("gradient", quantizer.GRADIENTS)
def test_quantized_value_is_the_nearest_centre(gradient):
    centers = np.array(quantizer.CENTERS)
    expected = centers[np.abs(VALUES[:, None] - centers).argmin(axis=1)]
    assert (quantizer.quantize(VALUES, gradient).numpy() == expected).all()


def gradient_of(kind):
    w = tf.constant(VALUES)
    with tf.GradientTape() as tape:
        tape.watch(w)
        codes = quantizer.quantize(w, kind)
    return tape.gradient(codes, w)


def test_published_quantizer_passes_no_gradient_back():
    assert gradient_of("blocked") is None


def test_soft_quantizer_passes_back_that_of_its_soft_assignment():
    step = 1e-2
    slopes = (quantizer.soft(VALUES + step) - quantizer.soft(VALUES - step)) / step / 2
    away = np.abs(VALUES - np.round(VALUES)) > step  # from the kinks of |w - c|
    np.testing.assert_allclose(gradient_of("soft")[away], slopes[away], atol=1e-3)
    within = np.abs(VALUES) < 2  # beyond, the assignment no longer changes
    assert (gradient_of("soft").numpy()[within] > 0).all()


def test_histogram_counts_each_channel():
    codes = np.zeros((2, 3, 5, 2), np.float32)
    codes[..., 1] = 2
    codes[0, 0, 0, 1] = -2
    counts = quantizer.histogram(codes).numpy()
    assert counts.tolist() == [[0, 0, 30, 0, 0], [1, 0, 0, 0, 29]]


def test_entropy_is_the_bound_for_equal_shares_and_0_for_one_centre():
    equal = np.full((3, 5), 7, np.float32)
    assert float(quantizer.entropy(equal)) == pytest.approx(3 * np.log2(5))
    assert float(quantizer.entropy(np.eye(5, dtype=np.float32)[:2])) == 0
