"""Tests of salcomp.train: whole runs."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from salcomp import cli, train
from salcomp.codec import base
from salcomp.config import weighting
from salcomp.config.schedules import SCHEDULES
from salcomp.data import batches
from salcomp.errors import DivergenceError, InputError
from salcomp.model.base import named_variables
from salcomp.model.saliency_codec import Objective, SaliencyCodec
from salcomp.runs import folder as run_folder
from salcomp.runs.checkpoints import Checkpoints
from salcomp.training import flags, loop, run
from salcomp.zoo import exported
from tests.fixtures import (
    ROOT,
    SMOKE,
    frame,
    parts,
    run_python,
    save_frames,
    small_config,
)

TINY = ("--preset=smoke", "--num_filters=4", "--patchsize=32")
# Flags of the priors, after those.
PRIORS = {
    "factorized": (),
    "hyper": ("--prior=hyper", "--rates=2", "--lambda_span=8", "--patchsize=64"),
}


def rows_of(workdir, name="metrics.csv"):
    with open(workdir / name) as file:
        return list(csv.DictReader(file))


def refusal(*arguments):
    with pytest.raises(InputError) as caught:
        train.main(["train", *arguments])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_finished_run_has_a_metrics_row_per_step(workdir):
    rows = rows_of(workdir)
    assert [int(row["step"]) for row in rows] == list(range(1, 201))


def test_metrics_have_the_documented_columns_and_finite_values(workdir):
    rows = rows_of(workdir)
    columns = "step loss bpp mse weighted_mse effective_lambda learning_rate".split()
    assert list(rows[0]) == columns
    assert np.isfinite([[float(value) for value in row.values()] for row in rows]).all()


def test_metrics_add_up_to_the_loss(workdir):
    for row in rows_of(workdir):
        value = {name: float(cell) for name, cell in row.items()}
        loss = value["bpp"] + 0.01 * value["weighted_mse"]
        assert value["loss"] == pytest.approx(loss, rel=1e-4)
        same = value["bpp"] + value["effective_lambda"] * value["mse"]
        assert value["loss"] == pytest.approx(same, rel=1e-4)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_optimizer_takes_the_learning_rate_that_is_recorded(schedule):
    """Under a constant gradient Adam moves a weight by the learning rate."""
    settings = small_config(learning_rate_schedule=schedule, last_step=40)
    optimizer = run.compiled(settings).optimizer
    weight = tf.Variable(0.0)
    optimizer.build([weight])
    for step in range(1, 41):
        before = weight.numpy()
        optimizer.apply_gradients([(tf.constant(1.0), weight)])
        rate = settings.learning_rate_of(step)
        assert before - weight.numpy() == pytest.approx(rate, rel=1e-3)


def test_training_lowers_the_loss(workdir):
    losses = [float(row["loss"]) for row in rows_of(workdir)]
    assert np.mean(losses[-40:]) < 0.9 * np.mean(losses[:40])


def test_validation_is_written_every_so_many_steps(workdir):
    rows = rows_of(workdir, "validation.csv")
    assert [row["step"] for row in rows] == ["100", "200"]
    for row in rows:
        assert float(row["psnr"]) > 10 and float(row["ewpsnr"]) > 10


def test_tensorboard_has_each_steps_terms_and_the_images(workdir):
    events = next(workdir.glob("events.*"))
    scalars, tags = {}, set()
    for event in tf.compat.v1.train.summary_iterator(str(events)):
        for value in event.summary.value:
            tags.add(value.tag)
            if value.tag == "bpp":
                scalars[event.step] = float(tf.make_ndarray(value.tensor))
    expected = {int(r["step"]): float(r["bpp"]) for r in rows_of(workdir)}
    assert scalars == pytest.approx(expected)
    images = {f"{n}/0" for n in ("original", "reconstruction", "saliency")}
    assert images | {"effective_lambda", "validation/ewpsnr"} <= tags


def test_configuration_keeps_the_mean_weight_of_the_training_frames(workdir):
    config = run_folder.read_config(workdir)
    data = json.loads((workdir / "config.json").read_text())["data"]
    count = int(data["training frames"].split()[0])
    pictures = [frame(i) for i in range(12)]
    means = [np.maximum(p[..., 3] / 255, 0.1).mean() for p in pictures]
    assert 1 <= count < 12
    assert min(means) < config.weight_mean < max(means)


@pytest.fixture
def finished(workdir, tmp_path):
    """A copy of the finished run that a test may change."""
    return shutil.copytree(workdir, tmp_path / "run")


def same_command(frames_glob, workdir, *more):
    shared = ["--validate_every=100", f"--train_glob={frames_glob}"]
    return [*SMOKE, *shared, f"--workdir={workdir}", *more]


def test_finished_run_that_is_started_again_is_only_exported(
    finished, frames_glob, capsys
):
    fingerprint = (finished / "model" / "fingerprint.txt").read_text()
    metrics = (finished / "metrics.csv").read_text()
    shutil.rmtree(finished / "model")
    train.main(["train", *same_command(frames_glob, finished)])
    assert (finished / "model" / "fingerprint.txt").read_text() == fingerprint
    assert (finished / "metrics.csv").read_text() == metrics
    assert capsys.readouterr().out.strip() == str(finished / "model")


def test_run_with_other_flags_is_refused_with_their_names(finished, frames_glob):
    message = refusal(
        *same_command(frames_glob, finished, "--lambda=0.5", "--saliency_floor=0.3")
    )
    assert "lambda was 0.01 and is now 0.5" in message
    assert "saliency_floor was 0.1 and is now 0.3" in message


def test_run_on_other_frames_is_refused(finished, tmp_path):
    other = save_frames(tmp_path / "other", 5)
    assert "frames was" in refusal(*same_command(other, finished))


def test_argument_that_is_no_flag_is_refused():
    assert "flags" in refusal("frames/*.png")


def test_frames_smaller_than_the_crops_are_refused_before_a_run_begins(tmp_path):
    pattern = save_frames(tmp_path / "frames", 3, height=30, width=30)
    workdir = tmp_path / "run"
    message = refusal(*TINY, f"--train_glob={pattern}", f"--workdir={workdir}")
    assert "patchsize" in message
    assert not workdir.exists()


def test_workers_without_a_cluster_are_refused(monkeypatch, frames_glob):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert "TF_CONFIG" in refusal(*TINY, "--strategy=multi_worker")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "runs/blog-saliency"),
        (["--nosaliency"], "runs/blog-baseline"),
        (["--preset=cpu", "--noweight_distortion"], "runs/cpu-saliency"),
    ],
)
def test_default_workdir_tells_what_is_trained(arguments, expected):
    train.cli.parse(train.FLAGS, ["train", *arguments], "")
    settings = flags.config_from_flags(train.FLAGS)
    assert train.default_workdir(settings) == os.path.join(*expected.split("/"))


def test_loss_that_is_not_finite_ends_the_run_with_what_is_needed(
    tmp_path, frames_glob
):
    workdir = tmp_path / "run"
    arguments = (*TINY, f"--train_glob={frames_glob}", f"--workdir={workdir}")
    with pytest.raises(DivergenceError) as caught:
        train.main(["train", *arguments, "--learning_rate=1e30"])
    message = str(caught.value)
    assert "\n" not in message
    assert "step 2" in message and "1e+30" in message
    assert "last good checkpoint: step 0" in message
    assert [row["step"] for row in rows_of(workdir)] == ["1"]


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory, frames_glob):
    """The folder of a run that the user stops while the fifth of six steps is taken.

    Python sees the signal when TensorFlow returns, before any callback.
    """
    workdir = tmp_path_factory.mktemp("interrupted") / "run"
    arguments = [*TINY, "--last_step=6", f"--train_glob={frames_glob}"]
    after_step = loop.Progress.after_step

    def press_control_c(progress, terms):
        if progress.step == 5:
            signal.raise_signal(signal.SIGINT)
        after_step(progress, terms)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.Progress, "after_step", press_control_c)
        with pytest.raises(KeyboardInterrupt):
            train.main(["train", *arguments, f"--workdir={workdir}"])
    return workdir


def test_checkpoint_of_an_interrupted_run_is_named_by_the_steps_it_has_taken(
    interrupted,
):
    model = run.compiled(run_folder.read_config(interrupted))
    step = Checkpoints(interrupted, model).restore()
    assert step == int(model.optimizer.iterations)


def test_interrupted_run_keeps_the_metrics_of_the_steps_it_has_taken(interrupted):
    model = SaliencyCodec(run_folder.read_config(interrupted))
    last = Checkpoints(interrupted, model).steps()[-1]
    steps = [int(row["step"]) for row in rows_of(interrupted)]
    assert steps == list(range(1, last + 1))


@contextlib.contextmanager
def files_of_at_most(size: int):
    """Lets no file grow beyond a size, as a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk_keeps_the_last_checkpoint_and_the_same_command_goes_on(
    interrupted, frames_glob, tmp_path
):
    workdir = shutil.copytree(interrupted, tmp_path / "run")
    arguments = [*TINY, "--last_step=6", f"--train_glob={frames_glob}"]
    arguments.append(f"--workdir={workdir}")
    with files_of_at_most(20_000):
        message = refusal(*arguments)
    assert f"{workdir}: cannot be written (" in message
    assert "the checkpoint of step 5 is kept" in message
    assert not list(workdir.glob("checkpoints/step-6*"))
    train.main(["train", *arguments])
    assert [int(row["step"]) for row in rows_of(workdir)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("channels", [slice(0, 3), slice(3, 4)])
def test_frames_of_other_pixels_or_maps_are_refused_under_a_run(
    interrupted, tmp_path, channels
):
    """Though their names, their sizes and the mean of their maps are the same."""
    workdir = shutil.copytree(interrupted, tmp_path / "run")
    pattern = save_frames(tmp_path / "frames", 12)
    path = tmp_path / "frames" / "frame05.png"
    rgba = np.array(Image.open(path))
    rgba[..., channels] = rgba[::-1, :, channels]
    Image.fromarray(rgba).save(path)
    arguments = (*TINY, "--last_step=6", f"--train_glob={pattern}")
    message = refusal(*arguments, f"--workdir={workdir}")
    assert "contents was" in message and "frames was" not in message


def test_frames_whose_names_are_not_utf_8_are_trained_on(tmp_path):
    pattern = save_frames(tmp_path / os.fsdecode(b"\xe9 [1]"), 3)
    for path in (tmp_path / os.fsdecode(b"\xe9 [1]")).iterdir():
        path.rename(path.with_name(os.fsdecode(b"caf\xe9") + path.name))
    arguments = (*TINY, "--last_step=1", f"--train_glob={pattern}")
    train.main(["train", *arguments, f"--workdir={tmp_path / 'run'}"])
    assert len(rows_of(tmp_path / "run")) == 1


def test_second_signal_ends_a_run_at_once():
    told = []
    with cli.stopped_between_steps(lambda: told.append(1)) as stopped:
        signal.raise_signal(signal.SIGINT)
        assert told == [1] and stopped == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_interrupted_run_compresses_without_an_export(interrupted, tmp_path):
    workdir = shutil.copytree(interrupted, tmp_path / "run")
    assert not (workdir / "model").exists()
    codec = base.load(exported.ready(workdir))
    encoded = codec.encode(*parts(frame(0)))
    assert (codec.decode(encoded.data) == encoded.reconstruction).all()


def test_conditioned_run_begins_as_the_baseline_that_it_starts_from(
    tmp_path, frames_glob
):
    """Its first step has the rate and error of the baseline on the same batch."""
    arguments = [*TINY, f"--train_glob={frames_glob}"]
    train.cli.parse(train.FLAGS, ["train", *arguments], "")
    settings = flags.config_from_flags(train.FLAGS)
    tf.keras.utils.set_random_seed(5)
    baseline_config = dataclasses.replace(
        settings, condition_encoder=False, weight_distortion=False
    )
    baseline = SaliencyCodec(baseline_config)
    exported.save(baseline, 1, tmp_path / "baseline")
    found, _ = flags.training_and_validation(train.FLAGS, settings)
    means = weighting.image_means(found.level_counts, settings)
    rgba, means, noise = batches.examples(found, means, settings, 0, 0, 2)
    expected, _ = baseline.gradients(
        rgba, means, noise, Objective.of(baseline_config), rgba[..., 0].size
    )
    workdir = tmp_path / "run"
    train.main(
        [
            "train",
            *arguments,
            "--last_step=1",
            f"--init_from={tmp_path / 'baseline'}",
            f"--workdir={workdir}",
        ]
    )
    (row,) = rows_of(workdir)
    assert float(row["bpp"]) == pytest.approx(float(expected["bpp"]), rel=1e-4)
    assert float(row["mse"]) == pytest.approx(float(expected["mse"]), rel=1e-4)
    variables = named_variables(exported.load(workdir).model)
    kernel = variables["analysis/convs/0/kernel/coefficients"]
    assert np.abs(kernel[:, 3]).max() > 0  # and then learns to use the map


def test_checkpoint_of_a_step_is_saved_after_its_validation(
    tmp_path, frames_glob, monkeypatch
):
    """Else a run that is killed in between would never have that validation."""
    arguments = [*TINY, "--last_step=6", f"--train_glob={frames_glob}"]
    workdir = tmp_path / "run"

    def crash(*_):
        raise MemoryError

    monkeypatch.setattr(loop, "validate", crash)
    with pytest.raises(MemoryError):
        train.main(
            [
                "train",
                *arguments,
                "--validate_every=4",
                "--checkpoint_seconds=0",
                f"--workdir={workdir}",
            ]
        )
    model = SaliencyCodec(run_folder.read_config(workdir))
    assert Checkpoints(workdir, model).steps()[-1] == 3


def deterministic(frames_glob, workdir):
    return [
        *TINY,
        "--deterministic",
        "--last_step=24",
        "--checkpoint_seconds=0",
        "--validate_every=7",
        f"--train_glob={frames_glob}",
        f"--workdir={workdir}",
    ]


_RESUMED_AND_WHOLE = """
import json, sys
from salcomp import train
for arguments in map(json.loads, sys.argv[1:]):
    train.main(["train", *arguments])
"""


@pytest.fixture(
    scope="module",
    params=["factorized", pytest.param("hyper", marks=pytest.mark.long)],
)
def killed_and_whole(request, tmp_path_factory, frames_glob):
    """The folders of a run that was killed and went on, and of one that was not."""
    folder = tmp_path_factory.mktemp("killed")
    commands = [
        [*deterministic(frames_glob, folder / name), *PRIORS[request.param]]
        for name in ("killed", "whole")
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "salcomp.train", *commands[0]],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    checkpoints, step = folder / "killed" / "checkpoints", random.randint(1, 14)
    deadline = time.monotonic() + 90
    while not (checkpoints / f"step-{step}.index").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGSTOP)
    rows = (folder / "killed" / "metrics.csv").read_bytes()
    tiny = *TINY, *PRIORS[request.param]
    twice = refusal(*tiny, f"--train_glob={frames_glob}", f"--workdir={folder}/killed")
    assert (folder / "killed" / "metrics.csv").read_bytes() == rows
    process.send_signal(signal.SIGCONT)
    time.sleep(random.uniform(0, 0.05))
    process.send_signal(signal.SIGKILL)
    process.wait()
    stopped = len((folder / "killed" / "metrics.csv").read_text().splitlines()) - 1
    run_python("-c", _RESUMED_AND_WHOLE, *map(json.dumps, commands))
    return folder / "killed", folder / "whole", stopped, twice


