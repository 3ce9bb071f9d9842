"""Tests of the experiments, on models that are trained for seconds."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
from PIL import Image

from experiments import benchmark_speed, compare_reference, demo, refinement
from salcomp.config import PRESETS, Config
from salcomp.errors import InputError


def test_most_salient_window_is_where_the_map_is():
    saliency = np.zeros((100, 200), np.uint8)
    saliency[40:50, 150:160] = 255
    top, left = demo._most_salient(saliency, 20, 30)
    assert top <= 40 and top + 20 >= 50
    assert left <= 150 and left + 30 >= 160


def test_demo_writes_table_figure_and_record(frames_glob, tmp_path):
    folder = tmp_path / "demo"
    demo.main(
        ["demo", "--preset=smoke", "--start_steps=3", "--arm_steps=2"]
        + [f"--data={frames_glob}", f"--output_dir={folder}"]
    )
    rows = list(csv.DictReader((folder / "table.csv").open()))
    assert [row["arm"] for row in rows] == ["baseline", "saliency"]
    assert float(rows[0]["effective lambda"]) == pytest.approx(0.01)
    assert all(math.isfinite(float(row["EWPSNR"])) for row in rows)
    assert Image.open(folder / "figure.png").size[0] > 1000
    record = json.loads((folder / "record.json").read_text())
    assert record["command"].startswith("python -m experiments.demo")


def test_demo_refuses_frames_without_a_map_before_training(tmp_path):
    for name in "ab":
        Image.new("RGB", (128, 96)).save(tmp_path / f"{name}.png")
    with pytest.raises(InputError, match="no saliency map"):
        demo.main(["demo", f"--data={tmp_path}", f"--output_dir={tmp_path / 'demo'}"])
    assert not (tmp_path / "demo" / "start").exists()


def test_saving_is_read_off_the_curve_at_the_quality_of_the_control():
    means = {
        "uniform": {"bpp": 1.0, "ewpsnr": 30.0},
        "low": {"bpp": 0.5, "ewpsnr": 29.0},
        "high": {"bpp": 2.0, "ewpsnr": 31.0},
    }
    saved = refinement.saving(means, "uniform", ["high", "low"])
    assert saved == pytest.approx(0)
    means["uniform"]["bpp"] = 1.25
    assert refinement.saving(means, "uniform", ["high", "low"]) == pytest.approx(0.2)
    means["uniform"]["ewpsnr"] = 32.0
    assert math.isnan(refinement.saving(means, "uniform", ["high", "low"]))


def test_refinement_writes_a_row_per_image_and_kind(workdir, frames_glob, tmp_path):
    images = frames_glob.replace("*", "*0*")
    refinement.main(
        ["refinement", f"--model={workdir}", f"--images={images}"]
        + [f"--output_dir={tmp_path}", "--refine_steps=2", "--lambda_factors=1,0.5"]
    )
    rows = list(csv.DictReader((tmp_path / "per_image.csv").open()))
    assert len(rows) == 4 * len({row["image"] for row in rows}) > 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert set(summary["means"]) == {row["refinement"] for row in rows}


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
