"""Tests of salcomp.recurrent.train: whole runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from salcomp import export
from salcomp.errors import DivergenceError
from salcomp.recurrent import train
from salcomp.recurrent.config import RECURRENT
from salcomp.recurrent.model import RecurrentCoder
from salcomp.runs import metrics_file
from salcomp.training import loop, run
from salcomp.zoo import exported
from tests.fixtures import refusal
from tests.salcomp.recurrent.conftest import STEPS, arguments


def test_each_step_and_validation_is_logged(finished):
    rows = metrics_file.read_rows(finished / "metrics.csv")
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    assert list(rows[0]) == ["step", *RecurrentCoder.step_terms, "learning_rate"]
    found = metrics_file.read_rows(finished / "validation.csv")
    assert [row["step"] for row in found] == [10, 20]
    assert list(found[0]) == ["step", *loop.VALIDATION_TERMS]
    for row in rows + found:
        assert np.isfinite(list(row.values())).all()


def test_training_lowers_error_and_code_length(finished):
    first, last = metrics_file.read_rows(finished / "validation.csv")
    rows = metrics_file.read_rows(finished / "metrics.csv")
    assert last["loss"] < first["loss"] < rows[0]["loss"]
    assert rows[-1]["bpp"] < rows[0]["bpp"]


@pytest.mark.parametrize("preset, norm", [("as_published", None), ("cpu", 1)])
def test_gradients_are_clipped_as_the_preset_says(preset, norm):
    assert run.optimizer(RECURRENT.make(preset)).global_clipnorm == norm


def test_tensorboard_has_terms_and_images(finished):
    tags = set()
    for events in finished.glob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(events)):
            tags |= {value.tag for value in event.summary.value}
    assert {*RecurrentCoder.step_terms, "validation/psnr", "reconstruction/0"} <= tags


def test_killed_run_goes_on_as_if_it_had_not_been_killed(
    finished, frames_glob, tmp_path, monkeypatch
):
    command = arguments(frames_glob, tmp_path)
    save = loop.Recorder.save

    def crash(recorder):
        if recorder.step == 13:  # its row is written, its checkpoint is not
            raise MemoryError
        if recorder.step == 12:
            save(recorder)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Recorder, "save", crash)
        with pytest.raises(MemoryError):
            train.main([*command, "--checkpoint_seconds=0"])
    train.main(command)
    for name in ("metrics.csv", "validation.csv", "model/fingerprint.txt"):
        assert (tmp_path / name).read_text() == (finished / name).read_text(), name


def test_run_with_other_flags_is_refused_with_their_names(finished, frames_glob):
    command = arguments(frames_glob, finished)
    message = refusal(train.main, [*command, "--cell=lstm"])
    assert "cell was 'gru' and is now 'lstm'" in message


def test_loss_that_is_not_finite_stops_the_run(frames_glob, tmp_path, monkeypatch):
    terms = dict.fromkeys(RecurrentCoder.step_terms, tf.constant(math.nan))
    monkeypatch.setattr(RecurrentCoder, "train_step", lambda model, batch: terms)
    message = refusal(
        train.main, arguments(frames_glob, tmp_path), error=DivergenceError
    )
    assert "not finite at step 1" in message


def test_older_checkpoint_is_exported_on_demand(finished, tmp_path, capsys):
    output = tmp_path / "old"
    export.main(["export", f"--workdir={finished}", "--step=0", f"--output={output}"])
    assert capsys.readouterr().out.strip() == str(output)
    assert exported.load(output, RecurrentCoder).step == 0
