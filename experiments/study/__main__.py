"""The whole study: trains every arm, measures it, and writes the report.

    python -m experiments.study --budget=smoke          minutes, on built-in scenes
    python -m experiments.study --budget=street --data=frames --boxes=signs.json \\
        --fixation_frames=osie --fixation_maps=osie-fixations

`--data` has the RGBA frames in train/ and test/. The runs are those of the table
BUDGET.csv beside this module, one after another; a command that is given again goes
on where the last one ended. A model that is already in its run's folder, such as one
trained on an accelerator and imported, is measured and not trained: `--write_runs`
writes the lists of runs for that and prints the commands, and does nothing else.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

from absl import logging

from experiments.record import write_record
from experiments.study import frames as study_frames
from experiments.study import plan, reconstructions, report, sweep
from experiments.study import run as doing
from experiments.study.frames import EvaluationSet
from experiments.study.records import Records
from salcomp import cli
from salcomp.cli import duration
from salcomp.errors import InputError
from salcomp.files import disk, images
from salcomp.flags import Flags

FLAGS = Flags()
FLAGS.enum(
    "budget",
    "smoke",
    list(plan.BUDGETS),
    "How much to compute: smoke, minutes on built-in scenes; true-maps, hours on two "
    "cores; street, likewise, the study with the maps of a worse predictor; full, that "
    "with the models of 2019's size, for a machine with an accelerator.",
)
FLAGS.string(
    "data",
    None,
    "Folder with the RGBA frames, the saliency map as alpha, in train/ and test/. "
    "Drawn scenes for --budget=smoke, unless given.",
)
FLAGS.string(
    "boxes",
    None,
    "JSON file of annotated regions of the test frames, as --roi_boxes of "
    "salcomp.evaluate takes it.",
)
FLAGS.string(
    "fixation_frames",
    None,
    "Folder of RGBA images of another set, with the predictor's map as alpha, whose "
    "human fixations are in --fixation_maps.",
)
FLAGS.string(
    "fixation_maps",
    None,
    "Folder of maps of human fixations, named as the images of --fixation_frames are.",
)
FLAGS.string(
    "driver_frames",
    None,
    "Likewise traffic scenes whose fixations, of drivers, are in --driver_maps.",
)
FLAGS.string("driver_maps", None, "Folder of maps of drivers' fixations, likewise.")
FLAGS.string(
    "kodak",
    None,
    "Folder of the Kodak images, to stand beside published points, and with maps as "
    "alpha for the pictures of the report.",
)
FLAGS.string("workdir", None, "Folder of the runs; runs/BUDGET by default.")
FLAGS.string(
    "output_dir",
    None,
    "Folder of the records and the report; results/BUDGET by default.",
)
FLAGS.string(
    "write_runs",
    None,
    "Folder for the plan's trainings as --runs of salcomp.run_step takes them, and for "
    "what that trains; bring each home by --import_state of salcomp.train.",
)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    # A training that is under way then saves its last step, as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    name = FLAGS.budget
    budget, runs = plan.BUDGETS[name], plan.read(name)
    workdir = disk.make_folder("workdir", FLAGS.workdir or f"runs/{name}")
    if FLAGS.write_runs:
        return _write_runs(runs, budget, workdir)
    output_dir = disk.make_folder("output_dir", FLAGS.output_dir or f"results/{name}")
    with disk.locked(workdir):
        train_frames, sets = _frames(workdir)
        frames = [str(train_frames), *(str(one.folder) for one in sets)]
        records = Records(workdir, output_dir)
        scoring = [(one.scorer, one.boxes) for one in sets]
        scorers, boxes = map(list, zip(*scoring))
        settings = {"frames": frames, "scorers": scorers, "boxes": boxes}
        records.check({**settings, **budget._asdict()})
        write_record(output_dir / "record.json", "study", argv, data=frames)
        study_frames.write_map_statistics(train_frames, output_dir / "maps.csv")
        if not records.has("classical"):
            logging.info("measuring the classical codecs")
            rows = [doing.measure_classical(one, budget.scored) for one in sets]
            records.keep_rows("classical", sum(rows, []))

        def collect():
            records.collect(runs)
            done = {run.name for run in runs if records.seconds(run) is not None}
            reconstructions.write(runs, done, sets, workdir, output_dir)

        for run in runs:
            if records.seconds(run) is None:
                _log_progress(run, runs, records)
                _perform(run, records, workdir, train_frames, sets, budget)
                collect()
        collect()
    page = report.page_of(output_dir)
    report.write(output_dir, page)
    print(page)


def _write_runs(runs, budget, workdir: Path) -> None:
    """Writes the lists of runs for an accelerator, and prints the commands."""
    folder = disk.make_folder("write_runs", FLAGS.write_runs)
    train_frames, _ = _frames(workdir)
    kinds = {run.of_arm.maps for run in runs if run.of_arm.trains}
    frames = {kind: _with_maps(kind, train_frames, workdir) for kind in kinds}
    print(*sweep.write(runs, budget, frames, folder), sep="\n")


def _with_maps(kind: str, train_frames: Path, workdir: Path) -> Path:
    """The training frames with maps of a kind, made if need be."""
    target = workdir / "frames" / f"train-{kind}"
    if kind == "own":
        return train_frames
    return study_frames.with_other_maps(kind, train_frames, target)


def _frames(workdir: Path) -> tuple[Path, list[EvaluationSet]]:
    """The training frames, and the sets to measure on, the test frames first."""
    if not FLAGS.data:
        if FLAGS.budget != "smoke":
            raise InputError("--data is needed: a folder of frames in train/ and test/")
        return study_frames.draw(workdir / "scenes")
    data = Path(FLAGS.data)
    sets = [EvaluationSet("test", data / "test", boxes=FLAGS.boxes)]
    for name, kind in (("fixations", "fixation"), ("drivers", "driver")):
        given = (FLAGS[f"{kind}_{what}"].value for what in ("frames", "maps"))
        sets += study_frames.judged(name, kind, *given)
    if FLAGS.kodak:
        sets.append(_kodak(Path(FLAGS.kodak)))
    for folder in (data / "train", *(one.folder for one in sets)):
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder")
    return data / "train", sets


def _kodak(folder: Path) -> EvaluationSet:
    """The Kodak images; without maps they have the centre prior, whoever predicts."""
    first = disk.files_in(folder)[:1]
    has_maps = first and images.read_image(first[0]).alpha is not None
    own = "auto" if has_maps else "center"
    arms = "baseline", "factorized", "hyper", "hyper-rates"
    return EvaluationSet("kodak", folder, "center", arms=arms, own=own)


def _perform(run, records, workdir, train_frames, sets, budget) -> None:
    """Trains the run's model, if it has one, and measures it."""
    folder = workdir / run.name
    train = None
    if run.of_arm.trains and not doing.is_trained(folder):
        train_frames = _with_maps(run.of_arm.maps, train_frames, workdir)
        started = time.monotonic()
        doing.train(run, folder, train_frames, budget.flags)
        train = round(time.monotonic() - started, 1)
    started = time.monotonic()
    model = folder if run.of_arm.trains else workdir / run.start
    count = budget.refined if run.of_arm.refinement else budget.scored
    rows = doing.measure(run, model, sets, count, workdir / "frames")
    records.keep(run, rows, train=train, measure=round(time.monotonic() - started, 1))