@pytest.mark.kernels
def test_killed_run_goes_on_as_if_it_had_not_been_killed(killed_and_whole):
    killed, whole, stopped, _ = killed_and_whole
    assert 0 < stopped < 24, "the run was not killed on its way"
    assert (killed / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()


def test_second_start_in_a_workdir_is_refused_while_the_first_is_at_work(
    killed_and_whole,
):
    assert "another process is at work there" in killed_and_whole[3]


def test_killed_run_ends_with_the_same_validation(killed_and_whole):
    killed, whole, *_ = killed_and_whole
    assert rows_of(killed, "validation.csv") == rows_of(whole, "validation.csv")


def test_killed_run_ends_with_the_same_model(killed_and_whole):
    killed, whole, *_ = killed_and_whole
    fingerprints = [run / "model" / "fingerprint.txt" for run in (killed, whole)]
    assert fingerprints[0].read_text() == fingerprints[1].read_text()


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.mark.parametrize("prior", PRIORS)
def test_two_workers_train_one_model_that_compresses(tmp_path, frames_glob, prior):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in _free_ports(2)]}
    workdir = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "salcomp.train",
        *TINY,
        *PRIORS[prior],
        "--last_step=4",
        "--strategy=multi_worker",
        f"--train_glob={frames_glob}",
        f"--workdir={workdir}",
    ]
    workers = []
    for index in range(2):
        task = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        workers.append(
            subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "TF_CONFIG": json.dumps(task)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    try:
        outputs = [worker.communicate(timeout=110)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(outputs)
    assert [row["step"] for row in rows_of(workdir)] == ["1", "2", "3", "4"]
    codec = base.load(exported.ready(workdir))
    encoded = codec.encode(*parts(frame(0)))
    assert (codec.decode(encoded.data) == encoded.reconstruction).all()


_MODULES = """
import sys
import salcomp.compress, salcomp.decompress, salcomp.evaluate, salcomp.codec.encoders
print(sorted({name.split(".")[0] for name in sys.modules}))
"""


def test_tools_that_use_a_model_import_neither_datasets_nor_plots():
    modules = run_python("-c", _MODULES).stdout
    assert "tensorflow_compression" in modules
    assert "tensorflow_datasets" not in modules and "matplotlib" not in modules
