"""Tests of the experiments, on models that are trained for seconds."""

from __future__ import annotations

import csv
import glob
import json
import math
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from data_prep import prepare
from experiments import (
    compare_reference,
    gtsdb_split,
    mask_storage,
    refinement,
    saliency_samples,
)
from experiments.benchmark_speed import __main__ as benchmark_speed
from experiments.demo import __main__ as demo
from experiments.demo import photograph
from experiments.dilation import __main__ as dilation
from experiments.gan_overfitting import __main__ as gan_overfitting
from experiments.gan_overfitting import reduced_frames
from salcomp.config.config import PRESETS, Config
from salcomp.data import scenes
from salcomp.errors import InputError
from tests.fixtures import frame, parts, refusal, save_frames


def run(tool, folder: Path, arguments: str) -> dict:
    """Runs an experiment; returns the record that it leaves in its folder, if any."""
    tool.main(["tool", *arguments.split(), f"--output_dir={folder}"])
    record = folder / "record.json"
    return json.loads(record.read_text()) if record.exists() else {}


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open()))


def width_of(path: Path) -> int:
    return Image.open(path).size[0]


def test_demo_writes_table_figure_and_record(frames_glob, zoo_folder, tmp_path):
    flags = "--acts=training --preset=smoke --steps=2 --lambda=0.01"
    where = f"--data={frames_glob} --start={zoo_folder / 'plain'}"
    record = run(demo, tmp_path, f"{flags} {where}")
    rows = rows_of(tmp_path / "table.csv")
    assert [row["arm"] for row in rows] == ["baseline", "saliency"]
    assert float(rows[0]["effective lambda"]) == pytest.approx(0.01)
    assert all(math.isfinite(float(row["EWPSNR"])) for row in rows)
    assert width_of(tmp_path / "figure.png") > 1000
    assert record["command"].startswith("python -m experiments.demo")


def test_demo_shows_a_photograph_at_one_size_also_without_a_network(
    tmp_path, monkeypatch, caplog
):
    caplog.set_level("INFO")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(photograph, "_STEPS", 3)
    no_network = mock.Mock(side_effect=InputError("no network"))
    monkeypatch.setattr(photograph.published, "bring", no_network)
    Image.fromarray(frame(0, 48, 64)[..., :3]).save(tmp_path / "photo.png")
    flags = f"--acts=photograph --photo={tmp_path / 'photo.png'} --bpp=0.5"
    record = run(demo, tmp_path / "demo", flags)
    assert "no network; the map will be a lesser predictor's" in caplog.text
    assert "where images have no map, spectral-residual makes one" in caplog.text
    labels = ["salcomp, uniform weights", "salcomp, weighted by the map"]
    assert list(record["photograph"]) == [*labels, "AVIF", "WebP"]
    assert width_of(tmp_path / "demo" / "photograph.png") > 1000
    page = (tmp_path / "demo" / "photograph.html").read_text()
    assert all(label in page for label in labels)


def test_demo_refuses_an_act_that_it_has_not(tmp_path):
    with pytest.raises(InputError, match="--acts: give photograph, training, or both"):
        run(demo, tmp_path / "demo", "--acts=dance")


def test_demo_refuses_frames_without_a_map_before_training(tmp_path):
    for name in "ab":
        Image.new("RGB", (128, 96)).save(tmp_path / f"{name}.png")
    with pytest.raises(InputError, match="no saliency map"):
        run(demo, tmp_path / "demo", f"--data={tmp_path}")
    assert not (tmp_path / "demo").exists()


def test_dilation_compares_the_codecs_and_goes_on_where_it_was(tmp_path):
    pattern = save_frames(tmp_path / "frames", 6, height=112, width=128)
    flags = "--preset=smoke --steps=3 --lambda=0.1 --seeds=1 --dilation_rates=2"
    flags += f" --data={pattern} --runs_dir={tmp_path / 'runs'}"
    record = run(dilation, tmp_path / "out", flags)
    rows = rows_of(tmp_path / "out" / "table.csv")
    assert [row["arm"] for row in rows] == ["plain", "dilated"]
    assert [row["receptive field"] for row in rows] == ["57", "89"]
    assert all(float(row["checkerboard"]) > 0 for row in rows)
    for name, least in (("figure", 1000), ("psnr-rgb", 300), ("training", 300)):
        assert width_of(tmp_path / "out" / f"{name}.png") > least
    assert record["steps"] == 3 and len(record["held_out"]) > 0
    assert record["bjontegaard"]["psnr-rgb"]["rate percent"] is None  # of one point
    steps = tmp_path / "runs" / "dilated-0.1-seed1" / "metrics.csv"
    trained = steps.stat().st_mtime_ns
    table = (tmp_path / "out" / "table.csv").read_bytes()
    run(dilation, tmp_path / "out", flags)
    assert steps.stat().st_mtime_ns == trained
    assert (tmp_path / "out" / "table.csv").read_bytes() == table


