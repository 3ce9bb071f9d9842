"""An exported step: made in TensorFlow, run in JAX without it, and taken home."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from salcomp import compress, decompress, export_step, run_step, train
from salcomp.accelerator import exported_step
from salcomp.errors import InputError
from salcomp.model.base import named_variables
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.runs import state as training_state
from tests.fixtures import ROOT, save_frames

SMALL = ("--preset=smoke", "--num_filters=4", "--patchsize=32", "--last_step=50")
_JAX_PYTHON = ROOT / ".venv-jax" / "bin" / "python"


@pytest.fixture(scope="session")
def jax_python() -> str:
    """An interpreter that has JAX and no TensorFlow."""
    python = os.environ.get("SALCOMP_JAX_PYTHON", str(_JAX_PYTHON))
    if not os.path.exists(python):
        pytest.skip("needs JAX in .venv-jax, which `make test` makes (Python 3.10 on)")
    return python


@pytest.fixture(scope="session")
def step(tmp_path_factory):
    """The folder of an exported step."""
    folder = tmp_path_factory.mktemp("exported") / "step"
    export_step.main(["export_step", *SMALL, f"--output={folder}"])
    return folder


@pytest.fixture(scope="session")
def reference(tmp_path_factory, frames_glob):
    """The same 50 steps by the trainer."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    train.main(["train", *SMALL, f"--train_glob={frames_glob}", f"--workdir={folder}"])
    return folder


def run(python, step, frames_glob, output, runs, *arguments, **kwargs):
    output.mkdir(parents=True, exist_ok=True)
    path = output.parent / f"{output.name}.json"
    path.write_text(json.dumps(runs))
    command = [
        python,
        "-m",
        "salcomp.run_step",
        f"--step={step}",
        f"--runs={path}",
        f"--train_glob={frames_glob}",
        f"--output={output}",
        *arguments,
    ]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, **kwargs
    )


@pytest.fixture(scope="session")
def finished(tmp_path_factory, jax_python, step, frames_glob):
    """The folder of two finished runs, and what was printed."""
    folder = tmp_path_factory.mktemp("runs") / "out"
    runs = [{"name": "a"}, {"name": "b", "start": "a", "lambda": 0.1, "last_step": 5}]
    result = run(jax_python, step, frames_glob, folder, runs)
    assert result.returncode == 0, result.stderr
    return folder, result


def rows_of(folder):
    with open(folder / "metrics.csv") as file:
        return list(csv.DictReader(file))


def test_no_module_of_the_way_imports_tensorflow_or_absl(jax_python):
    code = (
        "import sys, salcomp.run_step, salcomp.accelerator.device\n"
        "sys.exit(bool({'tensorflow', 'absl', 'tqdm'} & set(sys.modules)))"
    )
    subprocess.run([jax_python, "-c", code], cwd=ROOT, check=True)


def test_every_step_has_the_terms_of_the_trainer(finished, reference):
    rows, expected = rows_of(finished[0] / "a"), rows_of(reference)
    assert len(rows) == len(expected) == 50
    for row, other in zip(rows, expected):
        assert list(row) == list(other)
        for name in row:
            assert float(row[name]) == pytest.approx(float(other[name]), rel=1e-4)


def test_the_weights_are_those_of_the_trainer(finished, reference):
    state = training_state.load(finished[0] / "a/state.npz")
    assert state.step == 50
    from salcomp.runs.checkpoints import Checkpoints

    model = SaliencyCodec(state.config)
    assert Checkpoints(str(reference), model).restore() == 50
    for name, variable in named_variables(model).items():
        error = np.linalg.norm(state.variables[name] - variable.numpy())
        assert error < 1e-3 * np.linalg.norm(variable.numpy())


def test_the_self_check_prints_its_largest_errors(finished):
    line = finished[1].stdout.splitlines()[0]
    assert line.startswith("self-check of 3 steps, largest relative errors: ")
    errors = [float(part.split()[0]) for part in line.split(": ")[1].split(", ")]
    assert len(errors) == 3 and max(errors) < 1e-3


