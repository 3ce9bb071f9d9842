"""Tests of salcomp.files.disk."""

from __future__ import annotations

import hashlib
import os
import pathlib
import stat
from unittest import mock

import pytest
from PIL import Image as pil

from salcomp.errors import InputError
from salcomp.files import disk
from tests.fixtures import run_python


def test_a_folder_and_those_above_it_are_made(tmp_path):
    made = disk.make_folder("output_dir", tmp_path / "a" / "b")
    assert made == tmp_path / "a" / "b" and made.is_dir()
    disk.make_folder("output_dir", made)


def test_a_file_in_its_place_is_told(tmp_path):
    (tmp_path / "f").touch()
    with pytest.raises(InputError, match="--output_dir=.*/f: .*a file of that name"):
        disk.make_folder("output_dir", tmp_path / "f")


def test_a_folder_is_held_by_one_process(tmp_path):
    code = "import pathlib, sys; from salcomp.files.disk import locked\n"
    code += "with locked(pathlib.Path(sys.argv[1])): pass"
    with disk.locked(tmp_path):
        other = run_python("-c", code, str(tmp_path), check=False)
    assert "another process is at work there" in other.stderr
    run_python("-c", code, str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_an_error_within_is_not_taken_for_the_lock_s(tmp_path):
    with pytest.raises(BlockingIOError), disk.locked(tmp_path):
        raise BlockingIOError


def failing(number, text):
    """A function that raises an error of the system."""
    return mock.Mock(side_effect=OSError(number, text))


@pytest.fixture
def old(tmp_path):
    """A file that is to be replaced."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old and longer")
    return path


def test_a_written_file_replaces_the_old_one_and_leaves_no_other(old, tmp_path):
    disk.write_file(old, b"new")
    assert old.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [old]


def test_a_written_file_has_the_permissions_of_the_umask(tmp_path):
    disk.write_file(tmp_path / "a", b"")
    (tmp_path / "b").write_bytes(b"")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"]
    assert modes[0] == modes[1]


def test_a_failed_write_leaves_the_old_file_and_no_other(old, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", failing(28, "No space left on device"))
    with pytest.raises(InputError, match="a.bin: cannot be written .*No space left"):
        disk.write_file(old, b"new")
    assert old.read_bytes() == b"old and longer"
    assert list(tmp_path.iterdir()) == [old]


def test_a_read_only_disk_is_the_reason_that_is_told(tmp_path, monkeypatch):
    for name in ("write_bytes", "unlink"):
        monkeypatch.setattr(pathlib.Path, name, failing(30, "Read-only file system"))
    with pytest.raises(InputError, match="a.bin: cannot be written .*Read-only"):
        disk.write_file(tmp_path / "a.bin", b"new")


FILES = "b.png a.JPG c.jfif d.mpo b.salc.png b.saliency.png notes.txt .hidden.png"
FILES += " .x/e.png in/to/f.png"


@pytest.fixture
def folder(tmp_path):
    for name in FILES.split():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    return tmp_path


def places(*arguments, **options) -> list[str]:
    found = disk.find_inputs([str(argument) for argument in arguments], **options)
    assert all(str(path).endswith(str(place)) for path, place in found.items())
    return [str(place) for place in found.values()]


def test_a_folder_stands_for_the_images_at_any_depth_in_it(folder):
    assert places(folder) == ["a.JPG", "b.png", "c.jfif", "d.mpo", "in/to/f.png"]
    assert places(folder, suffixes=(".txt",)) == ["notes.txt"]


def test_links_to_folders_are_followed_once(folder):
    (folder / "in/circle").symlink_to(folder)
    (folder / "again").symlink_to("in/to")
    assert len(places(folder)) == 5
    assert places(folder / "again") == ["f.png"]


def test_a_folder_is_not_searched_for_outputs(folder):
    assert "in/to/f.png" not in places(folder, output_dir=f"{folder}/in/to")
    assert places(folder / "in/to", output_dir=f"{folder}/in/to") == ["f.png"]


def test_a_folder_that_cannot_be_read_is_named(folder, monkeypatch):
    monkeypatch.setattr(os, "scandir", failing(13, "Permission denied"))
    with pytest.raises(InputError, match="cannot be read .Permission denied.; make it"):
        places(folder)


def test_a_pattern_reaches_into_folders_and_keeps_those_below_its_fixed_part(folder):
    assert places(f"{folder}/*/to/*.png") == ["in/to/f.png"]
    assert places(f"{folder}/in/**/f.png")[0] == "to/f.png"


@pytest.mark.parametrize("name", ["dir [1]", "what?"])
def test_a_folder_may_be_named_as_a_pattern_is(folder, name):
    (folder / "in").rename(folder / name)
    assert places(f"{folder}/{name}/to/*.png") == ["f.png"]
    assert places(f"{folder}/{name}/*/f.png") == ["to/f.png"]


@pytest.mark.parametrize("derived", ["b.salc.png", "b.saliency.png"])
def test_what_the_tools_wrote_is_taken_only_if_it_is_named(folder, derived):
    assert places(f"{folder}/b*.png") == ["b.png"]
    found = places(f"{folder}/{derived}"), places(f"{folder}/*{derived[1:]}")
    assert found == ([derived], [derived])


def test_a_file_given_twice_is_taken_once(folder):
    given = [folder / "b.png", f"{folder}/b.*", folder / "b.png"]
    assert places(*given) == ["b.png"]


def test_a_file_named_by_itself_may_have_any_suffix_and_has_no_folder(folder):
    given = [folder / "in/to/f.png", folder / "notes.txt"]
    assert places(*given) == ["f.png", "notes.txt"]


def test_files_named_by_themselves_keep_folders_where_outputs_would_meet(folder):
    (folder / "f.jpg").touch()
    assert places(folder / "f.jpg", folder / "in/to/f.png") == ["f.jpg", "in/to/f.png"]


def test_a_file_whose_name_looks_like_a_pattern_is_found(tmp_path):
    (tmp_path / "a[1].png").touch()
    assert places(tmp_path / "a[1].png") == ["a[1].png"]


def test_every_file_of_photographs_that_pillow_opens_counts_in_a_folder():
    pil.init()
    formats = "PNG JPEG MPO WEBP AVIF TIFF BMP DIB GIF PPM".split()
    opened = {s for s, name in pil.registered_extensions().items() if name in formats}
    assert opened - set(disk.SUFFIXES) <= {".pfm"}  # floating-point values


@pytest.mark.parametrize("argument", ["absent.png", "*.bmp", "."])
def test_an_argument_that_names_no_file_is_an_error(tmp_path, monkeypatch, argument):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        disk.expand_inputs([argument])


def test_no_argument_is_an_error():
    with pytest.raises(InputError, match="no input"):
        disk.expand_inputs([])


@pytest.mark.parametrize("of, count, chosen", [(10, 4, [0, 3, 6, 9]), (2, 4, [0, 1])])
def test_files_are_chosen_from_the_first_to_the_last(of, count, chosen):
    assert disk.spread(range(of), count) == chosen
    assert disk.spread(range(of), 1) == [0]


def test_sha256_is_that_of_the_bytes(tmp_path):
    (tmp_path / "f").write_bytes(bytes(3 << 20) + b"end")
    expected = hashlib.sha256((tmp_path / "f").read_bytes()).hexdigest()
    assert disk.sha256(tmp_path / "f") == expected
