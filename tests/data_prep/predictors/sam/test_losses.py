"""Tests of data_prep.predictors.sam.losses."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from data_prep.predictors.sam import losses
from tests.fixtures import ROOT

pytestmark = pytest.mark.kernels

# Our names, and those of the original with what it compares the prediction with.
TERMS = {
    losses.kl_divergence: ("kl_divergence", "yt"),
    losses.correlation: ("correlation_coefficient", "yt"),
    losses.normalized_scanpath_saliency: ("nss", "fx"),
}
each_term = pytest.mark.parametrize("term", TERMS)


@pytest.fixture(scope="module")
def golden():
    arrays = np.load(ROOT / "tests" / "golden" / "sam" / "loss.npz")
    return {name: array[:, 0] for name, array in arrays.items()}


@each_term
def test_term_is_the_originals(term, golden):
    name, target = TERMS[term]
    actual = term(golden[target], golden["yp"])
    np.testing.assert_allclose(actual, golden[name], rtol=1e-5, atol=1e-5)


@each_term
def test_scale_of_the_prediction_does_not_matter(term, golden):
    target = golden[TERMS[term][1]]
    small = term(target, golden["yp"])
    np.testing.assert_allclose(term(target, 1e3 * golden["yp"]), small, rtol=1e-4)


def test_correlation_with_itself_is_minus_two(golden):
    term = losses.correlation(golden["yt"], golden["yt"])
    np.testing.assert_allclose(term, [-2, -2], rtol=1e-4)


@each_term
@pytest.mark.parametrize("target", [0.0, 1.0])
@pytest.mark.parametrize("predicted", [0.0, 0.5])
def test_flat_maps_have_finite_values_and_gradients(term, target, predicted):
    predicted = tf.fill((1, 24, 32), predicted)
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        value = term(tf.fill((1, 24, 32), target), predicted)
    assert np.isfinite(value).all()
    assert np.isfinite(tape.gradient(value, predicted)).all()