@pytest.mark.parametrize(
    "name, change, kind",
    [
        ("inputs/1/divisor", lambda x: np.nan * x, "terms"),
        ("terms", lambda x: 1.05 * x, "terms"),
        ("first/synthesis/convs/0/bias", lambda x: 1.1 * x, "moments"),
        ("variables/prior/matrices/1", lambda x: x + 0.01, "updates"),
    ],
)
def test_a_step_with_other_results_is_not_trained(
    jax_python, step, frames_glob, tmp_path, name, change, kind
):
    folder = shutil.copytree(step, tmp_path / "step")
    with np.load(folder / "check.npz") as file:
        check = dict(file)
    check[name] = change(check[name]).astype(check[name].dtype)
    np.savez(folder / "check.npz", **check)
    result = run(jax_python, folder, frames_glob, tmp_path / "out", [{"name": "a"}])
    assert result.returncode == 1
    assert f"the exported step gives other {kind} here" in result.stderr
    assert not (tmp_path / "out/a").exists()


def test_a_run_that_diverges_keeps_its_last_good_state_and_stops_no_other(
    jax_python, step, frames_glob, tmp_path
):
    runs = [
        {"name": "wild", "learning_rate": 1e38, "last_step": 3},
        {"name": "tame", "last_step": 3},
    ]
    result = run(jax_python, step, frames_glob, tmp_path / "out", runs)
    assert result.returncode == 1
    assert "wild: a weight is not finite" in result.stderr or (
        "wild: the loss is not finite" in result.stderr
    )
    assert not (tmp_path / "out/wild/state.npz").exists()
    assert training_state.load(tmp_path / "out/tame/state.npz").step == 3


def test_without_jax_it_says_what_to_install(step, frames_glob, tmp_path):
    result = run(sys.executable, step, frames_glob, tmp_path / "out", [{"name": "a"}])
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("error: there is no JAX here")


@pytest.mark.parametrize("name", ["step.json", "check.npz", "state.npz", "step.hlo"])
@pytest.mark.parametrize("kept", [0, 100])
def test_a_damaged_file_of_a_step_is_one_line(
    jax_python, step, frames_glob, tmp_path, name, kept
):
    folder = shutil.copytree(step, tmp_path / "step")
    (folder / name).write_bytes((folder / name).read_bytes()[:kept])
    if name == "step.hlo":
        result = run(jax_python, folder, frames_glob, tmp_path / "out", [{"name": "a"}])
        assert result.returncode == 1
        assert "error: JAX" in result.stderr and "Traceback" not in result.stderr
    else:
        with pytest.raises(InputError, match="step") as caught:
            exported_step.load(folder)
        assert "\n" not in str(caught.value)


def test_files_of_two_steps_do_not_belong_together(step, tmp_path):
    folder = shutil.copytree(step, tmp_path / "step")
    signature = json.loads((folder / "step.json").read_text())
    signature["config"]["patchsize"] = 64
    (folder / "step.json").write_text(json.dumps(signature))
    with pytest.raises(InputError, match="do not belong together"):
        exported_step.load(folder)


def test_a_run_starts_from_the_weights_of_an_earlier_one(finished):
    first, other = (rows_of(finished[0] / name) for name in "ab")
    assert float(other[0]["bpp"]) == pytest.approx(float(first[-1]["bpp"]), rel=0.1)
    assert float(other[0]["bpp"]) != pytest.approx(float(first[0]["bpp"]), rel=0.01)


