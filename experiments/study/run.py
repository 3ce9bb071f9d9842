"""Measures a run: what its model, or its refinement, makes of every image."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from experiments.study.frames import EvaluationSet
from experiments.study.plan import Run
from salcomp.codec.codec import Codec
from salcomp.codec.refine import Refinement, Refiner
from salcomp.evaluation.comparison import measure_scene
from salcomp.evaluation.series import Point, classical_series
from salcomp.evaluation.subjects import Subject

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
    "set",
    "run",
    "image",
    "bytes",
    "bpp",
    "information_bpp",
    "psnr-rgb",
    "ewpsnr",
    *(f"ewpsnr-floor-{floor}" for floor in FLOORS),
    "roi-psnr-5",
    "non-roi-psnr-5",
    "roi-psnr-20",
    "non-roi-psnr-20",
    "boxes-psnr",
    "non-boxes-psnr",
    "ms-ssim-rgb-db",
    "weighted-ms-ssim-db",
)


def measure(
    run: Run, model: Path, sets: Iterable[EvaluationSet], count: int, scratch: Path
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
    codec = Codec.load(model)
    encode = codec.encode if run.of_arm.trains else _refining(run, codec)
    point = Point(run.lmbda, encode, codec.decode)
    # A refiner works on one image at a time.
    workers = 2 if run.of_arm.trains else 1
    rows = []
    for one in sets:
        if one.measures(run):
            subjects = one.subjects(run.of_arm.maps, count, scratch)
            rows += _rows(one.name, run.name, point, subjects, workers)
    return rows


def measure_classical(one: EvaluationSet, count: int) -> list[dict]:
    """The same of the classical codecs on one set; a row's run is "CODEC-SETTING"."""
    rows = []
    for series in classical_series(list(_QUALITIES), list(_QUALITIES.values())):
        for point in series.points:
            name = f"{series.label}-{point.setting:g}"
            subjects = one.subjects("own", count, Path())
            rows += _rows(one.name, name, point, subjects, workers=2)
    return rows


def _rows(
    set_name: str, name: str, point: Point, subjects: list[Subject], workers: int
) -> list[dict]:
    def row(subject: Subject) -> dict:
        return {
            "set": set_name,
            "run": name,
            "image": subject.path.name,
            **_measured(point, subject),
        }

    with ThreadPoolExecutor(workers) as pool:
        bar = tqdm(total=len(subjects), desc=f"{name}, {set_name}", disable=None)
        with bar:
            rows = []
            for found in pool.map(row, subjects):
                rows.append(found)
                bar.update()
    return [{column: found[column] for column in COLUMNS} for found in rows]


def _measured(point: Point, subject: Subject) -> dict[str, float]:
    scene = subject.load()
    weights = {
        f"ewpsnr-floor-{floor}": np.maximum(scene.score_saliency, floor)
        for floor in FLOORS
    }
    return measure_scene(point, scene, weights)


def _refining(run: Run, codec: Codec) -> Callable:
    """The encoder that refines: (RGB, map) -> the encoded image."""
    refiner = Refiner(codec, run.steps, run.lmbda, run.seed)
    refinement = Refinement(refiner, run.of_arm.refinement, run.floor)
    config = codec.config
    if run.weighting:
        config = dataclasses.replace(config, saliency_weighting=run.weighting)

    def encode(rgb: np.ndarray, saliency: np.ndarray):
        weight = refinement.weight(config, saliency)
        latents = refiner.refine(rgb, saliency, weight)
        return codec.encode_latents(latents, rgb.shape[:2])

    return encode
