"""Tests of salcomp.files.disk."""

from __future__ import annotations

import hashlib
import os
import stat

import pytest

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
    code = (
        "import pathlib, sys\n"
        "from salcomp.files.disk import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): pass"
    )
    with disk.locked(tmp_path):
        other = run_python("-c", code, str(tmp_path), check=False)
    assert "another process is at work there" in other.stderr
    run_python("-c", code, str(tmp_path))


def test_an_error_within_is_not_taken_for_the_lock_s(tmp_path):
    with pytest.raises(BlockingIOError), disk.locked(tmp_path):
        raise BlockingIOError


def test_a_written_file_replaces_the_old_one_and_leaves_no_other(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old and longer")
    disk.write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_has_the_permissions_of_the_umask(tmp_path):
    disk.write_file(tmp_path / "a", b"")
    (tmp_path / "b").write_bytes(b"")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"]
    assert modes[0] == modes[1]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def full_disk(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(InputError, match="a.bin: cannot be written .*No space left"):
        disk.write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.JPG", "notes.txt", ".hidden.png", "deep/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(paths) -> list[str]:
    return [path.name for path in paths]


def test_a_folder_stands_for_its_images(folder):
    assert names(disk.expand_inputs([str(folder)])) == ["a.JPG", "b.png"]


def test_a_pattern_reaches_into_folders(folder):
    assert names(disk.expand_inputs([f"{folder}/**/*.png"])) == ["b.png", "c.png"]


def test_a_file_given_twice_is_taken_once(folder):
    given = [f"{folder}/b.png", f"{folder}/*.png", str(folder)]
    assert names(disk.expand_inputs(given)) == ["a.JPG", "b.png"]


def test_a_file_named_by_itself_may_have_any_suffix(folder):
    assert names(disk.expand_inputs([f"{folder}/notes.txt"])) == ["notes.txt"]


def test_a_file_whose_name_looks_like_a_pattern_is_found(tmp_path):
    (tmp_path / "a[1].png").touch()
    assert names(disk.expand_inputs([f"{tmp_path}/a[1].png"])) == ["a[1].png"]


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
