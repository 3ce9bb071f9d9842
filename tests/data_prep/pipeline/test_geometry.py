"""Crops and sizes of frames."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as pil

from data_prep.pipeline import geometry
from salcomp.errors import InputError


@pytest.mark.parametrize(
    "text, crop",
    [("none", "none"), ("aspect", "aspect"), ("4,120,1356,796", (4, 120, 1356, 796))],
)
def test_a_crop_is_a_name_or_four_integers(text, crop):
    assert geometry.parse_crop(text) == crop


@pytest.mark.parametrize("text", ["all", "1,2,3", "5,0,5,9", "-1,0,4,4", "0,0,1.5,2"])
def test_other_crops_are_refused_in_words(text):
    with pytest.raises(InputError, match="--crop=.*give none, aspect, or"):
        geometry.parse_crop(text)


@pytest.mark.parametrize(
    "size, box",
    [((1024, 2048), (0, 0, 2048, 1024)), ((600, 800), (0, 100, 800, 500))]
    + [((100, 900), (350, 0, 550, 100)), ((1, 1), (0, 0, 1, 1))],
)
def test_the_crop_to_an_aspect_is_the_largest_centred_box(size, box):
    assert geometry.crop_box("aspect", *size, aspect=2.0) == box


def test_no_crop_keeps_all():
    assert geometry.crop_box("none", 5, 7, aspect=2.0) == (0, 0, 7, 5)


def test_a_box_beyond_the_picture_is_refused_with_both_sizes():
    with pytest.raises(InputError, match="is 7x5 pixels and does not hold.*0,0,8,5"):
        geometry.crop_box((0, 0, 8, 5), 5, 7, aspect=2.0)


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8)


def test_area_at_a_whole_ratio_is_the_box_average(rgb):
    mean = rgb.reshape(16, 4, 32, 4, 3).mean(axis=(1, 3))
    resized = geometry.resize_rgb(rgb, 16, 32, "area")
    assert resized.dtype == np.uint8
    assert np.abs(resized - mean).max() <= 0.5


def test_area_weighs_pixels_by_the_share_that_is_covered(rgb):
    # 64 rows into 48: each new row covers one old row and a third of the next, ...
    weights = np.zeros((48, 64))
    for i in range(48):
        edges = np.clip(np.arange(65), i * 4 / 3, (i + 1) * 4 / 3)
        weights[i] = np.diff(edges) * 3 / 4
    expected = np.einsum("ij,jkc->ikc", weights, rgb.astype(float))
    resized = geometry.resize_rgb(rgb, 48, 128, "area")
    assert np.abs(resized - expected).max() <= 0.51


def test_lanczos_is_that_of_pillow(rgb):
    expected = pil.fromarray(rgb).resize((50, 30), pil.Resampling.LANCZOS)
    resized = geometry.resize_rgb(rgb, 30, 50, "lanczos")
    np.testing.assert_array_equal(resized, np.asarray(expected))


@pytest.mark.parametrize("kernel", geometry.FILTERS)
def test_a_picture_of_the_right_size_is_not_touched(rgb, kernel):
    np.testing.assert_array_equal(geometry.resize_rgb(rgb, 64, 128, kernel), rgb)
