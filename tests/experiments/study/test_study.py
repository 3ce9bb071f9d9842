"""Tests of experiments.study: the plan, the controls, and a small study as a whole."""

from __future__ import annotations

import csv
import shlex
import shutil
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from experiments.study import __main__ as command
from experiments.study import frames as study_frames
from experiments.study import plan, reconstructions, report
from experiments.study import run as doing
from experiments.study import sweep as study_sweep
from experiments.study.plan import ARMS, BUDGETS
from experiments.study.report.records import StudyRecords
from salcomp import train
from salcomp.accelerator import sweep as accelerator_sweep
from salcomp.errors import InputError, SalcompError
from salcomp.files import disk, images, saliency_maps
from salcomp.training import flags as config_flags
from tests.fixtures import frame, save_frames

HEADER = ",".join(plan.COLUMNS)
START = "start,baseline,0.003,,,,0,,4,0.005"
SMALL = f"""{HEADER}
{START}
baseline-0.003,baseline,0.003,,,,0,start,2,0.002
concat-0.003,concat,0.003,0.01,clip,dataset,0,start,2,0.002
concat-shuffled-0.003,concat-shuffled,0.003,0.01,clip,dataset,0,start,2,0.002
refine-uniform-0.003,refine-uniform,0.003,,,,0,baseline-0.003,3,
refine-saliency-0.003,refine-saliency,0.001,,,,0,baseline-0.003,3,,0.2
"""


def run_of(row: str, *before: str) -> plan.PlannedRun:
    return plan.parse("\n".join([HEADER, *before, row]), "test.csv")[-1]


def study(flags: str) -> None:
    command.main(["study", *flags.split()])


def with_maps(kind: str, folder: Path, count: int) -> tuple[list, list]:
    """So many frames, and the same with other maps, as images."""
    save_frames(folder / "frames", count)
    study_frames.with_other_maps(kind, folder / "frames", folder / "other")
    places = folder / "frames", folder / "other"
    own, other = ([*map(images.read_image, disk.files_in(place))] for place in places)
    return own, other


@pytest.mark.parametrize("budget", BUDGETS)
def test_plans_of_the_budgets_begin_with_a_start_and_have_the_arms_compared(budget):
    runs = plan.read(budget)
    assert runs[0].arm == "baseline" and not runs[0].start
    arms = {run.arm for run in runs}
    told = {"hyper"} if budget == "today" else {"baseline", "concat", "concat-shuffled"}
    assert {*told, "refine-saliency"} <= arms


def test_runs_at_other_rates_are_of_the_model_that_they_extend():
    runs = {run.name: run for run in plan.read("today")}
    others = [run for run in runs.values() if run.of_arm.extends]
    for run in others:
        model = runs[run.start]
        config = study_sweep.config_of(list(model.of_arm.flags))
        assert run.of_arm.extends == model.arm and config.rates == 8
        largest = model.lmbda * config.lambda_span
        assert model.lmbda < run.lmbda <= largest * 1.001
    assert len(others) == 7 * 3


def test_arms_of_a_comparison_differ_in_nothing_else():
    """Arms that the page compares have the baseline's steps, start and schedule."""
    for run in plan.read("street"):
        if run.arm in report.comparisons.trained_arms() and run.name != "start":
            same = run.steps, run.learning_rate, run.start, run.seed in (0, 1, 2)
            assert same == (2000, 0.002, "start", True), run.name


@pytest.mark.parametrize(
    "row, message",
    [
        ("x,unknown,0.1,,,,0,,4,0.1", "arm 'unknown'"),
        ("x,baseline,,,,,0,,4,0.1", "lambda is missing"),
        ("x,baseline,much,,,,0,,4,0.1", "lambda cannot be 'much'"),
        ("x,baseline,0.1,,,,0,nowhere,4,0.1", "start 'nowhere'"),
        ("x,baseline,0.1,,,,0,,4,", "learning_rate is missing"),
        ("x,refine-uniform,0.1,,,,0,,4,", "start must be a run that trains"),
        ("../x,baseline,0.1,,,,0,,4,0.1", "a name is of letters"),
        ("start,baseline,0.1,,,,0,,4,0.1", "given once"),
    ],
)
def test_unusable_rows_are_refused_by_name(row, message):
    with pytest.raises(InputError, match=f"test.csv, run .*{message}"):
        run_of(row, START)


def test_plan_with_other_columns_is_refused():
    with pytest.raises(InputError, match="the columns must be name,arm,lambda"):
        plan.parse("name,lambda\nx,1\n", "test.csv")


@pytest.mark.parametrize("arm", [name for name, arm in ARMS.items() if arm.trains])
def test_arms_are_configurations_of_the_trainer(arm, tmp_path):
    run = run_of(f"x,{arm},0.002,0.01,clip,dataset,3,start,7,0.004", START)
    arguments = doing.arguments(run, tmp_path / "x", ("--preset=smoke",))
    train.FLAGS.unparse_flags()
    assert train.FLAGS(["train", *arguments]) == ["train"]
    settings = config_flags.config_from_flags(train.FLAGS)
    assert (settings.lmbda, settings.last_step, settings.seed) == (0.002, 7, 3)
    assert settings.weight_distortion == ARMS[arm].weighted
    assert settings.learning_rate == 0.004
    assert train.FLAGS.init_from == str(tmp_path / "start")


