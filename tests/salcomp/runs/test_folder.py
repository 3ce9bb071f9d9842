"""The folder of a run and its checkpoints."""

from __future__ import annotations

import dataclasses
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.runs import folder as run_folder
from salcomp.runs.checkpoints import Checkpoints
from tests.fixtures import refusal, small_config, weights_of

CONFIG = small_config()
DATA = {"frames": 3, "first_frame": "a.png", "last_frame": "c.png", "init_from": None}


def compiled(seed=0):
    tf.keras.utils.set_random_seed(seed)
    model = SaliencyCodec(CONFIG)
    model.compile(optimizer=tf.keras.optimizers.Adam(1e-3))
    return model


def same_weights(first, second):
    expected = weights_of(second)
    return all((w == expected[n]).all() for n, w in weights_of(first).items())


def test_started_run_has_its_configuration_in_json(tmp_path):
    workdir = tmp_path / "deep" / "run"
    run_folder.start(str(workdir), CONFIG, DATA)
    written = json.loads((workdir / "config.json").read_text())
    config = json.loads(json.dumps(dataclasses.asdict(CONFIG)))
    assert written == {"config": config, "data": DATA}
    assert run_folder.read_config(str(workdir)) == CONFIG


@pytest.fixture
def workdir(tmp_path):
    """The folder of a run that has saved a checkpoint."""
    workdir = str(tmp_path / "run")
    run_folder.start(workdir, CONFIG, DATA)
    Checkpoints(workdir, compiled()).save(0)
    return workdir


def test_same_run_starts_again(workdir):
    run_folder.start(workdir, CONFIG, DATA)


def test_same_dilated_run_starts_again(tmp_path):
    config = dataclasses.replace(CONFIG, dilation_rates=(2, 4))
    (tmp_path / "checkpoints").mkdir()
    written = {"config": dataclasses.asdict(config), "data": DATA}
    (tmp_path / "config.json").write_text(json.dumps(written))
    run_folder.start(str(tmp_path), config, DATA)


def test_run_of_before_a_field_was_added_goes_on(workdir):
    path = pathlib.Path(workdir, "config.json")
    written = json.loads(path.read_text())
    for name in CONFIG.defaults():
        del written["config"][name]
    path.write_text(json.dumps(written))
    run_folder.start(workdir, CONFIG, DATA)
    assert run_folder.read_config(workdir) == CONFIG


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"lmbda": 0.5}, "0.5"),
        ({"distortion": "l1"}, "distortion was 'mse' and is now 'l1'"),
        ({"dilation_rates": (2,)}, "dilation_rates was [] and is now [2]"),
        ({"patchsize": 64}, "patchsize was 32 and is now 64"),
        ({"seed": 1, "saliency_floor": 0.2}, "seed"),
        ({"seed": 1, "saliency_floor": 0.2}, "saliency_floor"),
    ],
)
def test_run_with_other_flags_is_refused_with_their_names(workdir, changes, named):
    other = dataclasses.replace(CONFIG, **changes)
    message = refusal(run_folder.start, workdir, other, DATA)
    assert named in message and "choose another folder" in message


def test_run_on_other_frames_is_refused(workdir):
    message = refusal(run_folder.start, workdir, CONFIG, {**DATA, "frames": 4})
    assert "frames was 3 and is now 4" in message


def test_run_that_saved_nothing_may_start_anew_with_other_flags(tmp_path):
    workdir = str(tmp_path / "run")
    run_folder.start(workdir, CONFIG, DATA)
    other = dataclasses.replace(CONFIG, lmbda=0.5)
    run_folder.start(workdir, other, DATA)
    assert run_folder.read_config(workdir) == other


def test_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path):
    model = compiled()
    checkpoints = Checkpoints(str(tmp_path), model)
    checkpoints.save(1)
    checkpoints.save(2)
    (data,) = (tmp_path / "checkpoints").glob("step-2.data*")
    data.write_bytes(data.read_bytes()[:100])
    other = compiled(seed=1)
    assert Checkpoints(str(tmp_path), other).restore() == 1
    assert same_weights(model, other)


def test_folder_with_other_files_is_not_used_for_a_run(tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    assert "not empty" in refusal(run_folder.start, str(tmp_path), CONFIG, DATA)


def test_folder_without_a_run_has_no_configuration(tmp_path):
    assert str(tmp_path) in refusal(run_folder.read_config, str(tmp_path))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"config": 1, "data": {}}', "{}"])
def test_config_file_that_is_none_is_refused_by_name(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    assert "config.json" in refusal(run_folder.read_config, str(tmp_path))


def test_restored_optimizer_goes_on_as_if_it_had_not_stopped(tmp_path):
    model = compiled()
    variables = model.trainable_variables
    gradients = [tf.ones_like(v) for v in variables]
    model.optimizer.apply_gradients(zip(gradients, variables))
    Checkpoints(str(tmp_path), model).save(1)
    other = compiled(1)
    Checkpoints(str(tmp_path), other).restore()
    for one in (model, other):
        gradients = [0.5 * tf.ones_like(v) for v in one.trainable_variables]
        one.optimizer.apply_gradients(zip(gradients, one.trainable_variables))
    assert int(other.optimizer.iterations) == 2
    assert same_weights(model, other)


def test_checkpoint_restores_into_a_model_without_an_optimizer(tmp_path):
    model = compiled()
    Checkpoints(str(tmp_path), model).save(2)
    other = SaliencyCodec(CONFIG)
    assert Checkpoints(str(tmp_path), other).restore() == 2
    assert same_weights(model, other)


def test_newest_three_checkpoints_are_kept_and_any_can_be_restored(tmp_path):
    model = compiled()
    checkpoints = Checkpoints(str(tmp_path), model)
    for step in range(1, 6):
        model.synthesis.convs[0].bias.assign(np.full(4, step))
        checkpoints.save(step)
    assert checkpoints.steps() == [3, 4, 5]
    assert Checkpoints(str(tmp_path), model).restore(4) == 4
    assert model.synthesis.convs[0].bias.numpy().tolist() == [4] * 4


def test_checkpoint_that_there_is_not_is_refused_with_those_there_are(tmp_path):
    checkpoints = Checkpoints(str(tmp_path), compiled())
    checkpoints.save(7)
    message = refusal(checkpoints.restore, 8)
    assert "no checkpoint of step 8" in message and "7" in message


def test_run_without_a_checkpoint_starts_at_step_0(tmp_path):
    assert Checkpoints(str(tmp_path), compiled()).restore() == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_not_saved(tmp_path, value):
    model = compiled()
    checkpoints = Checkpoints(str(tmp_path), model)
    model.synthesis.convs[0].bias.assign(np.full(4, value))
    assert not checkpoints.save(1)
    assert checkpoints.steps() == []


def test_moved_run_finds_its_checkpoints(tmp_path):
    checkpoints = Checkpoints(str(tmp_path / "old"), compiled())
    checkpoints.save(1)
    checkpoints.save(2)
    (tmp_path / "old").rename(tmp_path / "new")
    assert Checkpoints(str(tmp_path / "new"), compiled(1)).restore() == 2
