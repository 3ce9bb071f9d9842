"""Puts models of the study into the zoo that comes with salcomp.

    python -m experiments.fill_zoo --workdir=runs/true-maps --records=results/true-maps

The models of an arm are numbered by rising lambda, save that of several rates, which is
alone; their cards are made from the study's records. Their weights are rounded to half
precision, for half the size.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.study.report.page import description
from experiments.study.report.records import FinishedRun, StudyRecords
from salcomp import cli
from salcomp.codec import base
from salcomp.codec.base import RangeCodec
from salcomp.errors import InputError
from salcomp.flags import Flags
from salcomp.zoo import exported, shipped

# Arms of the study, by the first part of their models' names in the zoo.
_ARMS = {
    "baseline": "baseline",
    "saliency": "concat",
    "modulate": "modulate",
    "hyper": "hyper",
    "hyper-saliency": "hyper-concat",
    "hyper-modulate": "hyper-modulate",
}

FLAGS = Flags()
FLAGS.string("workdir", "runs/true-maps", "Folder of the study's runs.")
FLAGS.string("records", "results/true-maps", "Folder of the study's records.")
FLAGS.string(
    "frames",
    None,
    "What the training frames are, for the cards, such as `scenes of GTSDB`; the "
    "name of their folder by default.",
)
FLAGS.string("test_frames", None, "Likewise what the test frames are.")
FLAGS.string(
    "photographs",
    "photographs of OSIE",
    "Likewise what the images with human fixations are.",
)
FLAGS.string("zoo", None, "Folder of the models; that of salcomp by default.")


class _Model(NamedTuple):
    """A model for the zoo: its name, its arm there, and the runs behind it.

    These are the training, and those that code at other rates of it.
    """

    name: str
    arm: str
    runs: list[FinishedRun]


def _models(records: StudyRecords) -> list[_Model]:
    """The models that the records are of."""
    found = []
    for prefix, arm in _ARMS.items():
        series = records.series(arm)
        for i, trained in enumerate(run for run in series if run.arm == arm):
            runs = [run for run in series if trained.name in (run.name, run.start)]
            name = f"{prefix}-{i + 1}" if len(runs) == 1 else prefix
            found.append(_Model(name, prefix, runs))
    return found


def _card(records: StudyRecords, runs: list[FinishedRun], codec: RangeCodec) -> dict:
    """What is known of a model of some runs, but for what the model itself tells."""
    run = runs[0]
    start = records.runs[run.start]
    count = records.rows("maps.csv")[0]["frames"]
    train_frames = FLAGS.frames or records.made["data"][0]
    return {
        "arm_description": description(run),
        "training": (
            f"{count} frames, {train_frames}: {start.steps:,} steps of a "
            f"baseline at lambda {start.lmbda:g} and from it {run.steps:,} steps, "
            f"seed {run.seed}"
        ),
        **{key: records.made[key] for key in ("date", "command", "versions")},
        "points": [_point(records, one, codec) for one in runs],
    }


def _point(records: StudyRecords, run: FinishedRun, codec: RangeCodec) -> dict:
    """What a model does at the rate of a run."""
    test_frames = FLAGS.test_frames or records.made["data"][1]
    return {
        "quality": codec.at_lambda(run.lmbda).quality if codec.has_rates else None,
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
    models = _models(records)
    if not models:
        raise InputError(f"{FLAGS.records} has no run of {', '.join(_ARMS.values())}")
    workdir = Path(FLAGS.workdir)
    sources = [workdir / model.runs[0].name / "model" for model in models]
    for source in sources:
        if not source.is_dir():
            raise InputError(f"{source}: no such folder; --workdir is the study's")
    for (name, arm, runs), source in zip(models, sources):
        codec = base.load(source)
        card = {"arm": arm, **_card(records, runs, codec)}
        with tempfile.TemporaryDirectory() as scratch:
            halved = Path(scratch, "model")
            exported.save(codec.model, codec.step, halved, np.float16)
            shipped.add(halved, name, card, zoo)
        print(name)


if __name__ == "__main__":
    cli.run(main)