def test_trainings_of_a_plan_are_runs_of_exported_steps(tmp_path, capsys):
    """Each in one list, as salcomp.run_step reads it, with the plan's configuration."""
    for name in ("train", "test"):
        save_frames(tmp_path / "data" / name, 2)
    flags = f"--data={tmp_path / 'data'} --workdir={tmp_path / 'here'}"
    study(f"--budget=full {flags} --write_runs={tmp_path}")
    commands = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    planned = {run.name: run for run in plan.read("full") if run.of_arm.trains}
    budget, found = BUDGETS["full"], []
    for (_, _, _, *step_flags, step), (*_, on, runs, glob, _) in zip(
        commands[::2], commands[1::2]
    ):
        assert step.replace("--output", "--step") == on
        exported = study_sweep.config_of(step_flags)
        for run in accelerator_sweep.read(runs.partition("=")[2], exported):
            one = planned[run.name]
            settings = doing.settings(one, budget.flags)
            assert run.config == study_sweep.config_of(settings)
            start = one.start and str(tmp_path / one.start / "state.npz")
            assert run.start in (one.start, start)
            assert run.start == start or one.start in found
            own = one.of_arm.maps == "own"
            assert ("data/train/" if own else f"train-{one.of_arm.maps}/") in glob
            assert disk.expand_inputs([glob.partition("=")[2]])
            found.append(run.name)
    assert sorted(found) == sorted(planned)


def test_shuffled_maps_are_all_of_other_frames_and_each_serves_once(tmp_path):
    own, other = with_maps("shuffled", tmp_path, 7)
    for before, after in zip(own, other):
        np.testing.assert_array_equal(before.rgb, after.rgb)
        assert (before.alpha != after.alpha).any()
    assert {a.alpha.tobytes() for a in own} == {a.alpha.tobytes() for a in other}


