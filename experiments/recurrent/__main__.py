"""A recurrent codec whose iterations follow the map, against one that has no map.

    python -m salcomp.recurrent.train --preset=cpu --train_glob='frames/train/*.png'
    python -m experiments.recurrent --model=runs/recurrent-cpu --frames=frames/test \\
        --fixation_frames=osie --fixation_maps=osie-fixations --study=results/true-maps

Codes street frames and photographs with all iterations everywhere, and with blocks that
stop by the gain per bit: under uniform weights, under those of the map, and under those
of another picture's map; the same with a model that was trained with the map; and with
JPEG. Prints where the page is, which experiments.report draws anew from the records. A
command that is given again goes on where it was stopped; one with another model
measures anew what that codes.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from experiments.record import write_record
from experiments.recurrent import arms, measuring, pictures, report
from experiments.study import frames as study_frames
from experiments.study.frames import EvaluationSet
from experiments.study.records import Records
from salcomp import cli
from salcomp.errors import InputError
from salcomp.files import disk
from salcomp.files.results import write_csv
from salcomp.flags import Flags
from salcomp.metrics import bd_rate
from salcomp.progress import Progress
from salcomp.recurrent.codec import RecurrentCodec
from salcomp.runs import metrics_file
from salcomp.zoo import exported

_MODELS = {"model": False, "saliency_model": True}  # whether trained with the map

FLAGS = Flags()
FLAGS.string(
    "model",
    None,
    "Recurrent model that was trained without a map: the workdir of a run of "
    "salcomp.recurrent.train, or an exported folder.",
)
FLAGS.string(
    "saliency_model",
    None,
    "Likewise one that was trained with the map (--saliency); its arms are left out "
    "without it.",
)
FLAGS.string(
    "frames",
    None,
    "Folder of the RGBA street frames, the map as alpha. Drawn scenes by default.",
)
FLAGS.string(
    "fixation_frames",
    None,
    "Folder of RGBA photographs, whose human fixations are in --fixation_maps.",
)
FLAGS.string(
    "fixation_maps",
    None,
    "Folder of maps of human fixations, named as the images of --fixation_frames are.",
)
FLAGS.string(
    "study",
    None,
    "Folder of the records of a study, whose numbers of the codec of 2017 are taken "
    "where it measured the same pictures, such as results/true-maps.",
)
FLAGS.list(
    "lambdas",
    "0.0005,0.001,0.002,0.004,0.008,0.016".split(","),
    "Lambdas at which blocks stop, four or more, in bit per squared 8-bit level.",
)
FLAGS.integer(
    "limit",
    40,
    "Images of each set at most, at equal distances through it; 40 are those that a "
    "study refines.",
    lower_bound=2,
)
FLAGS.string(
    "workdir",
    "runs/recurrent-measured",
    "Folder of what is measured so far, and of frames with other maps.",
)
FLAGS.string("output_dir", "results/recurrent", "Folder of the records and the page.")


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    lambdas = cli.numbers(FLAGS, "lambdas")
    if len(lambdas) < bd_rate.MIN_POINTS:
        raise InputError(f"--lambdas: a BD-rate takes {bd_rate.MIN_POINTS} or more")
    codecs = _codecs()
    workdir = disk.make_folder("workdir", FLAGS.workdir)
    output_dir = disk.make_folder("output_dir", FLAGS.output_dir)
    with disk.locked(workdir):
        sets = _sets(workdir)
        records = Records(workdir, output_dir)
        folders = [str(one.folder) for one in sets]
        scorers = [one.scorer for one in sets]
        about = {"frames": folders, "scorers": scorers, "limit": FLAGS.limit}
        records.check({**about, "lambdas": lambdas})
        names = _measure(records, sets, codecs, lambdas, workdir)
        records.collect_rows(names)
        if FLAGS.study:
            studied = measuring.of_study(Path(FLAGS.study), records.rows())
            records.collect_rows(names, studied)
        pictures.write(codecs["model"], sets, workdir / "frames", output_dir)
        _write_training(output_dir / "training.csv")
        models = {name: _described(codec) for name, codec in codecs.items()}
        made = {"data": folders, "lambdas": lambdas, "models": models}
        write_record(output_dir / "record.json", "recurrent", argv, **made)
    print(report.write(output_dir))


def _codecs() -> dict[str, RecurrentCodec]:
    """The codecs of the models that are given, by flag."""
    if not FLAGS.model:
        raise InputError(
            "--model is needed: python -m salcomp.recurrent.train makes it"
        )
    found = {}
    for name, trained in _MODELS.items():
        if given := FLAGS[name].value:
            found[name] = RecurrentCodec.load(exported.ready(given))
            if found[name].config.condition_encoder != trained:
                how = "without" if trained else "with"
                raise InputError(f"--{name}={given} was trained {how} the map")
    return found


def _sets(workdir: Path) -> list[EvaluationSet]:
    """The sets to measure on, the street frames first."""
    given = FLAGS.fixation_frames, FLAGS.fixation_maps
    judged = study_frames.judged("fixations", "fixation", *given)
    if judged and not FLAGS.frames:
        raise InputError("--frames is needed beside --fixation_frames")
    if not FLAGS.frames:
        return study_frames.draw(workdir / "scenes")[1]
    sets = [EvaluationSet("test", Path(FLAGS.frames)), *judged]
    for one in sets:
        if not one.folder.is_dir():
            raise InputError(f"{one.folder}: no such folder")
    return sets


def _measure(
    records: Records,
    sets: list[EvaluationSet],
    codecs: dict[str, RecurrentCodec],
    lambdas: list[float],
    workdir: Path,
) -> list[str]:
    """Measures what is not kept yet; gives the names that rows are kept under.

    Those of a model are kept under its fingerprint.
    """
    coders = {arms.JPEG: ("", "own", arms.jpeg())}
    for label, arm in arms.ARMS.items():
        if codec := codecs.get("saliency_model" if arm.trained else "model"):
            coder = arms.coder(arm, codec, lambdas)
            coders[label] = f"-{codec.fingerprint.hex()}", arm.maps, coder
    work = [
        (f"{one.name}-{label}{of_model}", one, label, maps, coder)
        for label, (of_model, maps, coder) in coders.items()
        for one in sets
    ]
    images = {one.name: len(disk.files_in(one.folder)) for one in sets}
    counts = {name: min(count, FLAGS.limit) for name, count in images.items()}
    total = sum(counts[one.name] for _, one, *_ in work)
    with Progress(total=total, unit="image") as bar:
        for name, one, label, maps, coder in work:
            bar.set_postfix_str(f"{label}, {one.name}")
            if records.has(name):
                bar.skip(counts[one.name])
                continue
            subjects = one.subjects(maps, FLAGS.limit, workdir / "frames")
            rows = []
            for found in measuring.measure(one.name, label, coder, subjects):
                rows += found
                bar.update()
            records.keep_rows(name, rows)
    return [name for name, *_ in work]


def _write_training(path: Path) -> None:
    """Writes the validations of the models that are given as runs."""
    rows = []
    for name in _MODELS:
        validations = Path(FLAGS[name].value or "") / "validation.csv"
        if FLAGS[name].value and validations.exists():
            found = metrics_file.read_rows(validations)
            rows += [{"model": name, **row} for row in found]
    if rows:
        write_csv(path, rows)


def _described(codec: RecurrentCodec) -> dict:
    """What tells a model from others, as JSON values."""
    return {
        "fingerprint": codec.fingerprint.hex(),
        "step": codec.step,
        "config": dataclasses.asdict(codec.config),
    }


if __name__ == "__main__":
    cli.run(main)
