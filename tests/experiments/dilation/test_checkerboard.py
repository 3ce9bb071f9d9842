"""Tests of experiments.dilation.checkerboard, on made-up errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.dilation.checkerboard import grid_ratio, power_spectrum
from salcomp.errors import InputError

HEIGHT, WIDTH = 256, 512


def white(seed=0):
    return np.random.default_rng(seed).normal(0, 5, (HEIGHT, WIDTH, 3))


def ratio(*errors):
    return grid_ratio(power_spectrum(error) for error in errors)


def pattern(period):
    """A pattern that repeats every `period` pixels, with mean 0 and variance 1."""
    cell = np.random.default_rng(1).normal(size=(period, period, 1))
    repeats = HEIGHT // period + 1, WIDTH // period + 1, 3
    return np.tile((cell - cell.mean()) / cell.std(), repeats)[:HEIGHT, :WIDTH]


def test_mean_of_the_spectrum_is_the_weighted_mean_squared_error():
    error, (rows, columns) = white(), (np.hanning(side + 1)[:-1] for side in (256, 512))
    weight = np.outer(rows, columns) ** 2
    expected = (weight[..., None] * error**2).sum() / (3 * weight.sum())
    assert power_spectrum(error).mean() == pytest.approx(expected)


def test_white_noise_has_a_ratio_of_one():
    assert ratio(*(white(i) for i in range(4))) == pytest.approx(1, abs=0.1)


def test_smooth_errors_have_no_grid():
    spectrum = np.fft.fft2(white(), axes=(0, 1))
    down, right = np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(512), indexing="ij")
    spectrum /= (0.05 + np.hypot(down, right))[..., None]
    assert ratio(np.fft.ifft2(spectrum, axes=(0, 1)).real) == pytest.approx(1, abs=0.25)


def test_error_that_breaks_off_at_the_borders_has_no_grid():
    ramp = np.linspace(-20, 20, 512)[None, :, None]
    assert ratio(white() + ramp) == pytest.approx(ratio(white()), abs=0.02)


def test_control_has_no_grid():
    spectrum = power_spectrum(white() + 2 * pattern(16))
    assert grid_ratio([spectrum]) > 10
    assert grid_ratio([spectrum], between=True) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("period", [4, 8, 16])
def test_faint_pattern_of_the_grid_stands_out(period):
    """Here its variance is a hundredth of the noise's."""
    assert ratio(white() + 0.5 * pattern(period)) > 3


@pytest.mark.parametrize("period", [5, 7, 13])
def test_pattern_of_another_period_does_not(period):
    assert ratio(white() + 0.5 * pattern(period)) == pytest.approx(1, abs=0.35)


def test_ratio_grows_with_the_pattern():
    ratios = [ratio(white() + a * pattern(16)) for a in (0, 0.5, 1, 2)]
    assert ratios == sorted(ratios)


def test_pattern_alone_is_all_there_is():
    assert ratio(pattern(16)) > 1e6


def test_constant_error_is_no_pattern():
    assert ratio(white() + 40) == pytest.approx(ratio(white()), rel=1e-6)


def test_no_error_has_no_ratio():
    assert math.isnan(ratio(np.zeros((128, 128, 3))))


def test_size_need_not_be_a_multiple_of_the_grid():
    error = (white() + 2 * pattern(16))[:251, :509]
    assert ratio(error) == ratio(error[:240, :496]) > 3


def test_picture_too_small_is_refused():
    power_spectrum(np.zeros((112, 112, 3)))
    with pytest.raises(InputError, match="at least 112x112"):
        power_spectrum(np.zeros((111, 200, 3)))
