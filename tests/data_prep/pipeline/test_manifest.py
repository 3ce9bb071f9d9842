"""The manifest of a folder of frames."""

from __future__ import annotations

import contextlib
import json
import resource

import pytest

from data_prep.pipeline import manifest
from salcomp.errors import InputError


def record(output: str, **values) -> dict:
    keys = ("source", "source_sha256", "output_sha256", "predictor")
    others = {"weights_sha256": None, "blur": 0.0}
    return {"output": output, **dict.fromkeys(keys, "x"), **others, **values}


def test_lines_are_in_the_order_of_the_outputs():
    lines = manifest.dumps([record("b.png"), record("a.png")]).splitlines()
    assert [json.loads(line)["output"] for line in lines] == ["a.png", "b.png"]


def test_what_was_dumped_is_loaded():
    records = {name: record(name, blur=8.0) for name in ("a.png", "ö.png")}
    assert manifest.loads(manifest.dumps(records.values()), "m") == records


def test_a_full_disk_is_told_and_what_was_written_stays(tmp_path):
    with contextlib.closing(manifest.Manifest(tmp_path)) as opened:
        opened.add(record("a.png"))
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
        try:
            with pytest.raises(InputError, match="manifest.jsonl: cannot be written"):
                opened.add(record("b.png"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    data = (tmp_path / "manifest.jsonl").read_bytes()
    assert list(manifest.loads(data, "m")) == ["a.png"]


@pytest.mark.parametrize("end", [b"", b'\n{"output": "b.p'], ids=["none", "half"])
def test_a_last_line_counts_if_it_is_whole(end):
    data = manifest.dumps([record("a.png")]).rstrip(b"\n") + end
    assert list(manifest.loads(data, "m")) == ["a.png"]


def test_of_two_lines_on_one_frame_the_later_counts():
    data = b"".join(manifest.dumps([record("a.png", n=n)]) for n in (1, 2))
    assert manifest.loads(data, "m")["a.png"]["n"] == 2


@pytest.mark.parametrize("line", [b"x", b"{}", b"3", b"\xff", b'{"output": 5}'])
def test_a_line_that_is_no_record_is_refused_by_its_number(line):
    data = manifest.dumps([record("a.png")]) + line + b"\n"
    with pytest.raises(InputError, match="m: line 2 is no record"):
        manifest.loads(data, "m")


def test_a_record_is_on_disk_as_soon_as_it_is_added(tmp_path):
    opened = manifest.Manifest(tmp_path)
    opened.add(record("b.png"))
    opened.add(record("a.png"))
    data = (tmp_path / manifest.NAME).read_bytes()
    assert list(manifest.loads(data, "m")) == ["b.png", "a.png"]
    opened.close()
    data = (tmp_path / manifest.NAME).read_bytes()
    assert list(manifest.loads(data, "m")) == ["a.png", "b.png"]


@pytest.mark.parametrize("key", ["source", "weights_sha256", "blur"])
def test_a_record_that_lacks_what_is_needed_is_refused(key):
    lacking = record("a.png")
    del lacking[key]
    with pytest.raises(InputError, match="m: line 1 is no record"):
        manifest.loads(manifest.dumps([lacking]), "m")


def test_the_origins_of_maps_are_in_the_manifest_above_their_frames(tmp_path):
    first = record("train/a.png", predictor="center", blur=2.0)
    data = manifest.dumps([first, record("train/b.png", predictor="file")])
    (tmp_path / manifest.NAME).write_bytes(data)
    (tmp_path / "train").mkdir()
    paths = [tmp_path / "train" / name for name in ("a.png", "b.png", "c.png")]
    assert manifest.origins(paths[:1]) == "center, blurred by 2 px"
    assert manifest.origins(paths) == "center, blurred by 2 px and file and unknown"
