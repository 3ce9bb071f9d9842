"""The predictors of data_prep, and those that read their maps from files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from data_prep.predictors import fixations
from salcomp.errors import InputError
from salcomp.files import disk, images, predictors, saliency_maps
from salcomp.files.predictors import Frame
from tests.data_prep.predictors.test_fixations import write_osie

HEIGHT, WIDTH = 40, 60
PICTURE = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
WHOLE = (0, 0, WIDTH, HEIGHT)


def frame_of(source="photos/a.jpg", box=WHOLE) -> Frame:
    left, top, right, bottom = box
    return Frame(PICTURE[top:bottom, left:right], source, box, (HEIGHT, WIDTH))


def assert_map(name: str, weights, expected: np.ndarray, frame=None) -> None:
    """Asserts that a predictor has that very map of a frame, by default the whole."""
    predictor = predictors.load(name, weights and str(weights))
    (saliency,) = predictor.predict([frame or frame_of()])
    np.testing.assert_array_equal(saliency, expected)


def test_the_names_are_those_of_the_documented_predictors():
    networks = {"unisal", "sam-resnet", "sam-vgg", "attention-center"}
    others = {"spectral-residual", "center", "fixations", "file"}
    others |= {"fixations-odd", "fixations-even"}
    assert networks | others <= set(predictors.names())


@pytest.mark.parametrize(
    "name", ["sam-resnet", "sam-vgg", "attention-center", "fixations", "file"]
)
def test_missing_weights_are_refused_with_what_they_have_to_be(name):
    message = f"predictor {name} needs --weights=PATH: (a|the) "
    with pytest.raises(InputError, match=message):
        predictors.load(name)


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty folder for caches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_unisal_without_weights_is_refused_with_the_command_that_brings_them(cache):
    command = "unisal needs --weights=PATH: unisal.onnx, which python -m data_prep.*"
    with pytest.raises(InputError, match=f"{command} unisal brings$"):
        predictors.load("unisal")
    assert not predictors.at_hand("unisal")


def test_unisal_in_the_cache_needs_no_weights_to_be_named(cache, unisal_weights):
    shutil.copytree(unisal_weights.parent, cache / "salcomp/unisal")
    assert predictors.at_hand("unisal")
    found, named = (predictors.load("unisal", w) for w in (None, str(unisal_weights)))
    assert found.fingerprint("a.jpg") == named.fingerprint("a.jpg") is not None
    maps = [predictor.predict([frame_of()])[0] for predictor in (found, named)]
    np.testing.assert_array_equal(*maps)


@pytest.mark.parametrize("name", ["center", "spectral-residual"])
def test_a_predictor_without_weights_has_maps_in_0_to_1(name):
    predictor = predictors.load(name)
    maps = predictor.predict([frame_of(), frame_of(box=(10, 5, 50, 20))])
    assert len(maps) == 2
    for saliency in maps:
        assert saliency.dtype == np.float32 and saliency.ndim == 2
        assert saliency.min() >= 0 and saliency.max() == 1
    assert predictor.fingerprint("photos/a.jpg") is None


def test_the_centre_prior_is_that_of_the_crop():
    expected = saliency_maps.center_prior(15, 40)
    assert_map("center", None, expected, frame_of(box=(10, 5, 50, 20)))


@pytest.fixture
def mask(tmp_path) -> np.ndarray:
    """The mask in `masks/a.png`."""
    values = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
    (tmp_path / "masks").mkdir()
    images.write_png(tmp_path / "masks/a.png", values)
    return values


def test_a_file_predicts_its_grey_values(tmp_path, mask):
    assert_map("file", tmp_path / "masks", mask / np.float32(255))


def test_a_file_of_the_stored_picture_is_turned_with_it(tmp_path, mask):
    images.write_png(tmp_path / "m.png", np.rot90(mask).copy())
    turned = frame_of()._replace(orientation=6)
    assert_map("file", tmp_path / "m.png", mask / np.float32(255), turned)


def test_a_file_is_cropped_as_the_frame_was(tmp_path, mask):
    cropped = frame_of("x/other.jpg", box=(10, 5, 50, 20))
    expected = mask[5:20, 10:50] / np.float32(255)
    assert_map("file", tmp_path / "masks/a.png", expected, cropped)


def test_a_file_of_another_size_spans_the_picture_before_the_crop(tmp_path):
    halves = np.repeat(np.array([[0, 255]], np.uint8), 2, axis=0)
    images.write_png(tmp_path / "m.png", np.kron(halves, np.ones((8, 8), np.uint8)))
    predictor = predictors.load("file", f"{tmp_path}/m.png")
    boxes = (0, 0, 20, HEIGHT), (40, 0, 60, HEIGHT)
    left, right = predictor.predict([frame_of(box=box) for box in boxes])
    assert left.shape == right.shape == (HEIGHT, 20)
    assert left.max() == 0 and right.min() == 1


def test_a_frame_without_a_file_is_refused_by_name(tmp_path, mask):
    predictor = predictors.load("file", f"{tmp_path}/masks")
    with pytest.raises(InputError, match="--weights=.*has no mask named b.png"):
        predictor.predict([frame_of("photos/b.jpg")])


def test_the_fingerprint_of_a_file_is_that_of_the_frames_own_map(tmp_path, mask):
    images.write_png(tmp_path / "masks/b.png", mask // 2)
    predictor = predictors.load("file", f"{tmp_path}/masks")
    for name in ("a", "b"):
        expected = disk.sha256(tmp_path / f"masks/{name}.png")
        assert predictor.fingerprint(f"photos/{name}.jpg") == expected


@pytest.fixture
def recorded(tmp_path):
    """The path of a .mat with two fixations of a.jpg."""
    path = tmp_path / "f.mat"
    write_osie(path, {"a.jpg": [([15.5, 40.5], [10.5, 30.5])], "b.jpg": [([1], [2])]})
    return path


def test_fixations_predict_their_density(recorded):
    points = np.array([[15.5, 10.5], [40.5, 30.5]])
    expected = fixations.density(points, HEIGHT, WIDTH, 0.03 * WIDTH)  # 24 of 800
    assert_map("fixations", recorded, expected)


def test_half_of_the_people_predict_their_density(tmp_path):
    looks = [([15.5], [10.5]), ([40.5], [30.5])]
    write_osie(tmp_path / "two.mat", {"a.jpg": looks})
    for name, (x, y) in zip(("fixations-odd", "fixations-even"), looks):
        points = np.array([[*x, *y]])
        expected = fixations.density(points, HEIGHT, WIDTH, 0.03 * WIDTH)
        assert_map(name, tmp_path / "two.mat", expected)


def test_the_density_is_cropped_as_the_frame_was(recorded):
    predictor = predictors.load("fixations", str(recorded))
    whole, cropped = predictor.predict([frame_of(), frame_of(box=(10, 5, 50, 20))])
    np.testing.assert_array_equal(cropped, whole[5:20, 10:50])


def test_a_frame_without_fixations_is_refused_by_name(recorded):
    predictor = predictors.load("fixations", str(recorded))
    with pytest.raises(InputError, match="photos/z.jpg: no fixations"):
        predictor.predict([frame_of("photos/z.jpg")])


def test_the_fingerprint_of_fixations_is_that_of_their_file(recorded):
    predictor = predictors.load("fixations", str(recorded))
    assert predictor.fingerprint("photos/a.jpg") == disk.sha256(recorded)


def test_a_file_that_is_not_what_the_predictor_needs_is_refused(tmp_path):
    (tmp_path / "f").write_bytes(b"hello")
    for name in ("fixations", "attention-center"):
        with pytest.raises(InputError, match="f: cannot be read as a"):
            predictors.load(name, f"{tmp_path}/f")
