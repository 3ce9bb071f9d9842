"""Preparing frames, from the command line and by Beam."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image as pil

from data_prep import prepare
from data_prep.pipeline import geometry, packing
from salcomp.errors import InputError, SalcompError
from salcomp.files import images, predictors, saliency_maps
from tests.fixtures import ROOT, frame, run_python

SIZE = ("--width=64", "--height=32")


@pytest.fixture
def pictures(tmp_path):
    """A folder of three RGB pictures of 128x64 pixels in two folders below it."""
    for i, name in enumerate(["train/a.png", "train/b.png", "test/c.png"]):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write_png(path, frame(i, 64, 128)[..., :3])
    return tmp_path / "in"


def run(pictures, output, *arguments, pattern="*/*.png"):
    return prepare.main(
        ["prepare", f"--input_glob={pictures / pattern}", f"--output_dir={output}"]
        + ["--predictor=center", *SIZE, *arguments]
    )


def contents(folder) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def records(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").open()]


@pytest.mark.parametrize("kernel", geometry.FILTERS)
def test_colours_and_map_are_those_resized_apart_bit_for_bit(
    pictures, tmp_path, kernel
):
    run(pictures, tmp_path / "out", f"--resize={kernel}", "--crop=4,8,124,60")
    original = images.read_image(pictures / "train/a.png").rgb[8:60, 4:124]
    rgba = np.asarray(pil.open(tmp_path / "out/train/a.png"))
    expected = geometry.resize_rgb(original, 32, 64, kernel)
    np.testing.assert_array_equal(rgba[..., :3], expected)
    saliency = saliency_maps.resize(saliency_maps.center_prior(52, 120), 32, 64)
    np.testing.assert_array_equal(rgba[..., 3], np.rint(255 * saliency))


def test_colours_survive_where_nobody_looks(pictures, tmp_path):
    maps = tmp_path / "maps"
    maps.mkdir()
    spot = np.zeros((64, 128), np.uint8)
    spot[20:40, 20:40] = 255
    images.write_png(maps / "a.png", spot)
    run(
        pictures,
        tmp_path / "out",
        "--predictor=file",
        f"--weights={maps}",
        pattern="train/a.png",
    )
    rgba = np.asarray(pil.open(tmp_path / "out/a.png"))
    original = images.read_image(pictures / "train/a.png").rgb
    dark = rgba[..., 3] == 0
    assert dark.mean() > 0.8
    expected = geometry.resize_rgb(original, 32, 64, "area")
    np.testing.assert_array_equal(rgba[..., :3], expected)


def test_blur_keeps_the_maximum_of_the_map(pictures, tmp_path):
    run(pictures, tmp_path / "sharp")
    run(pictures, tmp_path / "soft", "--blur=4")
    for sharp, soft in zip(records(tmp_path / "sharp"), records(tmp_path / "soft")):
        assert soft["map_max"] == pytest.approx(sharp["map_max"], abs=1e-5)
        assert soft["output_sha256"] != sharp["output_sha256"]


def test_the_manifest_tells_what_each_frame_was_made_of(pictures, tmp_path):
    run(pictures, tmp_path / "out", "--blur=2")
    found = records(tmp_path / "out")
    assert [r["output"] for r in found] == ["test/c.png", "train/a.png", "train/b.png"]
    record = found[1]
    source = pictures / "train/a.png"
    assert record["source"] == str(source)
    assert record["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    output = (tmp_path / "out/train/a.png").read_bytes()
    assert record["output_sha256"] == hashlib.sha256(output).hexdigest()
    assert (record["predictor"], record["weights_sha256"]) == ("center", None)
    assert (record["width"], record["height"], record["blur"]) == (64, 32, 2.0)
    assert (record["resize"], record["box"]) == ("area", [0, 0, 128, 64])
    alpha = pil.open(tmp_path / "out/train/a.png").getchannel("A")
    assert record["map_mean"] == pytest.approx(np.mean(alpha) / 255, abs=0.002)
    assert record["versions"] == packing.versions()


def test_a_second_run_makes_nothing_anew(pictures, tmp_path, monkeypatch):
    run(pictures, tmp_path / "out")
    before = contents(tmp_path / "out")
    asked = []

    def load(name, weights, readout):
        return predictors.Predictor(lambda frames: asked.extend(frames) or [])

    monkeypatch.setattr(predictors, "load", load)
    run(pictures, tmp_path / "out")
    assert not asked
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("damage", ["missing", "altered", "no record"])
def test_a_frame_that_does_not_match_its_line_is_made_anew(pictures, tmp_path, damage):
    out = tmp_path / "out"
    run(pictures, out)
    before = contents(out)
    if damage == "altered":
        (out / "train/a.png").write_bytes(b"")
    else:
        (out / "train/a.png").unlink()
    if damage == "no record":
        lines = before["manifest.jsonl"].splitlines(keepends=True)
        (out / "manifest.jsonl").write_bytes(lines[0] + lines[2])
    run(pictures, out)
    assert contents(out) == before


def test_a_picture_that_has_changed_is_prepared_anew(pictures, tmp_path):
    out = tmp_path / "out"
    run(pictures, out)
    before = contents(out)
    images.write_png(pictures / "train/a.png", frame(9, 64, 128)[..., :3])
    run(pictures, out)
    changed = {name for name, data in contents(out).items() if data != before[name]}
    assert changed == {"train/a.png", "manifest.jsonl"}


def test_another_recipe_in_the_same_folder_is_refused_and_names_the_difference(
    pictures, tmp_path
):
    out = tmp_path / "out"
    run(pictures, out)
    before = contents(out)
    with pytest.raises(InputError, match="another blur, 0.0, than 3.0"):
        run(pictures, out, "--blur=3")
    assert contents(out) == before
    run(pictures, out, "--blur=3", "--overwrite")
    assert contents(out) != before


def test_other_weights_in_the_same_folder_are_refused(pictures, tmp_path, monkeypatch):
    def load(name, weights, readout):
        constant = predictors.on_each(lambda frame: np.eye(8, 16, dtype=np.float32))
        return predictors.Predictor(constant, weights_sha256=weights)

    monkeypatch.setattr(predictors, "load", load)
    run(pictures, tmp_path / "out", "--weights=a")
    with pytest.raises(InputError, match="another SHA-256 of --weights, a, than b"):
        run(pictures, tmp_path / "out", "--weights=b")


def test_a_map_that_has_changed_does_not_replace_a_frame(pictures, tmp_path):
    maps = tmp_path / "maps"
    maps.mkdir()
    for name in "abc":
        images.write_png(maps / f"{name}.png", frame(0, 64, 128)[..., 3])
    run(pictures, tmp_path / "out", "--predictor=file", f"--weights={maps}")
    before = contents(tmp_path / "out")
    images.write_png(maps / "b.png", frame(1, 64, 128)[..., 3])
    with pytest.raises(SalcompError, match="^1 of the pictures could not be prepared"):
        run(pictures, tmp_path / "out", "--predictor=file", f"--weights={maps}")
    assert contents(tmp_path / "out") == before


def test_a_file_of_other_origin_is_kept(pictures, tmp_path):
    foreign = tmp_path / "out/train/a.png"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"mine")
    with pytest.raises(SalcompError, match="^1 of the pictures could not be prepared"):
        run(pictures, tmp_path / "out")
    assert foreign.read_bytes() == b"mine"
    run(pictures, tmp_path / "out", "--overwrite")
    assert pil.open(foreign).mode == "RGBA"


@pytest.mark.parametrize("arguments", [(), ("--overwrite",)])
def test_pictures_are_never_overwritten_by_their_frames(pictures, arguments):
    before = contents(pictures)
    with pytest.raises(InputError, match="would take the place of a picture"):
        run(pictures, pictures, *arguments)
    after = contents(pictures)
    assert {name: after[name] for name in before} == before


def test_frames_of_an_earlier_run_are_no_pictures(pictures):
    for _ in range(2):
        run(pictures, pictures / "frames", pattern="**/*.png")
    assert len(records(pictures / "frames")) == 3
    assert not (pictures / "frames/frames").exists()


def test_another_picture_of_the_same_name_does_not_replace_a_frame(pictures, tmp_path):
    run(pictures, tmp_path / "out")
    before = contents(tmp_path / "out")
    other = tmp_path / "other" / "train"
    other.mkdir(parents=True)
    images.write_png(other / "a.png", frame(9, 64, 128)[..., :3])
    with pytest.raises(SalcompError, match="^1 of the pictures could not be prepared"):
        run(tmp_path / "other", tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_the_same_picture_at_another_place_is_the_same_frame(pictures, tmp_path):
    run(pictures, tmp_path / "out")
    before = contents(tmp_path / "out")
    run(pictures.rename(tmp_path / "moved"), tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_overwriting_with_another_recipe_forgets_the_frames_of_the_first(
    pictures, tmp_path
):
    run(pictures, tmp_path / "out")
    run(pictures, tmp_path / "out", "--blur=3", "--overwrite", pattern="t*/a.png")
    assert [r["blur"] for r in records(tmp_path / "out")] == [3.0]


def test_one_output_that_cannot_be_written_stops_no_other(pictures, tmp_path):
    (tmp_path / "out/train/a.png").mkdir(parents=True)
    with pytest.raises(SalcompError, match="^1 of the pictures could not be prepared"):
        run(pictures, tmp_path / "out")
    assert (tmp_path / "out/train/b.png").is_file()


def test_a_link_to_nothing_is_reported(pictures, tmp_path):
    (pictures / "test/z.png").symlink_to("nowhere.png")
    with pytest.raises(SalcompError, match="^1 of the pictures could not be prepared"):
        run(pictures, tmp_path / "out")


def test_one_map_is_not_that_of_two_pictures(pictures, tmp_path):
    images.write_png(pictures / "test/a.png", frame(7, 64, 128)[..., :3])
    maps = tmp_path / "maps"
    maps.mkdir()
    images.write_png(maps / "a.png", frame(0, 64, 128)[..., 3])
    with pytest.raises(SalcompError, match="^1 of the pictures could not be prepared"):
        run(
            pictures,
            tmp_path / "out",
            "--predictor=file",
            f"--weights={maps}",
            pattern="*/a.png",
        )
    assert len(records(tmp_path / "out")) == 1


def write_odd_pictures(folder):
    """Pictures of all kinds, and the kinds that cannot be prepared."""
    folder.mkdir()
    rgb = frame(0, 64, 128)[..., :3]
    whole = images.encode_png(rgb)
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("no picture")
    pil.new("RGB", (1, 1)).save(folder / "dot.png")
    pil.fromarray(rgb).convert("L").save(folder / "grey.jpg")
    pil.fromarray(rgb).convert("CMYK").save(folder / "cmyk.jpg")
    images.write_png(folder / "rgba.png", frame(0, 64, 128))


def test_odd_files_are_prepared_or_reported_by_name_after_all_others_are_done(tmp_path):
    write_odd_pictures(tmp_path / "in")
    with pytest.raises(SalcompError, match="^3 of the pictures could not be prepared"):
        run(tmp_path / "in", tmp_path / "out", pattern="*")
    made = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert made == {"grey.png", "cmyk.png", "rgba.png"}


def test_an_odd_file_is_one_line_and_status_1_of_the_process(tmp_path):
    write_odd_pictures(tmp_path / "in")
    result = run_python(
        "-m",
        "data_prep.prepare",
        f"--input_glob={tmp_path / 'in'}",
        f"--output_dir={tmp_path / 'out'}",
        "--predictor=center",
        *SIZE,
        check=False,
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    for name, reason in {
        "truncated.png": "damaged or cut short",
        "text.png": "not an image",
        "dot.png": "1x1 pixels are fewer than those of the frame, 64x32",
    }.items():
        lines = [line for line in result.stderr.splitlines() if name in line]
        assert len(lines) == 2 and all(reason in line for line in lines)
    assert "rgba.png: its alpha channel is left out" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: 3 of the pictures")


def test_grey_and_cmyk_pictures_become_the_rgb_that_pillow_makes_of_them(tmp_path):
    write_odd_pictures(tmp_path / "in")
    for name in ("grey", "cmyk"):
        run(tmp_path / "in", tmp_path / "out", pattern=f"{name}.jpg")
        rgb = np.asarray(pil.open(tmp_path / "in" / f"{name}.jpg").convert("RGB"))
        rgba = np.asarray(pil.open(tmp_path / "out" / f"{name}.png"))
        expected = geometry.resize_rgb(rgb, 32, 64, "area")
        np.testing.assert_array_equal(rgba[..., :3], expected)


def test_a_map_that_is_the_same_everywhere_is_reported(pictures, tmp_path):
    images.write_png(tmp_path / "black.png", np.zeros((64, 128), np.uint8))
    result = run_python(
        "-m",
        "data_prep.prepare",
        f"--input_glob={pictures / 'test'}",
        f"--output_dir={tmp_path / 'out'}",
        "--predictor=file",
        f"--weights={tmp_path / 'black.png'}",
        *SIZE,
        check=False,
    )
    assert result.returncode == 1
    assert "its saliency map is 0 of 255 everywhere" in result.stderr


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "give --input_glob or --tfds_name"),
        (["--input_glob=a", "--tfds_name=b"], "give --input_glob or --tfds_name"),
        (["--input_glob=a"], "--output_dir is needed"),
        (["--input_glob=a", "--output_dir=b"], "sam-resnet needs --weights=PATH: "),
        (["--input_glob=a", "--output_dir=b", "--crop=x"], "--crop=x: give"),
        (
            ["--input_glob=a", "--output_dir=b", "--predictor=x"],
            "no predictor x; there are",
        ),
        (["--tfds_name=a", "--output_dir=b", "--runner=x"], "--runner reads files"),
        (["--input_glob=a", "--output_dir=b", "--blur=nan"], "--blur=nan is wider"),
        (["--input_glob=a", "--output_dir=b", "--blur=1e9"], "wider than the frames"),
        (["--input_glob=a", "--output_dir=b", "--tfds_data_dir=c"], "--tfds_name only"),
        (
            ["--input_glob=a", "--output_dir=gs://b", "--predictor=center"],
            "needs a --runner",
        ),
    ],
)
def test_a_mistake_in_the_flags_is_told(arguments, message):
    with pytest.raises(InputError, match=message):
        prepare.main(["prepare", *arguments])


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_half_way_ends_with_the_bytes_of_one_that_was_not(
    tmp_path, kill
):
    (tmp_path / "in").mkdir()
    kinds = [images.encode_png(frame(i, 256, 512)[..., :3]) for i in range(5)]
    for i in range(150):
        (tmp_path / "in" / f"{i:03}.png").write_bytes(kinds[i % len(kinds)])
    out = tmp_path / "out"
    run(tmp_path / "in", tmp_path / "whole", pattern="*")
    arguments = [
        sys.executable,
        "-m",
        "data_prep.prepare",
        f"--input_glob={tmp_path / 'in'}",
        f"--output_dir={out}",
        "--predictor=center",
        *SIZE,
        "--batch_size=1",
    ]
    process = subprocess.Popen(
        arguments,
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    while len(list(out.glob("*.png"))) < 5:
        assert process.poll() is None
        time.sleep(0.002)
    os.kill(process.pid, kill)
    status = process.wait(timeout=60)
    assert status == (-signal.SIGKILL if kill == signal.SIGKILL else 130)
    assert len(list(out.glob("*.png"))) < 150
    run(tmp_path / "in", out, pattern="*")
    assert contents(out) == contents(tmp_path / "whole")


def test_what_a_killed_process_left_is_removed(pictures, tmp_path):
    run(pictures, tmp_path / "out")
    before = contents(tmp_path / "out")
    (tmp_path / "out/train/.0123456789abcdef.tmp").touch()
    run(pictures, tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_frames_do_not_depend_on_workers_and_batches(pictures, tmp_path):
    run(pictures, tmp_path / "one", "--num_workers=1", "--batch_size=1")
    run(pictures, tmp_path / "many", "--num_workers=3", "--batch_size=2")
    assert contents(tmp_path / "one") == contents(tmp_path / "many")


def test_a_picture_that_fails_in_the_predictor_fails_alone(pictures, tmp_path):
    maps = tmp_path / "maps"
    maps.mkdir()
    images.write_png(maps / "a.png", frame(0, 64, 128)[..., 3])
    images.write_png(maps / "c.png", frame(0, 64, 128)[..., 3])
    with pytest.raises(SalcompError, match="^1 of the pictures could not be prepared"):
        run(pictures, tmp_path / "out", "--predictor=file", f"--weights={maps}")
    assert len(records(tmp_path / "out")) == 2


def test_beam_makes_the_same_bytes(pictures, tmp_path):
    pytest.importorskip("apache_beam")
    run(pictures, tmp_path / "here")
    run(pictures, tmp_path / "beam", "--runner=DirectRunner")
    assert contents(tmp_path / "beam") == contents(tmp_path / "here")
    run(pictures, tmp_path / "beam", "--runner=DirectRunner")
    assert contents(tmp_path / "beam") == contents(tmp_path / "here")


def test_beam_goes_on_where_it_was_killed_before_the_manifest(pictures, tmp_path):
    pytest.importorskip("apache_beam")
    run(pictures, tmp_path / "beam", "--runner=DirectRunner")
    before = contents(tmp_path / "beam")
    (tmp_path / "beam/manifest.jsonl").unlink()
    (tmp_path / "beam/train/a.png").unlink()
    run(pictures, tmp_path / "beam", "--runner=DirectRunner")
    assert contents(tmp_path / "beam") == before


def test_beam_reports_odd_files_after_all_others_are_done(tmp_path):
    pytest.importorskip("apache_beam")
    write_odd_pictures(tmp_path / "in")
    with pytest.raises(SalcompError, match="^3 of the pictures could not be prepared"):
        run(tmp_path / "in", tmp_path / "out", "--runner=DirectRunner", pattern="*")
    assert sorted(contents(tmp_path / "out")) == [
        "cmyk.png",
        "grey.png",
        "manifest.jsonl",
        "rgba.png",
    ]


def test_beam_refuses_an_unknown_runner(pictures, tmp_path):
    pytest.importorskip("apache_beam")
    with pytest.raises(InputError, match="--runner=SlowRunner: Unexpected"):
        run(pictures, tmp_path / "out", "--runner=SlowRunner")


def test_the_package_does_not_import_the_model():
    code = (
        "import sys, data_prep.prepare, data_prep.pipeline.local, data_prep.preview\n"
        "found = {'salcomp.model', 'salcomp.codec', 'tensorflow_compression'}\n"
        "sys.exit(bool(found & set(sys.modules)))"
    )
    run_python("-c", code)
