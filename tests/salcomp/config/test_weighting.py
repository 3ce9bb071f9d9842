"""Tests of salcomp.config.weighting."""

from __future__ import annotations

import types

import numpy as np
import pytest
import tensorflow as tf

from salcomp.config import weighting as weighting_module
from salcomp.config.weighting import WEIGHTINGS


def raw_weight(saliency, weighting, floor, gain, maximum=np.maximum):
    config = types.SimpleNamespace(
        saliency_weighting=weighting, saliency_floor=floor, saliency_gain=gain
    )
    coefficients = weighting_module.coefficients(config)
    return weighting_module.apply(coefficients, saliency, maximum)


SALIENCY = np.array([[0, 0.05, 0.1], [0.5, 0.9, 1]], np.float32)


@pytest.mark.parametrize(
    ("weighting", "expected"),
    [
        ("clip", [[0.1, 0.1, 0.1], [0.5, 0.9, 1]]),
        ("affine", [[0.1, 0.145, 0.19], [0.55, 0.91, 1]]),
        ("additive", [[1, 1.15, 1.3], [2.5, 3.7, 4]]),
    ],
)
def test_weight_is_the_formula(weighting, expected):
    weight = raw_weight(SALIENCY, weighting, floor=0.1, gain=3.0)
    np.testing.assert_allclose(weight, expected, rtol=1e-6)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_tensors_and_arrays_have_the_same_weight(weighting):
    array = raw_weight(SALIENCY, weighting, 0.2, 0.7)
    tensor = raw_weight(tf.constant(SALIENCY), weighting, 0.2, 0.7, tf.maximum)
    assert tf.is_tensor(tensor)
    np.testing.assert_allclose(array, tensor, rtol=1e-6)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_weight_of_an_array_stays_float32(weighting):
    assert raw_weight(SALIENCY, weighting, 0.1, 1.0).dtype == np.float32


@pytest.mark.parametrize("weighting", ["clip", "affine"])
def test_floor_of_one_weights_all_pixels_alike(weighting):
    assert (raw_weight(SALIENCY, weighting, 1.0, 1.0) == 1).all()


def test_gain_of_zero_weights_all_pixels_alike():
    assert (raw_weight(SALIENCY, "additive", 0.1, 0.0) == 1).all()
