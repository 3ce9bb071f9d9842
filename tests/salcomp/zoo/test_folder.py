"""Tests of salcomp.zoo.folder; test_export has what concerns the model within."""

from __future__ import annotations

import pytest

from salcomp.errors import InputError
from salcomp.zoo import folder as model_folder

FILES = dict(zip(model_folder.PARTS, (b"{}", b"weights", b"tables")))


def test_what_is_written_is_read(tmp_path):
    model_folder.write(tmp_path / "a", FILES)
    assert model_folder.read(tmp_path / "a") == FILES


def test_files_beside_the_model_are_no_part_of_its_fingerprint(tmp_path):
    model_folder.write(tmp_path / "a", {**FILES, "note.txt": b"hello"})
    assert (tmp_path / "a/note.txt").read_bytes() == b"hello"
    stated = model_folder.stated_fingerprint(tmp_path / "a")
    assert stated == model_folder.fingerprint(FILES).hex()


def test_bytes_that_move_from_one_file_to_the_next_change_the_fingerprint():
    moved = dict(zip(model_folder.PARTS, (b"{}", b"weightst", b"ables")))
    assert model_folder.fingerprint(moved) != model_folder.fingerprint(FILES)


def test_failed_write_leaves_the_former_model(tmp_path, monkeypatch):
    model_folder.write(tmp_path / "a", FILES)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_folder.Path, "write_text", fail)
    with pytest.raises(InputError, match="No space left"):
        model_folder.write(tmp_path / "a", {**FILES, "config.json": b"[]"})
    assert model_folder.read(tmp_path / "a") == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