def test_dilation_gives_the_rate_that_dilated_layers_cost():
    def measured(lmbda, factor):
        quality = 30 + 5 * np.log(lmbda) + np.arange(3)
        values = {"bpp": factor * lmbda * np.ones(3), "psnr-rgb": quality}
        values["ms-ssim-rgb-db"] = np.full(3, np.nan)  # of small frames
        return types.SimpleNamespace(column=values.get)

    def seeds(*factors):
        return [[measured(lmbda, f) for lmbda in (1, 2, 3, 4)] for f in factors]

    arms = seeds(1, 1), seeds(1.2, 1.3)
    found = dilation._deltas("psnr-rgb", *arms)
    assert found["rate percent"]["value"] == pytest.approx(25, abs=0.01)
    loss = [-5 * np.log(factor) for factor in (1.2, 1.3)]  # along this curve
    assert found["quality dB per seed"] == pytest.approx(loss, abs=0.01)
    found = dilation._deltas("ms-ssim-rgb-db", *arms)
    assert found["rate percent"] is found["quality dB"] is None


@pytest.mark.parametrize(
    "flag",
    [
        *("--lambda=", "--lambda=x", "--seeds=", "--seeds=x", "--seeds=0,-1"),
        *("--dilation_rates=", "--dilation_rates=2,x", "--dilation_rates=2,0"),
        *("--preset=none", "--preset=stock_v2"),
    ],
)
def test_dilation_refuses_what_leaves_nothing_to_compare(flag, tmp_path):
    with pytest.raises(InputError, match="^(--)?(lambda|seed|dilation_rates|preset)"):
        run(dilation, tmp_path / "out", flag)
    assert not (tmp_path / "out").exists()


def test_dilation_refuses_frames_too_small_to_measure_before_training(tmp_path):
    pattern = save_frames(tmp_path / "frames", 2, height=64, width=96)
    flags = f"--preset=smoke --data={pattern} --runs_dir={tmp_path / 'runs'}"
    with pytest.raises(InputError, match="at least 112x112"):
        run(dilation, tmp_path / "out", flags)
    assert not (tmp_path / "runs").exists()


@pytest.fixture(scope="module")
def refined(tmp_path_factory):
    """A folder of what refinement under the alpha channel does to three frames."""
    folder = tmp_path_factory.mktemp("refined")
    for i in range(3):
        part = scenes.scene(1, i)[100:196, 200:328]  # [96, 128, 4]
        Image.fromarray(part).save(folder / f"{i}.png")
    flags = f"--images={folder} --maps=auto,shuffled-auto --refine_steps=2"
    with mock.patch("os.cpu_count", return_value=1):  # each thread would compile
        run(refinement, folder / "out", flags)
    return folder / "out", flags


def test_refinement_writes_a_row_per_image_model_and_arm(refined):
    folder, _ = refined
    rows = rows_of(folder / "per_image.csv")
    assert len({(row["arm"], row["model"], row["image"]) for row in rows}) == 48
    arms = json.loads((folder / "summary.json").read_text())["arms"]
    assert list(arms) == ["not refined", "uniform", "auto", "shuffled-auto"]
    rates = [float(row["bpp"]) for row in rows if row["arm"] == "uniform"]
    assert np.mean(arms["uniform"]["bpp"]) == pytest.approx(np.mean(rates))
    delta = arms["not refined"]["bd_rate_psnr"]
    assert delta["low"] <= delta["value"] <= delta["high"]
    assert delta["value"] > 0 and delta["overlap"] > 0.9


def test_refinement_goes_on_with_the_rows_that_are_there(refined, monkeypatch):
    folder, flags = refined
    table = folder / "per_image.csv"
    whole = table.read_text()
    *kept, last = whole.splitlines(keepends=True)
    table.write_text("".join(kept))
    coded = mock.Mock(side_effect=refinement.metrics.psnr)
    monkeypatch.setattr(refinement.metrics, "psnr", coded)
    run(refinement, folder, flags)
    assert coded.call_count == 1
    assert table.read_text() == whole
    assert "seed 0, not 1" in refusal(run, refinement, folder, f"{flags} --seed=1")


