"""Tests of salcomp.decompress."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from PIL import Image

from salcomp import decompress
from salcomp.codec.codec import Codec
from salcomp.errors import SalcompError
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.zoo import exported
from tests import fixtures
from tests.fixtures import frame, parts, small_config

refusal = functools.partial(fixtures.refusal, error=SalcompError)


@pytest.fixture
def encoded(codec, tmp_path):
    """Three images, each with its file a0.salc, a1.salc, a2.salc in a folder."""
    images = [codec.encode(*parts(frame(i, 20 + i, 41))) for i in range(3)]
    for i, image in enumerate(images):
        (tmp_path / f"a{i}.salc").write_bytes(image.data)
    return images


def tool(*arguments):
    decompress.main(["decompress", *map(str, arguments)])


@pytest.fixture
def run(workdir):
    """Calls the tool with the model."""
    return functools.partial(tool, f"--model={workdir}")


def pixels(path):
    return np.asarray(Image.open(path))


@pytest.fixture
def file_of_low(zoo, tmp_path):
    """A file of a model of the zoo."""
    data = Codec.load(zoo / "low").encode(*parts(frame(5, 20, 41))).data
    (tmp_path / "a.salc").write_bytes(data)
    return tmp_path / "a.salc"


def names_in(folder, pattern="*.png"):
    return sorted(path.name for path in folder.glob(pattern))


def test_files_of_a_folder_become_their_reconstructions(run, encoded, tmp_path):
    run(tmp_path)
    for i, image in enumerate(encoded):
        decoded = pixels(tmp_path / f"a{i}.salc.png")
        assert decoded.dtype == np.uint8 and (decoded == image.reconstruction).all()


def test_pattern_names_files(run, encoded, tmp_path):
    run(tmp_path / "*[02].salc", f"--output_dir={tmp_path / 'out'}")
    assert names_in(tmp_path / "out") == ["a0.png", "a2.png"]


def test_existing_output_is_kept_unless_it_is_to_be_overwritten(run, encoded, tmp_path):
    (tmp_path / "a0.salc.png").write_text("old")
    run(tmp_path)
    assert (tmp_path / "a0.salc.png").read_text() == "old"
    assert (tmp_path / "a1.salc.png").exists()
    run(tmp_path, "--overwrite")
    assert (tmp_path / "a0.salc.png").read_bytes()[:4] == b"\x89PNG"


def test_original_beside_its_file_is_never_overwritten(run, encoded, tmp_path):
    (tmp_path / "a0.png").write_text("the original")
    run(tmp_path, "--overwrite")
    assert (tmp_path / "a0.png").read_text() == "the original"


def test_damaged_file_does_not_stop_the_others(run, encoded, tmp_path, caplog):
    data = bytearray((tmp_path / "a1.salc").read_bytes())
    data[-1] ^= 1
    (tmp_path / "a1.salc").write_bytes(data)
    assert "1 of 3 files failed" in refusal(run, tmp_path)
    assert names_in(tmp_path) == ["a0.salc.png", "a2.salc.png"]
    assert "a1.salc: altered or damaged" in caplog.text


def test_only_file_that_is_damaged_is_named_with_its_fault(run, encoded, tmp_path):
    path = tmp_path / "a1.salc"
    path.write_bytes(path.read_bytes()[:-3])
    message = refusal(run, path)
    assert str(path) in message and "truncated" in message


def test_file_of_another_model_is_refused_by_name(encoded, codec, tmp_path):
    exported.save(SaliencyCodec(small_config()), 1, tmp_path / "model")
    message = refusal(tool, tmp_path / "a0.salc", f"--model={tmp_path / 'model'}")
    assert "a0.salc" in message and codec.fingerprint.hex() in message
    assert not (tmp_path / "a0.png").exists()


def test_file_over_the_pixel_limit_is_refused_with_the_flag(run, encoded, tmp_path):
    assert "--max_pixels" in refusal(run, tmp_path / "a0.salc", "--max_pixels=819")
    run(tmp_path / "a0.salc", "--max_pixels=820")


def test_folder_without_compressed_files_is_refused(run, tmp_path):
    assert ".salc" in refusal(run, tmp_path)


def test_file_of_no_model_of_the_zoo_asks_for_its_model(empty_zoo, encoded, tmp_path):
    message = refusal(tool, tmp_path / "a0.salc")
    assert "a0.salc" in message and "give --model" in message


def test_files_of_several_models_of_the_zoo_find_their_models(zoo, tmp_path):
    expected = {}
    for name in ("low", "high", "plain"):
        encoded = Codec.load(zoo / name).encode(*parts(frame(5, 20, 41)))
        (tmp_path / f"{name}.salc").write_bytes(encoded.data)
        expected[name] = encoded.reconstruction
    tool(tmp_path)
    for name, reconstruction in expected.items():
        assert (pixels(tmp_path / f"{name}.salc.png") == reconstruction).all()


def test_model_of_the_zoo_goes_by_its_name(file_of_low, tmp_path):
    assert "not by this model" in refusal(tool, file_of_low, "--model=high")
    tool(file_of_low, "--model=low")
    assert names_in(tmp_path) == ["a.salc.png"]


def test_damaged_file_without_a_model_is_told_its_fault(file_of_low):
    file_of_low.write_bytes(file_of_low.read_bytes()[:-3])
    assert "truncated" in refusal(tool, file_of_low)
