"""Arithmetic on saliency maps."""

from __future__ import annotations

import numpy as np
import pytest

from salcomp.files import saliency_maps


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (8, 12), (3000, 2)])
def test_the_centre_prior_is_symmetric_with_a_maximum_of_one(size):
    saliency = saliency_maps.center_prior(*size)
    assert saliency.shape == size and saliency.dtype == np.float32
    assert saliency.max() == 1 and saliency.min() >= 0
    np.testing.assert_allclose(saliency, saliency[::-1, ::-1], atol=1e-7)


def test_the_centre_prior_has_the_spread_of_the_fixations():
    saliency = saliency_maps.center_prior(2001, 2001)  # not much is cut off
    y, x = np.mgrid[-1:1:2001j, -1:1:2001j]
    y_variance = (saliency * y**2).sum() / saliency.sum()
    x_at_centre = saliency[1000]
    half_maximum = x[1000][x_at_centre >= 0.5].max()
    assert y_variance == pytest.approx(0.23 * 0.45, rel=0.02)
    assert half_maximum == pytest.approx(np.sqrt(2 * np.log(2) * 0.23), rel=0.01)


def counts_of(levels: list[int]) -> np.ndarray:
    return saliency_maps.level_counts(np.array([levels], np.uint8))


def test_pixels_are_counted_by_level():
    assert counts_of([0, 255, 255]).tolist() == [1, *[0] * 254, 2]


@pytest.mark.parametrize(
    "share, floor, decibels",
    [(5, 0.5, 0.06), (10, 0.1, 1.79), (20, 0.01, 9.18), (0, 0.5, 0), (50, 1, 0)],
)
def test_the_bound_of_two_levels_is_that_of_theory(share, floor, decibels):
    counts = counts_of([255] * share + [0] * (100 - share))
    bound = saliency_maps.weighting_bound(counts, floor)
    assert bound == pytest.approx(decibels, abs=5e-3)


def test_heaviest_window_is_where_the_map_is():
    saliency = np.zeros((100, 200), np.uint8)
    saliency[40:50, 150:160] = 255
    top, left = saliency_maps.heaviest(saliency, 20, 30)
    assert top <= 40 and top + 20 >= 50
    assert left <= 150 and left + 30 >= 160