def test_the_state_comes_home_and_compresses(finished, tmp_path, frames_glob):
    state, workdir = finished[0] / "a/state.npz", tmp_path / "home"
    train.main(["train", f"--import_state={state}", f"--workdir={workdir}"])
    (tmp_path / "in").mkdir()
    frame = frames_glob.replace("*", "frame00")
    where = [f"--model={workdir}", f"--output_dir={tmp_path}"]
    compress.main(["compress", frame, "--reconstruction", *where])
    decompress.main(["decompress", str(tmp_path / "frame00.salc"), *where])
    decoded = (tmp_path / "frame00.png").read_bytes()
    assert decoded == (tmp_path / "frame00.salc.png").read_bytes()


def test_training_goes_on_at_home_as_if_it_had_never_left(
    finished, step, jax_python, tmp_path, frames_glob
):
    constant = "--learning_rate_schedule=constant"
    whole, home = tmp_path / "whole", tmp_path / "home"
    common = [*SMALL[:3], f"--train_glob={frames_glob}", constant]
    train.main(["train", *common, "--last_step=9", f"--workdir={whole}"])
    runs = [{"name": "a", "learning_rate_schedule": "constant", "last_step": 5}]
    run(jax_python, step, frames_glob, tmp_path / "away", runs)
    train.main(
        ["train", f"--import_state={tmp_path / 'away/a/state.npz'}", "--last_step=9"]
        + [f"--train_glob={frames_glob}", f"--workdir={home}"]
    )
    rows, expected = rows_of(home), rows_of(whole)[5:]
    assert [row["step"] for row in rows] == ["6", "7", "8", "9"]
    for row, other in zip(rows, expected):
        assert float(row["loss"]) == pytest.approx(float(other["loss"]), rel=1e-4)


