"""Does a run: trains its model, and measures what it makes of every image.

Training is salcomp.train in a process of its own.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from experiments.study.frames import EvaluationSet
from experiments.study.plan import PlannedRun
from salcomp.codec import base
from salcomp.codec.codec import Codec
from salcomp.codec.refine import Refinement, Refiner
from salcomp.config.weighting import mixed_weight, raw_weight
from salcomp.errors import SalcompError
from salcomp.evaluation.comparison import measure_scene
from salcomp.evaluation.series import Point, classical_series
from salcomp.evaluation.subjects import Subject
from salcomp.progress import Progress

# Of the classical codecs, where the models' rates are.
_QUALITIES = {
    "jpeg": "jpeg=3,5,10,15,20,30",
    "jpeg-optimized": "jpeg-optimized=3,5,10,15,20,30",
    "webp": "webp=0,5,15,30,50",
    "avif": "avif=5,10,20,30,40,50",
    "jpeg2000": "jpeg2000=0.1,0.15,0.25,0.4,0.6",
}
# EWPSNR under max(s, floor), the weights of training, beside that under s.
FLOORS = (0.1, 0.01)
# What the records keep of each image; all else follows from it.
COLUMNS = (
    *("set", "run", "image", "bytes", "bpp", "information_bpp", "psnr-rgb", "ewpsnr"),
    *(f"ewpsnr-floor-{floor}" for floor in FLOORS),
    *("roi-psnr-5", "non-roi-psnr-5", "roi-psnr-20", "non-roi-psnr-20"),
    *("boxes-psnr", "non-boxes-psnr", "ms-ssim-rgb-db", "weighted-ms-ssim-db"),
)


def is_trained(folder: Path) -> bool:
    """Whether a run's folder has the model that it ends with."""
    return (folder / "model" / "fingerprint.txt").is_file()


def train(run: PlannedRun, folder: Path, frames: Path, flags: tuple[str, ...]) -> None:
    """Trains a run to its end, from where it was left.

    Args:
      run: of an arm that trains.
      folder: of the run; that of the run it starts from lies beside.
      frames: folder of the training frames.
      flags: of the budget.

    Raises:
      SalcompError: the training failed; its log is in `FOLDER.log`.
    """
    command = [sys.executable, "-m", "salcomp.train", *arguments(run, folder, flags)]
    command.append(f"--train_glob={frames / '*.png'}")
    log = folder.with_name(f"{folder.name}.log")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
        try:
            status = process.wait()
        except BaseException:  # Ctrl-C: let it save its last step
            process.terminate()
            process.wait()
            raise
    if status:
        last = log.read_text().splitlines()[-1:]
        raise SalcompError(f"training {run.name} failed: {''.join(last)} (see {log})")


def arguments(run: PlannedRun, folder: Path, flags: tuple[str, ...]) -> list[str]:
    """The flags of salcomp.train that a run stands for, save those of the frames."""
    found = [*settings(run, flags), f"--workdir={folder}"]
    if run.start is not None:
        found.append(f"--init_from={folder.parent / run.start}")
    return found


def settings(run: PlannedRun, flags: tuple[str, ...]) -> list[str]:
    """Those of them that make the configuration."""
    found = [*flags, *run.of_arm.flags, f"--lambda={run.lmbda:g}", f"--seed={run.seed}"]
    found += [f"--last_step={run.steps}", f"--learning_rate={run.learning_rate:g}"]
    if run.floor is not None:
        found.append(f"--saliency_floor={run.floor:g}")
    if run.weighting is not None:
        found.append(f"--saliency_weighting={run.weighting}")
    if run.normalization is not None:
        found.append(f"--weight_normalization={run.normalization}")
    if run.uniform_share is not None:
        found.append(f"--uniform_share={run.uniform_share:g}")
    if run.num_filters is not None:
        found.append(f"--num_filters={run.num_filters}")
    return found


def measure(
    run: PlannedRun,
    model: Path,
    sets: Iterable[EvaluationSet],
    count: int,
    scratch: Path,
) -> list[dict]:
    """A row per image of each set, with the keys `COLUMNS`.

    Args:
      run: whose model or refinement it is.
      model: folder of the model.
      sets: to measure on.
      count: of images of each set at most.
      scratch: folder for frames with other maps.

    Raises:
      InputError: a file cannot be used.
    """
    codec = base.load(model).at_lambda(run.lmbda)
    encode = _refining(run, codec) if run.of_arm.refinement else codec.encode
    point = Point(run.lmbda, encode, codec.decode)
    rows = []
    for one in sets:
        if one.measures(run):
            subjects = one.subjects(run.of_arm.maps, count, scratch)
            rows += _rows(one.name, run.name, point, subjects)
    return rows


def measure_classical(one: EvaluationSet, count: int) -> list[dict]:
    """The same of the classical codecs on one set; a row's run is "CODEC-SETTING"."""
    rows = []
    for series in classical_series(list(_QUALITIES), list(_QUALITIES.values())):
        for point in series.points:
            name = f"{series.label}-{point.setting:g}"
            subjects = one.subjects("own", count, Path())
            rows += _rows(one.name, name, point, subjects)
    return rows


def _rows(
    set_name: str, name: str, point: Point, subjects: list[Subject]
) -> list[dict]:
    def row(subject: Subject) -> dict:
        scene = subject.load()
        floored = {floor: np.maximum(scene.score_saliency, floor) for floor in FLOORS}
        weights = {f"ewpsnr-floor-{floor}": w for floor, w in floored.items()}
        found = {"set": set_name, "run": name, "image": subject.path.name}
        found |= measure_scene(point, scene, weights)
        return {column: found[column] for column in COLUMNS}

    title = f"{name}, {set_name}"
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [*Progress(pool.map(row, subjects), title, len(subjects))]


def _refining(run: PlannedRun, codec: Codec) -> Callable:
    """The encoder that refines: (RGB, map) -> the encoded image."""
    refiner = Refiner(codec, run.steps, run.lmbda, run.seed)
    return Refinement(refiner, refinement_weight(run, codec)).encode


def refinement_weight(run: PlannedRun, codec: Codec) -> Callable | None:
    """The weight of a run's refinement: mixed, that of a training, or none."""
    if run.of_arm.refinement == "uniform":
        return None
    if run.uniform_share is not None:
        return functools.partial(mixed_weight, uniform_share=run.uniform_share)
    changes = {"saliency_floor": run.floor, "saliency_weighting": run.weighting}
    changes = {name: value for name, value in changes.items() if value is not None}
    config = dataclasses.replace(codec.config, **changes)
    return functools.partial(raw_weight, config=config)
