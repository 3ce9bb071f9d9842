"""Puts models of the study into the zoo that comes with salcomp.

    python -m experiments.fill_zoo --workdir=runs/true-maps --records=results/true-maps

The models of an arm are numbered by rising lambda; their cards are made from the
study's records. Their weights are rounded to half precision, for half the size.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from experiments.study.report.page import description
from experiments.study.report.records import FinishedRun, StudyRecords
from salcomp import cli
from salcomp.errors import InputError
from salcomp.flags import Flags
from salcomp.zoo import exported, shipped

# Arms of the study, by the first part of their models' names in the zoo.
_ARMS = {"baseline": "baseline", "saliency": "concat", "modulate": "modulate"}

FLAGS = Flags()
FLAGS.string("workdir", "runs/true-maps", "Folder of the study's runs.")
FLAGS.string("records", "results/true-maps", "Folder of the study's records.")
FLAGS.string(
    "frames",
    None,
    "What the frames are, for the cards, such as `street scenes of GTSDB`; the names "
    "of their folders by default.",
)
FLAGS.string(
    "photographs",
    "photographs of OSIE",
    "Likewise what the images with human fixations are.",
)
FLAGS.string("zoo", None, "Folder of the models; that of salcomp by default.")


def _card(records: StudyRecords, run: FinishedRun) -> dict:
    """What is known of a run's model, but for what the model itself tells."""
    start = records.runs[run.start]
    count = records.rows("maps.csv")[0]["frames"]
    train_frames, test_frames = records.made["data"][:2]
    if FLAGS.frames:
        train_frames, test_frames = FLAGS.frames, f"{FLAGS.frames}, held out"
    return {
        "arm_description": description(run),
        "training": (
            f"{count} frames, {train_frames}: {start.steps:,} steps of a "
            f"baseline at lambda {start.lmbda:g} and from it {run.steps:,} steps, "
            f"seed {run.seed}"
        ),
        **{key: records.made[key] for key in ("date", "command", "versions")},
        "test": {
            "frames": f"{test_frames}; EWPSNR by the map that the encoder had",
            **_scores(records, "test", run.name),
        },
        "fixations": {
            "frames": f"{FLAGS.photographs}; EWPSNR by human fixations",
            **_scores(records, "fixations", run.name),
        },
    }


def _scores(records: StudyRecords, set_name: str, run: str) -> dict:
    """Means over the images of a set, and between what the rates of most lie."""
    images = records.images(set_name, [run])
    bpp, psnr, ewpsnr = (
        records.table(set_name, [run], images, metric)[0]
        for metric in ("bpp", "psnr-rgb", "ewpsnr")
    )
    low, high = np.percentile(bpp, (2.5, 97.5))
    return {
        "images": len(images),
        "bpp": float(bpp.mean()),
        "bpp_low": float(low),
        "bpp_high": float(high),
        "psnr-rgb": float(psnr.mean()),
        "ewpsnr": float(ewpsnr.mean()),
    }


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    records = StudyRecords(Path(FLAGS.records))
    zoo = Path(FLAGS.zoo) if FLAGS.zoo else None
    models = {
        f"{prefix}-{i + 1}": run
        for prefix, arm in _ARMS.items()
        for i, run in enumerate(records.series(arm))
    }
    if not models:
        raise InputError(f"{FLAGS.records} has no run of {', '.join(_ARMS.values())}")
    workdir = Path(FLAGS.workdir)
    sources = {name: workdir / run.name / "model" for name, run in models.items()}
    for source in sources.values():
        if not source.is_dir():
            raise InputError(f"{source}: no such folder; --workdir is the study's")
    for name, run in models.items():
        card = {"arm": name.rpartition("-")[0], **_card(records, run)}
        with tempfile.TemporaryDirectory() as scratch:
            source = exported.load(sources[name])
            halved = Path(scratch, "model")
            exported.save(source.model, source.step, halved, np.float16)
            shipped.add(halved, name, card, zoo)
        print(name)


if __name__ == "__main__":
    cli.run(main)
