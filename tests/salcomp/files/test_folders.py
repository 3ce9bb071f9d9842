"""Folders of outputs."""

from __future__ import annotations

import pytest

from salcomp.errors import InputError
from salcomp.files import folders
from tests.fixtures import run_python


def test_a_folder_and_those_above_it_are_made(tmp_path):
    made = folders.make("output_dir", tmp_path / "a" / "b")
    assert made == tmp_path / "a" / "b" and made.is_dir()
    folders.make("output_dir", made)


def test_a_file_in_its_place_is_told(tmp_path):
    (tmp_path / "f").touch()
    with pytest.raises(InputError, match="--output_dir=.*/f: .*a file of that name"):
        folders.make("output_dir", tmp_path / "f")


def test_a_folder_is_held_by_one_process(tmp_path):
    code = (
        "import pathlib, sys\n"
        "from salcomp.files.folders import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): pass"
    )
    with folders.locked(tmp_path):
        other = run_python("-c", code, str(tmp_path), check=False)
    assert "another process is at work there" in other.stderr
    run_python("-c", code, str(tmp_path))


def test_an_error_within_is_not_taken_for_the_lock_s(tmp_path):
    with pytest.raises(BlockingIOError), folders.locked(tmp_path):
        raise BlockingIOError
