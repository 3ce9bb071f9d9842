"""An exported step: made in TensorFlow, run in JAX without it, and taken home."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest

from salcomp import compress, decompress, export_step, run_step, train
from salcomp.accelerator import exported_step
from salcomp.errors import InputError
from salcomp.model.base import named_variables
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.runs import state as training_state
from tests.fixtures import ROOT, run_python, save_frames, small_config

SMALL = ("--preset=smoke", "--num_filters=4", "--patchsize=32", "--last_step=50")
_JAX_PYTHON = ROOT / ".venv-jax" / "bin" / "python"


@pytest.fixture(scope="module")
def jax_python() -> str:
    """An interpreter that has JAX and no TensorFlow."""
    python = os.environ.get("SALCOMP_JAX_PYTHON", str(_JAX_PYTHON))
    if not os.path.exists(python):
        pytest.skip("needs JAX in .venv-jax, which `make test` makes (Python 3.10 on)")
    return python


@pytest.fixture(scope="module")
def step(tmp_path_factory):
    """The folder of an exported step."""
    folder = tmp_path_factory.mktemp("exported") / "step"
    export_step.main(["export_step", *SMALL, f"--output={folder}"])
    return folder


@pytest.fixture(scope="module")
def reference(tmp_path_factory, frames_glob):
    """The same 50 steps by the trainer."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    train.main(["train", *SMALL, f"--train_glob={frames_glob}", f"--workdir={folder}"])
    return folder


def arguments(step, frames_glob, output, runs, *more) -> list[str]:
    """The flags of a command line that trains runs, whose list is written."""
    path = output.parent / f"{output.name}.json"
    path.write_text(json.dumps(runs))
    flags = {"step": step, "train_glob": frames_glob, "runs": path, "output": output}
    return [*(f"--{name}={value}" for name, value in flags.items()), *more]


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """Of processes of JAX, which compile each program once for all of them."""
    return {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("compiled")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


@pytest.fixture(scope="module")
def start(jax_python, environment):
    """Starts the tool as a process of its own."""

    def start(*arguments, **pipes) -> subprocess.Popen:
        command = [jax_python, "-m", "salcomp.run_step", *arguments]
        return subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)

    return start


_COMMAND_LINES = """
import json, sys
from salcomp import run_step
from salcomp.errors import SalcompError

answers, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    error = None
    try:
        run_step.main(["run_step", *json.loads(line)])
    except SalcompError as found:
        error = str(found)
    print(json.dumps(error), file=answers, flush=True)
"""


@pytest.fixture(scope="module")
def run(jax_python, environment):
    """Runs command lines, all in one process; returns what each was refused with."""
    process = subprocess.Popen(
        [jax_python, "-c", _COMMAND_LINES],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def run(*command) -> str | None:
        print(json.dumps(arguments(*command)), file=process.stdin, flush=True)
        return json.loads(process.stdout.readline())

    yield run
    process.communicate(timeout=60)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, start, step, frames_glob):
    """The folder of finished runs, and what was printed."""
    folder = tmp_path_factory.mktemp("runs") / "out"
    runs = [
        {"name": "a"},
        {"name": "b", "start": "a", "lambda": 0.1, "last_step": 5},
        {"name": "c", "last_step": 4},
    ]
    command = arguments(step, frames_glob, folder, runs)
    process = start(*command, stdout=subprocess.PIPE, text=True)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return folder, printed


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
    line = finished[1].splitlines()[0]
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
    run, step, frames_glob, tmp_path, name, change, kind
):
    folder = shutil.copytree(step, tmp_path / "step")
    with np.load(folder / "check.npz") as file:
        check = dict(file)
    check[name] = change(check[name]).astype(check[name].dtype)
    np.savez(folder / "check.npz", **check)
    error = run(folder, frames_glob, tmp_path / "out", [{"name": "a"}])
    assert error.startswith(f"the exported step gives other {kind} here")
    assert not (tmp_path / "out/a").exists()


def test_a_run_that_diverges_keeps_its_last_good_state_and_stops_no_other(
    run, step, frames_glob, tmp_path
):
    runs = [
        {"name": "wild", "learning_rate": 1e38, "last_step": 3},
        {"name": "tame", "last_step": 3},
    ]
    error = run(step, frames_glob, tmp_path / "out", runs)
    assert re.match("1 of 2 runs failed: wild: (a weight|the loss) is not fini", error)
    assert not (tmp_path / "out/wild/state.npz").exists()
    assert training_state.load(tmp_path / "out/tame/state.npz").step == 3


def test_without_jax_it_says_what_to_install(step, frames_glob, tmp_path):
    command = arguments(step, frames_glob, tmp_path / "out", [{"name": "a"}])
    result = run_python("-m", "salcomp.run_step", *command, check=False)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("error: there is no JAX here")


