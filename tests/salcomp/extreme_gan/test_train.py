"""Tests of salcomp.extreme_gan.train: whole runs."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
import tensorflow as tf

from salcomp.errors import InputError
from salcomp.extreme_gan import evaluation, run, samples, train
from salcomp.extreme_gan import export as export_tool
from salcomp.extreme_gan.config import GanConfig
from salcomp.extreme_gan.model import SHARES, TERMS, ExtremeGan
from salcomp.files.images import read_image
from salcomp.model.base import named_variables
from salcomp.runs import folder as run_folder
from salcomp.training import loop
from salcomp.zoo import exported
from tests.fixtures import save_frames
from tests.salcomp.extreme_gan.conftest import STEPS, arguments
from tests.salcomp.extreme_gan.small import TINY


def rows_of(workdir):
    with open(workdir / "metrics.csv") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def encoder_change(workdir):
    """The largest change of a weight of the encoder from its initial value."""
    start = run.initial_model(run_folder.read_config(workdir, GanConfig))
    trained = exported.load(workdir, ExtremeGan).model
    initial = named_variables(start)
    return max(
        np.abs(variable.numpy() - initial[name].numpy()).max()
        for name, variable in named_variables(trained).items()
        if name.startswith("encoder/")
    )


def test_published_training_leaves_the_encoder_as_it_was_initialised(published):
    assert encoder_change(published) == 0
    assert {row["encoder_gradient_norm"] for row in rows_of(published)} == {0}


def test_repaired_training_trains_the_encoder(repaired):
    assert encoder_change(repaired) > 1e-3
    assert all(row["encoder_gradient_norm"] > 0 for row in rows_of(repaired))


def test_each_step_is_logged(repaired):
    rows = rows_of(repaired)
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    assert list(rows[0]) == ["step", *TERMS, "learning_rate"]
    assert np.isfinite([list(row.values()) for row in rows]).all()


def test_shares_of_the_centres_are_a_histogram(published, repaired):
    for workdir, low in ((published, 0), (repaired, -2)):
        for row in rows_of(workdir):
            assert sum(row[name] for name in SHARES) == pytest.approx(1)
            assert all(row[f"share_of_{c}"] == 0 for c in range(-2, low))
            assert 0 < row["bpp"] <= row["bpp_bound"]


def test_training_lowers_the_error(published):
    before = rows_of(published)[0]["mse"]  # of the first step, before its update
    assert evaluation.history(published)[-1]["train_mse"] < 0.9 * before


def test_published_run_holds_nothing_out_and_repaired_does(published, repaired):
    assert [row["step"] for row in evaluation.history(published)] == [20, 40, 50]
    for row in evaluation.history(published):
        assert row["train_mse"] > 0 and math.isnan(row["held_out_mse"])
    for row in evaluation.history(repaired):
        assert row["train_psnr"] > 3 and row["held_out_psnr"] > 3


def test_run_that_holds_frames_out_exports_the_best_on_them(repaired):
    step, _ = evaluation.best(repaired)
    assert exported.load(repaired, ExtremeGan).step == step


def test_published_run_exports_the_last_step(published):
    assert exported.load(published, ExtremeGan).step == STEPS


def test_best_is_the_least_error_so_far(tmp_path):
    path = tmp_path / "validation.csv"
    path.write_text("step,held_out_mse\n")
    assert evaluation.best(tmp_path) == (0, math.inf)
    path.write_text("step,held_out_mse\n10,5\n20,3\n30,4\n")
    assert evaluation.best(tmp_path) == (20, 3)


def test_samples_are_whole_frames_under_the_same_names(published):
    folder = published / "samples"
    steps = ["step_00000000", "step_00000030", "step_00000050"]
    assert sorted(p.name for p in folder.iterdir()) == ["originals", *steps]
    names = sorted(p.name for p in (folder / "originals").iterdir())
    assert names == ["frame00.png", "frame01.png", "frame02.png", "frame03.png"]
    for step in steps:
        assert sorted(p.name for p in (folder / step).iterdir()) == names
        assert read_image(folder / step / names[0]).rgb.shape == (96, 128, 3)


def test_frames_of_the_same_name_have_samples_of_their_own():
    assert samples.file_names(["a/x.png", "a/y z.png"]) == ["x", "y_z"]
    names = samples.file_names(["a/x.png", "b/x.png", "b/0_x.png"])
    assert len(set(names)) == 3


def test_best_model_is_not_replaced_by_the_last(repaired):
    before = sorted((p.name, p.read_bytes()) for p in (repaired / "model").iterdir())
    with pytest.raises(InputError, match="--output"):
        export_tool.main(["export", f"--workdir={repaired}"])
    after = sorted((p.name, p.read_bytes()) for p in (repaired / "model").iterdir())
    assert before == after


def test_samples_of_a_run_that_holds_frames_out_are_of_those(repaired):
    data = json.loads((repaired / "config.json").read_text())["data"]
    count = int(data["validation frames"].split()[0])
    assert len(list((repaired / "samples" / "originals").iterdir())) == count


def test_tensorboard_has_terms_codes_and_images(repaired):
    tags = set()
    for events in repaired.glob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(events)):
            tags |= {value.tag for value in event.summary.value}
    for name in ("train", "held_out"):
        assert {f"{name}/{what}" for what in ("mse", "psnr", "ms_ssim")} <= tags
        assert {f"{name}/codes", f"{name}/reconstruction/0"} <= tags
    assert set(TERMS) <= tags


def test_killed_run_goes_on_as_if_it_had_not_been_killed(
    repaired, frames_glob, tmp_path, monkeypatch
):
    command = arguments("repaired", frames_glob, tmp_path)
    save = loop.Recorder.save

    def crash(recorder):
        if recorder.step == 34:  # its row is written, its checkpoint is not
            raise MemoryError
        if recorder.step == 33:
            save(recorder)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Recorder, "save", crash)
        with pytest.raises(MemoryError):
            train.main([*command, "--checkpoint_seconds=0"])
    train.main(command)
    for name in ("metrics.csv", "validation.csv", "model/fingerprint.txt"):
        assert (tmp_path / name).read_text() == (repaired / name).read_text(), name


def refusal(*arguments):
    with pytest.raises(InputError) as caught:
        train.main(["train", *TINY, *arguments])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_run_with_other_flags_is_refused_with_their_names(published, frames_glob):
    command = arguments("as_published", frames_glob, published)
    assert "noise was True and is now False" in refusal(*command[1:], "--nonoise")


def test_frames_smaller_than_the_crops_are_refused(tmp_path):
    pattern = save_frames(tmp_path / "frames", 3, height=32, width=60)
    workdir = tmp_path / "run"
    message = refusal(f"--train_glob={pattern}", f"--workdir={workdir}")
    assert "60x32 pixels, smaller than 64x32" in message and "patchsize" in message
    assert not workdir.exists()