def test_a_finished_run_is_left_as_it_is(finished, jax_python, step, frames_glob):
    folder = finished[0]
    before = {p: p.read_bytes() for p in folder.rglob("*.csv")}
    runs = json.loads((folder.parent / "out.json").read_text())
    result = run(jax_python, step, frames_glob, folder, runs)
    assert result.returncode == 0
    assert {p: p.read_bytes() for p in folder.rglob("*.csv")} == before


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_goes_on_where_it_was(
    finished, jax_python, step, frames_glob, tmp_path, kill
):
    path = tmp_path / "runs.json"
    path.write_text(json.dumps([{"name": "a", "last_step": 600}]))
    command = [
        jax_python,
        "-m",
        "salcomp.run_step",
        f"--step={step}",
        f"--runs={path}",
        f"--train_glob={frames_glob}",
        "--checkpoint_seconds=0",
    ]
    process = subprocess.Popen(
        [*command, f"--output={tmp_path / 'out'}"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    state = tmp_path / "out/a/state.npz"
    while not state.exists() or training_state.load(state).step < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(kill)
    assert process.wait(timeout=60) == (-9 if kill == signal.SIGKILL else 130)
    reached = training_state.load(state).step
    assert reached < 600
    whole = [*command, "--checkpoint_seconds=1000", f"--output={tmp_path / 'whole'}"]
    again = [*command, "--checkpoint_seconds=1000", f"--output={tmp_path / 'out'}"]
    for rest in (again, whole):
        subprocess.run(rest, cwd=ROOT, check=True, capture_output=True, timeout=300)
    rows, expected = rows_of(tmp_path / "out/a"), rows_of(tmp_path / "whole/a")
    assert rows == expected and len(rows) == 600


def test_a_step_of_another_version_is_refused(step, tmp_path):
    folder = shutil.copytree(step, tmp_path / "step")
    signature = json.loads((folder / "step.json").read_text())
    signature["version"] = "9.9"
    (folder / "step.json").write_text(json.dumps(signature))
    with pytest.raises(InputError, match="exported by salcomp 9.9, and this is"):
        exported_step.load(folder)


def test_the_layers_of_tfc_are_not_exported(tmp_path):
    with pytest.raises(InputError, match="layers tfc2.*are there to compare with"):
        export_step.main(
            ["export_step", "--preset=stock_v2", f"--output={tmp_path / 'step'}"]
        )


def test_a_run_does_not_start_from_one_that_is_not_finished(
    jax_python, step, frames_glob, tmp_path
):
    (tmp_path / "out/a").mkdir(parents=True)
    exported = exported_step.load(step)
    training_state.save(tmp_path / "out/a/state.npz", exported.start)
    runs = [{"name": "b", "start": "a"}]
    result = run(jax_python, step, frames_glob, tmp_path / "out", runs)
    assert result.returncode == 1
    assert "start a has come to step 0 of 50; finish it first" in result.stderr


def test_what_is_no_step_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no exported step"):
        exported_step.load(tmp_path)


def test_a_start_of_other_shapes_is_refused_by_its_tensor(
    jax_python, step, frames_glob, tmp_path
):
    other = tmp_path / "other"
    arguments = [*SMALL[:1], "--num_filters=8", *SMALL[2:]]
    export_step.main(["export_step", *arguments, f"--output={other}"])
    runs = [{"name": "a", "start": str(other / "state.npz")}]
    result = run(jax_python, step, frames_glob, tmp_path / "out", runs)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "a: tensor 'prior/matrices/0' is (8, 3, 1) in the other" in result.stderr


def test_frames_smaller_than_the_crops_are_refused(jax_python, step, tmp_path):
    small = save_frames(tmp_path / "small", 2, height=16, width=48)
    result = run(jax_python, step, small, tmp_path / "out", [{"name": "a"}])
    assert result.returncode == 1
    assert "48x16 pixels, smaller than 32" in result.stderr


def test_another_run_in_the_same_folder_is_refused(
    finished, jax_python, step, frames_glob
):
    runs = [{"name": "b", "lambda": 0.2, "last_step": 5}]
    result = run(jax_python, step, frames_glob, finished[0], runs)
    assert result.returncode == 1
    assert "lambda was 0.1 and is now 0.2" in result.stderr


def test_several_steps_per_call_are_the_same_steps(
    finished, jax_python, step, frames_glob, tmp_path
):
    runs = [{"name": "a", "last_step": 50}]
    result = run(
        jax_python, step, frames_glob, tmp_path / "out", runs, "--steps_per_call=7"
    )
    assert result.returncode == 0, result.stderr
    for row, other in zip(rows_of(tmp_path / "out/a"), rows_of(finished[0] / "a")):
        assert float(row["loss"]) == pytest.approx(float(other["loss"]), rel=1e-4)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "required: --step"),
        (["--stop"], "required"),
        (["--step=a", "--train_glob=b", "--runs=c", "--output=d", "--x=3"], "--x=3"),
        (
            ["--step=a", "--train_glob=b", "--runs=c", "--output=d"]
            + ["--steps_per_call=0"],
            "--steps_per_call must be",
        ),
    ],
)
def test_a_mistake_in_the_flags_is_one_line(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        run_step.parse(["run_step", *arguments])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("flag", ["--preset=cpu", "--lambda=0.5", "--nosaliency"])
def test_a_state_and_a_flag_of_the_configuration_exclude_each_other(step, flag):
    with pytest.raises(InputError, match="and --import_state exclude each other"):
        train.main(["train", flag, f"--import_state={step / 'state.npz'}"])


def test_an_unfinished_state_needs_frames_or_a_last_step(step, tmp_path):
    arguments = ["train", f"--import_state={step / 'state.npz'}"]
    with pytest.raises(InputError, match="has come to step 0 of 50: give --train_glob"):
        train.main([*arguments, f"--workdir={tmp_path / 'run'}"])


def test_a_last_step_before_the_state_is_refused(finished, tmp_path):
    state = finished[0] / "a/state.npz"
    with pytest.raises(InputError, match="--last_step=5 is before step 50"):
        train.main(["train", f"--import_state={state}", "--last_step=5"])


def test_the_tool_s_process_ends_with_one_line_and_status_1():
    result = subprocess.run(
        [sys.executable, "-m", "salcomp.run_step", "--step=none"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
