"""Tests of data_prep.readout: formula, limits, and predictors with and without it."""

from __future__ import annotations

import numpy as np
import pytest

from data_prep import readout
from data_prep.readout import CONSTANTS, FLOOR, Readout, density
from salcomp.files import predictors, saliency_maps
from salcomp.files.predictors import Frame, Predictor, on_each

SIZE = 30, 40
RNG = np.random.default_rng(0)
MAP = RNG.uniform(0.05, 1, (12, 20)).astype(np.float32)
FRAME = Frame.whole(RNG.integers(0, 256, (*SIZE, 3), np.uint8), "a.png")


def test_density_is_the_formula():
    found = density(MAP, SIZE, Readout(1.3, 0.4, 0.1, 0.0))
    prior = saliency_maps.center_prior(12, 20, 30 / 40)
    powers = (MAP / MAP.max()) ** 1.3 * np.maximum(prior, FLOOR) ** 0.4
    expected = 0.9 * powers / powers.sum() + 0.1 / MAP.size
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert found.sum() == pytest.approx(1, abs=1e-5)


def test_plain_readout_keeps_the_map_in_proportion():
    found = density(MAP, SIZE, Readout(1.0, 0.0, 0.0, 0.0))
    np.testing.assert_allclose(found, MAP / MAP.sum(), rtol=1e-5)


def test_all_uniform_is_uniform():
    found = density(MAP, SIZE, Readout(2.0, 1.0, 1.0, 0.0))
    np.testing.assert_allclose(found, 1 / MAP.size, rtol=1e-5)


def test_zeros_count_as_the_floor():
    saliency = np.array([[0, 1]], np.float32)
    left, right = density(saliency, (1, 2), Readout(0.5, 0.0, 0.0, 0.0))[0]
    assert left / right == pytest.approx(FLOOR**0.5, rel=1e-4)


def test_a_map_that_is_zero_everywhere_says_nothing():
    found = density(np.zeros((3, 4), np.float32), SIZE, Readout(1.2, 0.0, 0.0, 0.0))
    np.testing.assert_allclose(found, 1 / 12, rtol=1e-5)


def test_blur_is_round_in_the_picture_whatever_the_shape_of_the_map():
    point = np.zeros((41, 81), np.float32)  # of a picture as high as it is wide
    point[20, 40] = 1
    found = density(point, (100, 100), Readout(1.0, 0.0, 0.0, 0.1))
    y, x = np.mgrid[-20:21, -40:41]
    down, across = ((found * y**2).sum() ** 0.5 / 41, (found * x**2).sum() ** 0.5 / 81)
    assert down == pytest.approx(0.1, rel=0.05)
    assert across == pytest.approx(down, rel=0.05)


def test_centre_prior_of_a_stretched_map_is_that_of_the_picture():
    whole = saliency_maps.center_prior(300, 400)
    stretched = saliency_maps.center_prior(60, 160, 300 / 400)
    expected = saliency_maps.resize(whole, 60, 160)
    np.testing.assert_allclose(stretched, expected, atol=0.01)


def test_calibrated_predictor_gives_densities_over_their_maximum():
    plain = Predictor(on_each(lambda frame: MAP), "0" * 64)
    found = readout.calibrated("unisal", plain)
    expected = density(MAP, SIZE, CONSTANTS["unisal"])
    (saliency,) = found.predict([FRAME])
    np.testing.assert_array_equal(saliency, expected / expected.max())
    assert found.readout == CONSTANTS["unisal"]._asdict()
    assert found.raw == plain and found.weights_sha256 == plain.weights_sha256


def test_predictor_without_constants_stays_as_it_is():
    plain = Predictor(on_each(lambda frame: MAP))
    assert readout.calibrated("sky", plain) is plain


def test_plug_in_comes_calibrated_unless_told_otherwise():
    calibrated = predictors.load("spectral-residual")
    raw = predictors.load("spectral-residual", readout=False)
    assert calibrated.readout == CONSTANTS["spectral-residual"]._asdict()
    assert raw.readout is None
    (saliency,) = raw.predict([FRAME])
    expected = density(saliency, SIZE, CONSTANTS["spectral-residual"])
    (found,) = calibrated.predict([FRAME])
    np.testing.assert_allclose(found, expected / expected.max(), rtol=1e-6)