def test_centre_maps_are_one_prior_for_all_frames(tmp_path):
    first, second = (image.alpha for image in with_maps("center", tmp_path, 2)[1])
    np.testing.assert_array_equal(first, second)
    height, width = first.shape
    assert first[height // 2, width // 2] == first.max() == 255


def test_images_without_maps_keep_the_centre_prior_whatever_predictors_there_are(
    tmp_path, plug_ins
):
    plug_ins["spectral-residual"] = mock.Mock()
    rgb = frame(0)[..., :3]
    images.write_png(tmp_path / "a.png", rgb)
    kodak = study_frames.EvaluationSet("kodak", tmp_path, "center", own="center")
    (subject,) = kodak.subjects("own", 1, tmp_path)
    centre = saliency_maps.center_prior(*rgb.shape[:2])
    for saliency in subject.load()[1:3]:
        np.testing.assert_array_equal(saliency, centre)
    plug_ins["spectral-residual"].assert_not_called()


def test_control_frames_of_one_frame_cannot_be_shuffled(tmp_path):
    with pytest.raises(InputError, match="two frames or more"):
        with_maps("shuffled", tmp_path, 1)
    assert not (tmp_path / "other").exists()


def test_spread_takes_files_at_equal_distances(tmp_path):
    paths = [tmp_path / f"{i:02}" for i in range(10)]
    assert study_frames.spread(paths, 20) == paths
    assert [p.name for p in study_frames.spread(paths, 4)] == ["00", "02", "05", "07"]


def test_bound_of_the_maps_is_the_ratio_of_means_in_db(tmp_path):
    save_frames(tmp_path / "frames", 3)
    study_frames.write_map_statistics(tmp_path / "frames", tmp_path / "maps.csv")
    alphas = [images.read_image(p).alpha for p in disk.files_in(tmp_path / "frames")]
    saliency = np.stack(alphas) / 255
    for row in csv.DictReader((tmp_path / "maps.csv").open()):
        weight = np.maximum(saliency, float(row["floor"]))
        bound = 10 * np.log10(weight.mean() / np.exp(np.log(weight).mean()))
        assert float(row["bound_db"]) == pytest.approx(bound, rel=1e-5)
        assert float(row["mean_weight"]) == pytest.approx(weight.mean(), rel=1e-5)


def test_window_lies_inside_the_frame_around_the_largest_box():
    saliency = np.zeros((256, 512))
    boxes = [[0, 0, 5, 5], [490, 100, 510, 130]]
    top, left = reconstructions.window(boxes, saliency)
    height, width = reconstructions.WINDOW
    assert (top, left) == (115 - height // 2, 512 - width)
    saliency[200, 30] = 1
    top, left = reconstructions.window([], saliency)
    assert top <= 200 < top + height and left <= 30 < left + width


def test_failed_training_names_its_log(tmp_path):
    run = run_of(START)
    with pytest.raises(SalcompError, match="training start failed: .*start.log"):
        doing.train(run, tmp_path / "start", tmp_path / "nothing", ("--preset=smoke",))


@pytest.fixture(scope="module")
def small_study(tmp_path_factory):
    """A study of six runs on drawn scenes: its working and its results folder."""
    patch = pytest.MonkeyPatch()
    patch.setattr(plan, "read", lambda budget: plan.parse(SMALL, "small.csv"))
    patch.setattr(study_frames, "_TRAIN", 4)
    patch.setattr(study_frames, "_TEST", 3)
    patch.setattr(doing, "train", train_here)
    folder = tmp_path_factory.mktemp("study")
    flags = f"--workdir={folder / 'runs'} --output_dir={folder / 'results'}"
    study(flags)
    yield folder / "runs", folder / "results", flags
    patch.undo()


def train_here(run, folder, frames, flags):
    """As `doing.train`, without the seconds of a new process."""
    arguments = doing.arguments(run, folder, flags)
    train.main(["train", *arguments, f"--train_glob={frames / '*.png'}"])


def test_study_measures_every_run_on_every_set(small_study):
    _, results, _ = small_study
    records = StudyRecords(results)
    assert list(records.runs) == [run.name for run in plan.parse(SMALL, "")]
    for name in records.runs:
        count = 2 if name.startswith("refine") else 3
        for set_name in ("test", "fixations"):
            assert len(records.images(set_name, [name])) == count
    assert records.mean("test", "baseline-0.003", "psnr-rgb") > 4
    assert records.classical("webp")


def test_study_records_the_lambda_that_the_weights_amount_to(small_study):
    _, results, _ = small_study
    runs = StudyRecords(results).runs
    assert runs["baseline-0.003"].final["effective_lambda"] == 0.003
    final = runs["concat-0.003"].final
    assert final["weighted_mse"] != final["mse"]
    expected = 0.003 * final["weighted_mse"] / final["mse"]
    assert final["effective_lambda"] == pytest.approx(expected, rel=1e-6)


def test_study_writes_page_and_figures(small_study):
    _, results, _ = small_study
    page = (results / "README.md").read_text()
    assert "6 of 6" in " ".join(page.split())
    assert "classical.png" in page
    for figure in ("classical.png", "reconstructions.png"):
        assert (results / figure).stat().st_size > 10_000


def test_finished_study_is_not_done_again(small_study, monkeypatch):
    runs, _, flags = small_study
    before = {p: p.stat().st_mtime_ns for p in (runs / "measured").iterdir()}
    monkeypatch.setattr(doing, "train", None)
    study(flags)
    assert before == {p: p.stat().st_mtime_ns for p in (runs / "measured").iterdir()}


def test_study_refuses_a_changed_run(small_study, monkeypatch):
    changed = SMALL.replace("concat-0.003,concat,0.003", "concat-0.003,concat,0.004")
    monkeypatch.setattr(plan, "read", lambda budget: plan.parse(changed, "small.csv"))
    with pytest.raises(InputError, match="another lambda.*another name"):
        study(small_study[2])


def test_study_refuses_other_frames_in_its_folder(small_study, tmp_path):
    save_frames(tmp_path / "train", 2)
    save_frames(tmp_path / "test", 2)
    with pytest.raises(InputError, match="of a study with other frames, scorers"):
        study(f"--data={tmp_path} {small_study[2]}")


def test_study_goes_on_with_what_is_missing(small_study, tmp_path, monkeypatch):
    runs, results, _ = small_study
    shutil.copytree(runs, tmp_path / "runs")
    for path in (tmp_path / "runs" / "measured").glob("concat-0.003.*"):
        path.unlink()
    trained = []
    monkeypatch.setattr(doing, "train", lambda run, *_: trained.append(run.name))
    study(f"--workdir={tmp_path / 'runs'} --output_dir={tmp_path / 'results'}")
    assert not trained  # its model was there
    kept = (tmp_path / "results" / "per_image.csv").read_text()
    assert kept == (results / "per_image.csv").read_text()


def test_report_is_made_from_the_records_alone(small_study, tmp_path):
    _, results, _ = small_study
    copied = shutil.copytree(results, tmp_path / "results")
    for made in (copied / "README.md", copied / "bd_rate.csv", *copied.glob("*.png")):
        made.unlink(missing_ok=True)
    report.write(copied, copied / "README.md")
    text = (copied / "README.md").read_text().replace(str(copied), str(results))
    assert text == (results / "README.md").read_text()


@pytest.mark.parametrize(
    "flags, message",
    [
        pytest.param("--budget=street", "--data is needed", id="no data"),
        pytest.param("--data={0}", "train: no such folder", id="an empty folder"),
    ],
)
def test_frames_that_are_missing_are_asked_for(tmp_path, flags, message):
    flags = f"{flags.format(tmp_path)} --workdir={tmp_path} --output_dir={tmp_path}"
    with pytest.raises(InputError, match=message):
        study(flags)
