"""Tests of salcomp.config.weighting."""

from __future__ import annotations

import types

import numpy as np
import pytest
import tensorflow as tf

from salcomp.config import weighting as weighting_module
from salcomp.config.weighting import WEIGHTINGS, mixed_weight


def config_of(weighting, floor, gain=1.0, uniform_share=0.0):
    return types.SimpleNamespace(
        saliency_weighting=weighting,
        saliency_floor=floor,
        saliency_gain=gain,
        uniform_share=uniform_share,
        weight_normalization="image",
    )


def raw_weight(saliency, weighting, floor, gain, maximum=np.maximum):
    coefficients = weighting_module.coefficients(config_of(weighting, floor, gain))
    return weighting_module.normalized(coefficients, saliency, 1.0, maximum)


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
def test_tensors_and_float32_arrays_have_the_same_weight(weighting):
    array = raw_weight(SALIENCY, weighting, 0.2, 0.7)
    tensor = raw_weight(tf.constant(SALIENCY), weighting, 0.2, 0.7, tf.maximum)
    assert tf.is_tensor(tensor) and array.dtype == np.float32
    np.testing.assert_allclose(array, tensor, rtol=1e-6)


@pytest.mark.parametrize(
    "weighting, floor, gain", [("clip", 1, 1), ("affine", 1, 1), ("additive", 0.1, 0)]
)
def test_floor_of_one_and_gain_of_zero_weigh_all_alike(weighting, floor, gain):
    assert (raw_weight(SALIENCY, weighting, floor, gain) == 1).all()


def test_share_of_uniform_weights_as_refinement_does():
    config = config_of("clip", floor=0.0, uniform_share=0.2)
    weight = weighting_module.normalized_weight(SALIENCY, config, SALIENCY.mean())
    np.testing.assert_allclose(weight, mixed_weight(SALIENCY, 0.2), rtol=1e-6)


def test_map_of_zeros_leaves_the_share_of_uniform():
    config = config_of("clip", floor=0.0, uniform_share=0.2)
    counts = np.eye(1, 256, dtype=int) * 6  # six pixels of level 0
    (mean,) = weighting_module.image_means(counts, config)
    zeros = np.zeros((2, 3), np.float32)
    weight = weighting_module.normalized_weight(zeros, config, mean)
    np.testing.assert_allclose(weight, 0.2)


def test_weight_mixes_the_map_over_its_mean_with_ones():
    saliency = np.array([[0, 0.5, 1]], np.float32)
    weight = mixed_weight(saliency, 0.25)
    np.testing.assert_allclose(weight, [[0.25, 1, 1.75]])


def test_weight_of_a_map_that_is_zero_everywhere_is_uniform():
    assert (mixed_weight(np.zeros((1, 3), np.float32), 0.1) == 1).all()
