"""Saliency by the spectral residual."""

from __future__ import annotations

import numpy as np
import pytest

from data_prep import saliency_metrics
from data_prep.predictors import fixations, spectral_residual
from salcomp.files import images, saliency_maps

_FILES_OF_OSIE = 100


def textured(height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(0).integers(100, 140, (height, width, 1), np.uint8)
    return np.repeat(noise, 3, axis=2)


@pytest.mark.parametrize(
    "size, expected",
    [((600, 800), (96, 128)), ((800, 400), (128, 64)), ((1, 1), (128, 128))]
    + [((3, 1), (128, 43)), ((1, 1000), (1, 128)), ((2, 5), (51, 128))],
)
def test_a_map_is_finite_with_a_maximum_of_one_at_any_size(size, expected):
    saliency = spectral_residual.saliency(textured(*size))
    assert saliency.shape == expected and saliency.dtype == np.float32
    assert np.isfinite(saliency).all()
    assert saliency.min() >= 0 and saliency.max() == 1


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (10, 200, 30)])
@pytest.mark.parametrize("size", [(96, 128), (1, 1), (3, 1)])
def test_of_one_colour_the_map_is_the_centre_prior(colour, size):
    saliency = spectral_residual.saliency(np.full((*size, 3), colour, np.uint8))
    np.testing.assert_array_equal(saliency, saliency_maps.center_prior(*saliency.shape))


@pytest.mark.parametrize("left", [40, 70])
def test_the_odd_patch_is_salient(left):
    picture = textured(96, 128)
    picture[40:52, left : left + 12] = (250, 250, 250)
    saliency = spectral_residual.saliency(picture)
    y, x = np.unravel_index(saliency.argmax(), saliency.shape)
    assert 36 <= y < 56 and left - 4 <= x < left + 16


def test_a_map_depends_on_the_picture_alone():
    picture = textured(100, 150)
    first, again = map(spectral_residual.saliency, (picture, picture.copy()))
    np.testing.assert_array_equal(first, again)


def test_the_order_of_the_channels_is_rgb():
    picture = np.zeros((128, 128, 3), np.uint8)
    picture[:, :64, 0] = 40  # red weighs more than blue, so that the residuals differ
    picture[40:80, 30:60, 2] = 255
    residual = spectral_residual.residual(picture)
    swapped = spectral_residual.residual(picture[..., ::-1].copy())
    grey = 0.299 * picture[..., 0] + 0.114 * picture[..., 2]
    as_grey = np.repeat(grey.round().astype(np.uint8)[..., None], 3, axis=2)
    expected = spectral_residual.residual(as_grey)
    assert np.abs(residual - expected).max() < 0.05 < np.abs(swapped - expected).max()


def test_photographs_are_predicted_better_than_by_the_centre_prior(shared_data):
    folder = shared_data / "data/osie"
    photographs = sorted(folder.glob("stimuli/*.jpg"))
    if len(photographs) != _FILES_OF_OSIE:
        pytest.skip("needs data/osie in shared/ beside the checkout")
    recorded = fixations.read(folder / "fixations.mat")
    scores = []
    for path in photographs[::5]:
        rgb = images.read_image(path).rgb
        height, width = rgb.shape[:2]
        _, points = fixations.of_image(recorded, path)
        fixated = fixations.counts(points, height, width) > 0
        saliency = spectral_residual.saliency(rgb)
        resized = saliency_maps.resize(saliency, height, width)
        maps = resized, saliency_maps.center_prior(height, width)
        scores.append([saliency_metrics.nss(values, fixated) for values in maps])
    ours, center = np.mean(scores, axis=0)
    assert ours > center + 0.3