def test_refinement_ends_if_interrupted_while_its_threads_end(refined, monkeypatch):
    class Pool(ThreadPoolExecutor):
        def shutdown(self, *arguments, **options):
            super().shutdown(*arguments, **options)
            raise KeyboardInterrupt

    monkeypatch.setattr(refinement, "ThreadPoolExecutor", Pool)
    with pytest.raises(KeyboardInterrupt):
        run(refinement, *refined)


def test_refinement_refuses_models_that_see_the_map(tmp_path):
    flags = f"--images={save_frames(tmp_path / 'f', 1)} --models=saliency-1"
    assert "saliency-1 sees the map" in refusal(run, refinement, tmp_path, flags)


def test_operations_of_a_step_are_three_times_those_forward_but_for_the_input():
    config = Config(preset="stock_v2", **{**PRESETS["stock_v2"], "batchsize": 1})
    n, pixels = config.num_filters, config.patchsize**2
    first = 2 * 81 * 3 * n * pixels / 16
    second = 2 * 25 * n * n * pixels / 64
    third = second / 4
    norms = 2 * n * n * (pixels / 16 + pixels / 64)
    expected = 5 * first + 6 * (second + third + norms)
    assert benchmark_speed.step_flops(config) == pytest.approx(expected)


def test_reference_that_is_another_file_is_refused(tmp_path):
    path = tmp_path / "bls2017.py"
    path.write_text("x = 1")
    with pytest.raises(InputError, match="is not tensorflow/compression's"):
        compare_reference.main(["compare", f"--reference={path}"])


def test_bytes_of_a_mask_are_those_of_the_files(tmp_path):
    rgba = frame(0)
    rgb, saliency = parts(rgba)
    found = mask_storage.stored_bytes(rgb, saliency)
    np.savez(tmp_path / "m.npz", saliency)
    assert found["np.savez, float32"] == (tmp_path / "m.npz").stat().st_size
    np.savez_compressed(tmp_path / "m.npz", saliency.astype(np.float16))
    half = found["np.savez_compressed, float16"]
    assert half == (tmp_path / "m.npz").stat().st_size
    Image.fromarray(rgba).save(tmp_path / "m.png")
    extra = found["alpha channel of the PNG"]
    assert extra + found["(the RGB PNG itself)"] == (tmp_path / "m.png").stat().st_size


def test_mask_storage_writes_table_chart_and_record(frames_glob, tmp_path):
    flags = f"--images={frames_glob} --predictor=center"
    record = run(mask_storage, tmp_path, flags)
    table = {row["stored as"]: row for row in rows_of(tmp_path / "table.csv")}
    rows = rows_of(tmp_path / "per_frame.csv")
    name = "grey PNG, 8 bit"
    mean = np.mean([float(row[name]) for row in rows])
    assert float(table[name]["bytes"]) == pytest.approx(mean) and len(rows) == 12
    assert width_of(tmp_path / "figure.png") > 500
    assert record["frames"] == 12


def test_saliency_samples_draws_frames_and_names_their_predictor(tmp_path):
    pattern = save_frames(tmp_path / "in", 3)
    flags = f"--input_glob={pattern} --predictor=center --width=64 --height=32"
    run(prepare, tmp_path / "frames", flags)
    flags = f"--images={tmp_path / 'frames'} --num_frames=2"
    record = run(saliency_samples, tmp_path / "out", flags)
    assert record["predictor"] == "center"
    assert record["frames"] == ["frame00.png", "frame02.png"]
    assert width_of(tmp_path / "out/figure.png") > 500


@pytest.fixture
def gtsdb(tmp_path) -> Path:
    """The folder of the benchmark's frames; each holds its number."""
    (tmp_path / "all").mkdir()
    for number in range(900):
        (tmp_path / "all" / f"{number:05}.ppm").write_bytes(b"%d" % number)
    return tmp_path / "all"


def test_gtsdb_split_links_the_frames_of_both_sets(gtsdb, tmp_path):
    for _ in range(2):  # again: the links are renewed
        run(gtsdb_split, tmp_path / "sets", f"--source={gtsdb}")
    for name, count in {"train": 574, "test": 96}.items():
        assert len(list((tmp_path / "sets" / name).iterdir())) == count
    assert (tmp_path / "sets/test/gtsdb_00000.ppm").read_bytes() == b"0"
    names = {path.name for path in (tmp_path / "sets").rglob("*.ppm")}
    assert len(names) == 574 + 96