@pytest.mark.parametrize("name", ["step.json", "check.npz", "state.npz", "step.hlo"])
@pytest.mark.parametrize("kept", [0, 100])
def test_a_damaged_file_of_a_step_is_one_line(
    run, step, frames_glob, tmp_path, name, kept
):
    folder = shutil.copytree(step, tmp_path / "step")
    (folder / name).write_bytes((folder / name).read_bytes()[:kept])
    if name == "step.hlo":
        error = run(folder, frames_glob, tmp_path / "out", [{"name": "a"}])
        assert error.startswith("JAX") and "\n" not in error
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
    run, step, tmp_path, frames_glob
):
    constant = "--learning_rate_schedule=constant"
    whole, home = tmp_path / "whole", tmp_path / "home"
    common = [*SMALL[:3], f"--train_glob={frames_glob}", constant]
    train.main(["train", *common, "--last_step=9", f"--workdir={whole}"])
    runs = [{"name": "a", "learning_rate_schedule": "constant", "last_step": 5}]
    run(step, frames_glob, tmp_path / "away", runs)
    train.main(
        ["train", f"--import_state={tmp_path / 'away/a/state.npz'}", "--last_step=9"]
        + [f"--train_glob={frames_glob}", f"--workdir={home}"]
    )
    rows, expected = rows_of(home), rows_of(whole)[5:]
    assert [row["step"] for row in rows] == ["6", "7", "8", "9"]
    for row, other in zip(rows, expected):
        assert float(row["loss"]) == pytest.approx(float(other["loss"]), rel=1e-4)


def test_a_finished_run_is_left_as_it_is(finished, run, step, frames_glob):
    folder = finished[0]
    before = {p: p.read_bytes() for p in folder.rglob("*.csv")}
    runs = json.loads((folder.parent / "out.json").read_text())
    assert run(step, frames_glob, folder, runs) is None
    assert {p: p.read_bytes() for p in folder.rglob("*.csv")} == before


def test_a_run_that_is_stopped_and_killed_goes_on_where_it_was(
    start, run, step, frames_glob, tmp_path
):
    runs = [{"name": "a", "last_step": 400}]
    often = arguments(
        step, frames_glob, tmp_path / "out", runs, "--checkpoint_seconds=0"
    )
    state, reached = tmp_path / "out/a/state.npz", 0
    for kill, status in ((signal.SIGTERM, 130), (signal.SIGKILL, -9)):
        process = start(*often, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not state.exists() or training_state.load(state).step < reached + 3:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(kill)
        assert process.wait(timeout=60) == status
        reached = training_state.load(state).step
        assert reached < 400
    for output in ("out", "whole"):
        assert run(step, frames_glob, tmp_path / output, runs) is None
    rows, expected = (rows_of(tmp_path / name / "a") for name in ("out", "whole"))
    assert rows == expected and len(rows) == 400


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
    run, step, frames_glob, tmp_path
):
    (tmp_path / "out/a").mkdir(parents=True)
    exported = exported_step.load(step)
    training_state.save(tmp_path / "out/a/state.npz", exported.start)
    runs = [{"name": "b", "start": "a"}]
    error = run(step, frames_glob, tmp_path / "out", runs)
    assert "start a has come to step 0 of 50; finish it first" in error


def test_what_is_no_step_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no exported step"):
        exported_step.load(tmp_path)


def test_a_start_of_other_shapes_is_refused_by_its_tensor(
    run, step, frames_glob, tmp_path
):
    model = SaliencyCodec(small_config(num_filters=8))
    other = {name: v.numpy() for name, v in named_variables(model).items()}
    state = training_state.TrainingState.initial(model.config, other)
    training_state.save(tmp_path / "other.npz", state)
    runs = [{"name": "a", "start": str(tmp_path / "other.npz")}]
    error = run(step, frames_glob, tmp_path / "out", runs)
    assert "a: tensor 'analysis/convs/0/bias' is (8,) in the other" in error


def test_frames_smaller_than_the_crops_are_refused(run, step, tmp_path):
    small = save_frames(tmp_path / "small", 2, height=16, width=48)
    error = run(step, small, tmp_path / "out", [{"name": "a"}])
    assert "48x16 pixels, smaller than 32" in error


def test_another_run_in_the_same_folder_is_refused(finished, run, step, frames_glob):
    runs = [{"name": "b", "lambda": 0.2, "last_step": 5}]
    error = run(step, frames_glob, finished[0], runs)
    assert "lambda was 0.1 and is now 0.2" in error


def test_several_steps_per_call_are_the_same_steps(
    finished, run, step, frames_glob, tmp_path
):
    runs = [{"name": "c", "last_step": 4}]
    assert not run(step, frames_glob, tmp_path / "out", runs, "--steps_per_call=3")
    rows, expected = (rows_of(f / "c") for f in (tmp_path / "out", finished[0]))
    assert [row["step"] for row in rows] == list("1234")
    for row, other in zip(rows, expected):
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
    result = run_python("-m", "salcomp.run_step", "--step=none", check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
