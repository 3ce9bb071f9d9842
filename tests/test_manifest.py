"""The manifest of a folder of frames."""

from __future__ import annotations

import json

import pytest

from data_prep import manifest
from salcomp.errors import InputError
from tests.fixtures import run_python


def test_lines_are_in_the_order_of_the_outputs():
    data = manifest.dumps([{"output": "b.png"}, {"output": "a.png"}])
    assert [json.loads(line)["output"] for line in data.splitlines()] == [
        "a.png",
        "b.png",
    ]


def test_what_was_dumped_is_loaded():
    records = {name: {"output": name, "blur": 8.0} for name in ("a.png", "ö.png")}
    assert manifest.loads(manifest.dumps(records.values()), "m") == records


def test_half_a_line_at_the_end_is_passed_over():
    data = manifest.dumps([{"output": "a.png"}]) + b'{"output": "b.p'
    assert list(manifest.loads(data, "m")) == ["a.png"]


def test_of_two_lines_on_one_frame_the_later_counts():
    data = b'{"output": "a.png", "n": 1}\n{"output": "a.png", "n": 2}\n'
    assert manifest.loads(data, "m")["a.png"]["n"] == 2


@pytest.mark.parametrize("line", [b"x", b"{}", b"3", b"\xff"])
def test_a_line_that_is_no_record_is_refused_by_its_number(line):
    data = b'{"output": "a.png"}\n' + line + b"\n"
    with pytest.raises(InputError, match="m: line 2 is no record"):
        manifest.loads(data, "m")


def test_a_record_is_on_disk_as_soon_as_it_is_added(tmp_path):
    opened = manifest.Manifest(tmp_path)
    opened.add({"output": "b.png"})
    opened.add({"output": "a.png"})
    data = (tmp_path / manifest.NAME).read_bytes()
    assert list(manifest.loads(data, "m")) == ["b.png", "a.png"]
    opened.close()
    data = (tmp_path / manifest.NAME).read_bytes()
    assert list(manifest.loads(data, "m")) == ["a.png", "b.png"]


def test_a_folder_is_held_by_one_process(tmp_path):
    code = (
        "import pathlib, sys\n"
        "from data_prep.manifest import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): pass"
    )
    with manifest.locked(tmp_path):
        other = run_python("-c", code, str(tmp_path), check=False)
    assert "another process is preparing frames there" in other.stderr
    run_python("-c", code, str(tmp_path))


def test_the_origin_of_a_map_is_in_the_manifest_above_its_frame(tmp_path):
    record = {"output": "train/a.png", "predictor": "center", "blur": 2.0}
    (tmp_path / manifest.NAME).write_bytes(manifest.dumps([record]))
    (tmp_path / "train").mkdir()
    assert manifest.origin(tmp_path / "train/a.png") == "center, blurred by 2 px"
    assert manifest.origin(tmp_path / "train/b.png") == "unknown"
