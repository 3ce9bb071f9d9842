"""Which pictures are prepared, and what their outputs are called."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from data_prep.pipeline import sources
from salcomp.errors import InputError
from salcomp.files import images


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def outputs(pattern) -> list[str]:
    return [source.output for source in sources.from_pattern(str(pattern))]


def test_outputs_keep_the_folders_below_the_fixed_part_of_the_pattern(tmp_path):
    touch(tmp_path, "train/a.png", "test/a.jpg", "test/notes.txt")
    assert outputs(tmp_path / "*" / "a.*") == ["test/a.png", "train/a.png"]
    assert outputs(tmp_path / "t*" / "*.png") == ["train/a.png"]


@pytest.mark.parametrize("argument", ["train", "train/*.png", "train/a.png"])
def test_a_folder_a_pattern_and_a_file_name_the_same_output(tmp_path, argument):
    touch(tmp_path, "train/a.png")
    assert outputs(tmp_path / argument) == ["a.png"]


@pytest.mark.parametrize(
    "pattern",
    ["leftImg8bit/*/*/*.png", "leftImg8bit/val/*/*.png", "leftImg8bit/val/lindau"],
)
def test_a_cityscapes_tree_keeps_its_splits_whatever_the_pattern(tmp_path, pattern):
    touch(tmp_path, "leftImg8bit/val/lindau/lindau_000000_000019_leftImg8bit.png")
    expected = "val/lindau/lindau_000000_000019_leftImg8bit.png"
    assert outputs(tmp_path / pattern) == [expected]


def test_two_pictures_of_one_output_are_refused_by_name(tmp_path):
    touch(tmp_path, "a.png", "a.jpg")
    with pytest.raises(InputError, match="a.jpg and .*a.png would both become a.png"):
        outputs(tmp_path)


def test_a_pattern_without_files_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        outputs(tmp_path / "*.png")


def test_a_source_gives_the_bytes_of_its_file(tmp_path):
    touch(tmp_path, "a.png")
    (source,) = sources.from_pattern(str(tmp_path))
    assert source.read() == b"a.png"
    (tmp_path / "a.png").unlink()
    with pytest.raises(InputError, match="a.png: cannot be read"):
        source.read()


@pytest.fixture(scope="module")
def cityscapes(tmp_path_factory):
    """The folder with the one zip that is needed, of three frames, and their files."""
    folder = tmp_path_factory.mktemp("cityscapes")
    files = {}
    with zipfile.ZipFile(folder / "leftImg8bit_trainvaltest.zip", "w") as archive:
        for i, name in enumerate(("train/ulm/ulm", "val/bonn/bonn", "test/bonn/x")):
            png = images.encode_png(np.full((1024, 2048, 3), 60 * i, np.uint8))
            path = f"leftImg8bit/{name}_000000_000019_leftImg8bit.png"
            archive.writestr(path, png)
            files[name] = png
    return folder, files


def test_cityscapes_of_tfds_needs_the_zip_of_the_left_images_only(cityscapes, tmp_path):
    folder, files = cityscapes
    found = sources.TfdsSource("cityscapes", str(folder), str(tmp_path))
    by_output = {source.output: source for source in found}
    assert len(found) == 3
    places = ("test/x", "train/ulm", "validation/bonn")
    assert sorted(by_output) == [f"{place}_000000_000019.png" for place in places]
    source = by_output["train/ulm_000000_000019.png"]
    assert source.name == "cityscapes/train/ulm_000000_000019"
    assert source.read() == files["train/ulm/ulm"]


def test_a_missing_zip_is_one_line_that_names_it(tmp_path):
    (tmp_path / "zips").mkdir()
    with pytest.raises(InputError) as caught:
        sources.TfdsSource("cityscapes", str(tmp_path / "zips"), str(tmp_path / "data"))
    message = str(caught.value)
    assert "leftImg8bit_trainvaltest.zip" in message and "\n" not in message


def test_an_unknown_set_is_refused(tmp_path):
    with pytest.raises(InputError, match="--tfds_name=no_such_set: "):
        sources.TfdsSource("no_such_set", None, str(tmp_path))