def _log_progress(run, runs, records: Records) -> None:
    """One line on the run that begins, and on how long the study still takes."""
    left = [one for one in runs if records.seconds(one) is None]
    expected = [_expected(one, runs, records) for one in left]
    seconds = sum(filter(None, expected))
    what = f"{run.name} ({run.of_arm.description}, lambda {run.lmbda:g})"
    about = "more than" if None in expected else "about"
    rest = f"{about} {duration(seconds)} left" if seconds else "time left unknown yet"
    place = len(runs) - len(left) + 1
    logging.info("run %d of %d: %s; %s", place, len(runs), what, rest)


def _expected(run, runs, records: Records) -> float | None:
    """The seconds that a run takes, by those of its kind; None while none is done."""

    def kind(one):
        return one.of_arm.trains, bool(one.of_arm.refinement)

    alike = [one for one in runs if kind(one) == kind(run)]
    spent = [(one.steps, records.seconds(one)) for one in alike]
    spent = [(steps, seconds) for steps, seconds in spent if seconds]
    if not spent:
        return None
    expected = sum(seconds["measure"] for _, seconds in spent) / len(spent)
    trained = [(n, seconds["train"]) for n, seconds in spent if seconds["train"]]
    if trained:
        steps, seconds = map(sum, zip(*trained))
        expected += run.steps * seconds / steps
    return expected


if __name__ == "__main__":
    cli.run(main)
