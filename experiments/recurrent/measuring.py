"""Measures coders on pictures, and brings what a study measured on the same ones."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from experiments.recurrent.arms import JPEG, Coder
from experiments.study.report.records import StudyRecords
from salcomp.errors import InputError
from salcomp.evaluation.comparison import measure_scene
from salcomp.evaluation.series import Point
from salcomp.evaluation.subjects import Subject

_VALUES = ("bytes", "bpp", "information_bpp", "psnr-rgb", "ewpsnr", "ms-ssim-rgb-db")
# What the records keep of each picture and setting.
COLUMNS = ("set", "run", "image", "setting", *_VALUES, "seconds")
# Of the codec of 2017, by the study's names.
STUDIED = (
    *("baseline", "concat", "modulate", "refine-uniform on baseline"),
    *("refine-saliency on baseline", "refine-shuffled on baseline"),
)


def run_name(label: str, setting: float) -> str:
    """The name of what codes at one setting."""
    return f"{label}@{setting:g}"


def measure(
    set_name: str, label: str, coder: Coder, subjects: list[Subject]
) -> Iterator[list[dict]]:
    """Codes pictures at all settings; gives the rows of each, with the keys `COLUMNS`.

    Raises:
      InputError: a picture or its map cannot be read.
    """

    def rows(subject: Subject) -> list[dict]:
        scene = subject.load()
        started = time.perf_counter()
        encode = coder.look(scene.rgb, scene.saliency)
        looked = (time.perf_counter() - started) / len(coder.settings)
        found = []
        for setting in coder.settings:
            values = measure_scene(
                Point(setting, lambda *_, at=setting: encode(at), coder.decode),
                scene,
                weights={},
            )
            times = looked, values["encode_seconds"], values["decode_seconds"]
            keys = set_name, run_name(label, setting), subject.path.name, setting
            cells = (values[name] for name in _VALUES)
            found.append(dict(zip(COLUMNS, (*keys, *cells, sum(times)))))
        return found

    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield from pool.map(rows, subjects)
    finally:  # drops what has not begun
        pool.shutdown(cancel_futures=True)


def of_study(folder: Path, own: list[dict[str, str]]) -> list[dict]:
    """The rows of the codec of 2017, as far as a study has them, on the same pictures.

    Args:
      folder: of the study's records.
      own: rows of `measure`, JPEG among them, as a CSV gives them.

    Raises:
      InputError: there are no records, or pictures of one name are not the same.
    """
    study = StudyRecords(folder)
    images: dict[str, set[str]] = {}
    for row in own:
        images.setdefault(row["set"], set()).add(row["image"])
    _check_pictures(study, own)
    found = []
    for label in STUDIED:
        for run in study.series(label):
            for set_name, wanted in images.items():
                common = sorted(wanted & {*study.images(set_name, [run.name])})
                values = [
                    study.table(set_name, [run.name], common, name)[0]
                    for name in _VALUES
                ]
                for image, *cells in zip(common, *values):
                    keys = set_name, run_name(label, run.lmbda), image, run.lmbda
                    found.append(dict(zip(COLUMNS, (*keys, *cells, float("nan")))))
    return found


def _check_pictures(study: StudyRecords, own: list[dict[str, str]]) -> None:
    """Makes sure that JPEG makes the same files of pictures of one name."""
    for row in own:
        label, _, setting = row["run"].partition("@")
        name, set_name = f"{label}-{setting}", row["set"]
        if label == JPEG and row["image"] in study.images(set_name, [name]):
            theirs = study.table(set_name, [name], [row["image"]], "bytes")[0, 0]
            if theirs != float(row["bytes"]):
                raise InputError(
                    f"{study.folder} is of other pictures: {row['image']} of its set "
                    f"{set_name} has {theirs:g} bytes as JPEG of quality {setting}, "
                    f"and here {row['bytes']}; leave out --study, or give its frames"
                )