def test_gtsdb_split_writes_the_signs_in_the_pixels_of_the_frames(
    gtsdb, tmp_path, shared_data
):
    lines = "00000.ppm;774;411;815;446;11\n00001.ppm;0;0;40;40;3\n"
    (gtsdb / "gt.txt").write_text(lines)
    run(gtsdb_split, tmp_path / "sets", f"--source={gtsdb}")
    signs = json.loads((tmp_path / "sets/signs_test.json").read_text())
    known = json.loads((shared_data / "data/gtsdb512/signs_test.json").read_text())
    assert signs["gtsdb_00000.png"] == known["gtsdb_00000.png"]
    assert set(signs) == set(known)
    train = json.loads((tmp_path / "sets/signs_train.json").read_text())
    assert train["gtsdb_00001.png"] == []  # above the crop


def test_gtsdb_split_of_another_folder_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(InputError, match="has no frame 00001.ppm; --source is the"):
        run(gtsdb_split, tmp_path / "out", f"--source={tmp_path}")
    assert not (tmp_path / "out").exists()


def test_gtsdb_split_replaces_no_file(gtsdb, tmp_path):
    own = tmp_path / "out/train/gtsdb_00001.ppm"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    with pytest.raises(InputError, match="is no link"):
        run(gtsdb_split, tmp_path / "out", f"--source={gtsdb}")
    assert own.read_text() == "mine"


def test_gan_overfitting_goes_on_and_writes_table_figures_and_record(tmp_path):
    for part, count in (("train", 4), ("test", 2)):
        save_frames(tmp_path / "frames" / part, count, height=64, width=128)
    flags = f"--data={tmp_path / 'frames'} --runs_dir={tmp_path / 'runs'} --steps=4"
    flags += " --reduction=2 --train_frames=2 --validation_frames=1 --seeds=3"
    flags += " --width=0.02 --arms=as_published"
    run(gan_overfitting, tmp_path / "out", flags)
    metrics = tmp_path / "runs" / "as_published-seed3" / "metrics.csv"
    written = metrics.stat().st_mtime_ns
    record = run(gan_overfitting, tmp_path / "out", f"{flags},repaired")
    assert metrics.stat().st_mtime_ns == written  # was not trained again
    rows = {row["arm"]: row for row in rows_of(tmp_path / "out/table.csv")}
    assert float(rows["as_published"]["encoder gradient norm"]) == 0
    assert float(rows["repaired"]["encoder gradient norm"]) > 0
    assert set(rows["as_published"]["codes"].split()) <= {"0", "1", "2"}
    curves = rows_of(tmp_path / "out/curves.csv")
    assert [row["step"] for row in curves if row["arm"] == "repaired"] == list("1234")
    for name in ("curves", "training_set", "test_set"):
        drawn = np.asarray(Image.open(tmp_path / "out" / f"{name}.png").convert("RGB"))
        assert drawn.shape[1] > 500
        assert np.ptp(drawn.astype(int), axis=2).max() > 100  # lines, pictures
    assert (record["train_frames"], record["crop"]) == (2, "64x32")


def test_reduced_frames_are_in_one_set_each(tmp_path):
    for part, count in (("train", 7), ("test", 2)):
        save_frames(tmp_path / "frames" / part, count, height=64, width=128)
    sets = reduced_frames.prepare(str(tmp_path / "frames"), tmp_path / "r", 2, 3, 2, 9)
    assert (len(sets.train), len(sets.test), sets.crop) == (3, 2, (32, 2))
    names = {
        name: {Path(path).name for path in glob.glob(sets.pattern(name))}
        for name in ("train", "all", "validation")
    }
    assert names["train"] == {p.name for p in sets.train} < names["all"]
    assert (len(names["all"]), len(names["validation"])) == (5, 2)
    assert not names["all"] & names["validation"]
    with pytest.raises(InputError, match="there are 7"):
        reduced_frames.prepare(str(tmp_path / "frames"), tmp_path / "r", 2, 6, 2, 9)


def test_reduced_frames_are_means_of_each_channel_by_itself():
    rgba = frame(0, 9, 13)
    small = reduced_frames.reduced(rgba, 4)
    assert small.shape == (2, 3, 4)
    mean = np.round(rgba[4:8, 8:12].mean(axis=(0, 1)))
    np.testing.assert_array_equal(small[1, 2], mean)
