"""Saliency by the attention-center network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as pil
from scipy.ndimage import gaussian_filter

from data_prep.predictors import attention_center
from data_prep.predictors.attention_center import AttentionCenter
from salcomp.errors import InputError
from salcomp.files import images, masks
from tests.fixtures import ROOT

_MODEL = ROOT.parent / "shared" / "models/attention_center.tflite"


@pytest.fixture(scope="module")
def model_path() -> Path:
    if not _MODEL.is_file():
        pytest.skip(f"needs {_MODEL.name}, in shared/models/ beside the checkout")
    return _MODEL


@pytest.fixture(scope="module")
def network(model_path) -> AttentionCenter:
    return AttentionCenter(model_path)


@pytest.fixture
def photo(shared_data) -> np.ndarray:
    """Two parrots, uint8 [480, 640, 3]."""
    path = shared_data / "data/kodak/kodim23.png"
    return np.asarray(pil.open(path).resize((640, 480), pil.Resampling.BILINEAR))


def random_picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    "size, expected",
    [((480, 640), (480, 640)), ((30, 40), (480, 640)), ((256, 512), (320, 640))]
    + [((800, 400), (480, 240)), ((1, 1), (480, 480))]
    + [((1, 3000), (1, 640)), ((3000, 1), (480, 1))],
)
def test_a_map_has_the_proportions_of_the_picture(network, size, expected):
    saliency = network.predict(random_picture(*size))
    assert saliency.shape == expected and saliency.dtype == np.float32


def test_a_map_fills_the_range_up_to_one(network, photo):
    saliency = network.predict(photo)
    assert saliency.max() == 1
    assert 0 <= saliency.min() < 1e-3


def test_a_picture_of_one_colour_has_a_finite_map(network):
    assert np.isfinite(network.predict(np.zeros((50, 60, 3), np.uint8))).all()


@pytest.mark.parametrize("height, width", [(480, 640), (200, 640), (640, 200)])
@pytest.mark.parametrize("x, y", [(0.25, 0.3), (0.75, 0.7)])
def test_the_odd_spot_is_the_most_salient_place(network, height, width, x, y):
    picture = np.full((height, width, 3), 90, np.uint8)
    rows, columns = np.mgrid[:height, :width]
    spot = (rows - y * height) ** 2 + (columns - x * width) ** 2 < 40**2
    picture[spot] = (220, 40, 40)
    saliency = network.predict(picture)
    found_y, found_x = np.unravel_index(saliency.argmax(), saliency.shape)
    assert abs(found_y - y * saliency.shape[0]) < 25
    assert abs(found_x - x * saliency.shape[1]) < 25


def test_a_picture_is_fitted_in_undistorted_amid_its_mean_colour():
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[:, :100] = (200, 100, 0)
    image, inside = attention_center.fitted(picture)
    assert inside == (slice(80, 400), slice(0, 640))
    np.testing.assert_array_equal(image[240, 100], (200, 100, 0))
    for surround in (image[:80], image[400:]):
        assert np.ptp(surround, axis=(0, 1)).max() == 0
        np.testing.assert_allclose(surround[0, 0], (100, 50, 0), rtol=0.01)


def test_of_a_picture_fitted_in_only_its_own_part_of_the_map_is_left(network, photo):
    surrounded = np.empty((480, 640, 3), np.uint8)
    surrounded[:] = photo[:320].mean((0, 1)).round()
    surrounded[80:400] = photo[:320]
    expected = network.predict(surrounded)[80:400]
    found = network.predict(photo[:320])
    np.testing.assert_allclose(found, expected / expected.max(), atol=0.02)


def test_maps_of_street_scenes_are_as_sparse_as_was_measured(network, shared_data):
    frames = sorted((shared_data / "data/gtsdb512/test").glob("*.png"))[::8]
    statistics = []
    for path in frames:
        saliency = network.predict(images.read_image(path).rgb)
        assert saliency.shape == (320, 640)
        saliency = gaussian_filter(saliency, 10)
        saliency /= saliency.max()
        shares = (saliency < 0.05).mean(), (saliency > 0.5).mean()
        statistics.append((saliency.mean(), *shares))
    mean, low, high = np.mean(statistics, axis=0)
    assert mean == pytest.approx(0.035, abs=0.008)
    assert low == pytest.approx(0.86, abs=0.04)
    assert high == pytest.approx(0.016, abs=0.005)


def test_threads_get_the_maps_of_their_own_pictures(network):
    pictures = [np.roll(random_picture(30, 40), i, axis=0) // (i + 1) for i in range(4)]
    alone = [network.predict(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(network.predict, pictures))
    np.testing.assert_array_equal(together, alone)


def test_a_map_survives_being_saved_with_8_bits(network, photo, tmp_path):
    saliency = network.predict(photo)
    images.write_png(tmp_path / "m.png", (255 * saliency).round().astype(np.uint8))
    saved = masks.read_mask(tmp_path / "m.png")
    np.testing.assert_allclose(saved, saliency, atol=0.5 / 255 + 1e-6)


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as error:
        AttentionCenter(path)
    message = str(error.value)
    assert path.name in message and "\n" not in message
    return message


def test_a_file_that_is_not_tflite_is_refused(tmp_path):
    path = tmp_path / "photo.png"
    for content in (b"", b"<html>", images.encode_png(random_picture(8, 8))):
        path.write_bytes(content)
        assert "cannot be read as a TFLite model" in refusal(path)


@pytest.mark.parametrize("kept", [0.001, 0.5, 0.999])
def test_a_file_cut_short_is_refused(tmp_path, model_path, kept):
    content = model_path.read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(content[: int(kept * len(content))])
    assert "cannot be read as a TFLite model" in refusal(path)


def test_a_missing_file_is_refused(tmp_path):
    refusal(tmp_path / "missing.tflite")


def test_another_tflite_model_is_refused_with_what_it_lacks(tmp_path):
    function = tf.function(lambda x: 2 * x)
    concrete = function.get_concrete_function(tf.TensorSpec([1, 4], tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], function)
    path = tmp_path / "double.tflite"
    path.write_bytes(converter.convert())
    assert "not the attention-center model (no tensor image:0" in refusal(path)
