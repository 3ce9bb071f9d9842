"""Tests of data_prep.predictors.sam.preprocessing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from data_prep.predictors.sam import preprocessing

# Height and width of the sample images of the original, and where they go: the size
# that they are fitted to, and the row and column of their corner.
SAMPLES = [
    ((478, 717), (213, 320), (13, 0)),
    ((315, 420), (240, 320), (0, 0)),
    ((717, 476), (240, 159), (0, 80)),
    ((587, 880), (213, 320), (13, 0)),
    ((414, 620), (213, 320), (13, 0)),
    ((300, 450), (213, 320), (13, 0)),
]
each_sample = pytest.mark.parametrize(("size", "fitted", "corner"), SAMPLES)
MEAN = np.array([103.939, 116.779, 123.68])


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@each_sample
def test_fit_puts_the_samples_where_the_original_does(size, fitted, corner):
    rgb = noise(*size, 3)
    expected = np.zeros((240, 320, 3), np.uint8)
    rows = slice(corner[0], corner[0] + fitted[0])
    columns = slice(corner[1], corner[1] + fitted[1])
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    expected[rows, columns] = cv2.resize(bgr, fitted[::-1])
    actual = preprocessing.fit(rgb)
    assert actual.dtype == np.float32
    np.testing.assert_array_equal(actual, (expected - MEAN).astype(np.float32))


def test_fit_subtracts_the_mean_from_the_bars_as_well():
    fitted = preprocessing.fit(np.full((10, 100, 3), 255, np.uint8))
    np.testing.assert_allclose(fitted[0, 0], -MEAN, rtol=1e-6)
    np.testing.assert_allclose(fitted[120, 160], 255 - MEAN, rtol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 1000), (1000, 1)])
def test_extreme_sizes_go_in_and_come_back(size):
    assert preprocessing.fit(noise(*size, 3)).shape == (240, 320, 3)
    restored = preprocessing.restore(np.ones((480, 640), np.float32), *size)
    assert restored.shape == size
    assert restored.max() == 1


def original_restore(output, height, width):
    """`postprocess_predictions` of marcellacornia/sam, step by step, to 8 bits."""
    scaled = output / np.max(output) * 255
    if height / 480 > width / 640:
        new_width = (640 * height) // 480
        image = cv2.resize(scaled, (new_width, height))
        left = (new_width - width) // 2
        image = image[:, left : left + width]
    else:
        new_height = (480 * width) // 640
        image = cv2.resize(scaled, (width, new_height))
        top = (new_height - height) // 2
        image = image[top : top + height]
    image = gaussian_filter(image, sigma=7)
    return (image / np.max(image) * 255).astype(int)


@pytest.mark.parametrize("size", [size for size, _, _ in SAMPLES])
def test_restore_is_the_originals_map_before_it_has_8_bits(size):
    output = np.random.default_rng(1).uniform(0, 3, (480, 640)).astype(np.float32)
    restored = preprocessing.restore(output, *size)
    assert restored.dtype == np.float32 and restored.shape == size
    assert restored.min() >= 0 and restored.max() == 1
    expected = original_restore(output, *size)
    np.testing.assert_array_equal((restored * 255).astype(int), expected)


def test_restore_of_nothing_is_zero_everywhere():
    restored = preprocessing.restore(np.zeros((480, 640), np.float32), 30, 50)
    np.testing.assert_array_equal(restored, np.zeros((30, 50)))
