"""The pictures of the report: windows of pictures that are coded at one size.

Chosen by rule: the test frames with the largest annotated boxes, and of other pictures
those whose maps are the narrowest, which mostly lie on faces or text. The size is that
which refinement with uniform weights ends with; refinement under the map finds the
lambda, and AVIF the quality, that come closest to it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging

from experiments.study.frames import EvaluationSet
from experiments.study.plan import PlannedRun
from experiments.study.run import refinement_weight
from salcomp.codec import base
from salcomp.codec.rate_search import approach, closest
from salcomp.codec.refine import Refinement, Refiner
from salcomp.evaluation import classical
from salcomp.evaluation.subjects import Scene, Subject
from salcomp.files import images, saliency_maps
from salcomp.files.results import write_csv
from salcomp.metrics import quality as metrics

SHOWN = 2  # of the test frames, and of other pictures
WINDOW = 80, 160  # height and width in pixels
# The refinements, of the lowest lambda but one: where codecs differ visibly.
_ARMS = "refine-uniform", "refine-saliency"
_LAMBDA_RANGE = 8  # as a factor
_CODEC = "avif"


class _Coded(NamedTuple):
    """A picture as a codec left it: the setting, the file, and uint8 [H, W, 3]."""

    setting: float
    data: bytes
    picture: np.ndarray

    @property
    def bpp(self) -> float:
        """Rate of the file in bit per pixel."""
        return 8 * len(self.data) / self.picture[..., 0].size


def write(
    runs: list[PlannedRun],
    done: set[str],
    sets: list[EvaluationSet],
    workdir: Path,
    output_dir: Path,
) -> None:
    """Codes the pictures and writes the windows, unless all are there already.

    Writes `reconstructions/*.png` and `reconstructions.csv`, which says what each
    window shows: picture, arm, run, setting, bit/pixel, dB, and where the window lies.

    Args:
      runs: of the plan.
      done: names of those that are.
      sets: that are measured on; pictures are taken from "test" and "kodak".
      workdir: with the models.
      output_dir: of the results.
    """
    table = output_dir / "reconstructions.csv"
    pair = chosen_runs(runs)
    if table.exists() or not pair or not done.issuperset(run.name for run in pair):
        return
    found = []
    for subject in _chosen(sets, workdir):
        logging.info("coding %s for the figure of reconstructions", subject.path.name)
        found += _picture(subject, *pair, workdir, output_dir)
    write_csv(table, found)


def chosen_runs(runs: list[PlannedRun]) -> tuple[PlannedRun, PlannedRun] | None:
    """The refinements whose pictures are shown, with uniform weights and by the map.

    Of models that are told of no map; None if the plan refines with none.
    """
    untold = [run.name for run in runs if "--nosaliency" in run.of_arm.flags]

    def of(arm: str) -> list[PlannedRun]:
        found = [r for r in runs if r.arm == arm and r.start in untold and not r.seed]
        return sorted(found, key=lambda run: run.lmbda)

    pairs = [pair for pair in zip(*map(of, _ARMS)) if pair[0].start == pair[1].start]
    return pairs[:2][-1] if pairs else None


def _chosen(sets: list[EvaluationSet], workdir: Path) -> list[Subject]:
    """The pictures to show."""
    every = {
        one.name: one.subjects("own", sys.maxsize, workdir)
        for one in sets
        if one.name in ("test", "kodak")
    }
    frames = sorted(every.get("test", ()), key=lambda s: -_largest(s.boxes))
    others = sorted(every.get("kodak", ()), key=breadth)
    return frames[:SHOWN] + others[:SHOWN]


def _largest(boxes) -> float:
    """The area of the largest box in square pixels, 0 without any."""
    areas = ((right - left) * (bottom - top) for left, top, right, bottom in boxes)
    return max(areas, default=0)


def breadth(subject: Subject) -> float:
    """The mean of a map whose maximum is 1: narrow maps have a low one."""
    saliency = subject.load().saliency
    return float(saliency.mean() / saliency.max())


def window(boxes, saliency: np.ndarray) -> tuple[int, int]:
    """Top and left of the window around the largest box, or where the map is heaviest.

    Args:
      boxes: rows [left, top, right, bottom] in pixels.
      saliency: [H, W], at least as large as the window.
    """
    if not boxes:
        return saliency_maps.heaviest(saliency, *WINDOW)
    left, top, right, bottom = max(boxes, key=lambda box: _largest([box]))
    centre = (top + bottom) / 2, (left + right) / 2
    return tuple(
        int(np.clip(c - length / 2, 0, whole - length))
        for c, length, whole in zip(centre, WINDOW, saliency.shape)
    )


def _coded(
    scene: Scene, uniform: PlannedRun, told: PlannedRun, workdir: Path
) -> dict[str, _Coded]:
    """A picture by both refinements and the classical codec, at one size."""
    codec = base.load(workdir / uniform.start)
    refiner = Refiner(codec, uniform.steps, uniform.lmbda, uniform.seed)

    def refined(run: PlannedRun, lmbda: float) -> _Coded:
        refinement = Refinement(refiner, refinement_weight(run, codec))
        data = refinement.encode(scene.rgb, scene.saliency, lmbda).data
        return _Coded(lmbda, data, codec.decode(data))

    def classic(setting: float) -> _Coded:
        data = classical.encode(_CODEC, scene.rgb, setting)
        return _Coded(setting, data, classical.decode(data))

    first = refined(uniform, uniform.lmbda)
    ends = told.lmbda / _LAMBDA_RANGE, told.lmbda * _LAMBDA_RANGE
    _, second, _ = approach(lambda x: refined(told, x), told.lmbda, ends, first.bpp)
    settings = classical.codec_of(_CODEC).settings
    _, third, _ = closest(classic, settings, first.bpp)
    return dict(zip((*_ARMS, _CODEC), (first, second, third)))


def _picture(
    subject: Subject,
    uniform: PlannedRun,
    told: PlannedRun,
    workdir: Path,
    output_dir: Path,
) -> list[dict]:
    """Codes one picture in all ways; writes the windows; returns rows of the table."""
    scene = subject.load()
    top, left = window(subject.boxes, scene.saliency)
    inside = np.s_[top : top + WINDOW[0], left : left + WINDOW[1]]
    coded = _coded(scene, uniform, told, workdir)
    grey = np.round(255 * scene.saliency).astype(np.uint8)
    pictures = {
        ("given", "frame"): scene.rgb,
        ("given", "original"): scene.rgb[inside],
        ("given", "map"): grey[inside],
        **{("matched", arm): one.picture[inside] for arm, one in coded.items()},
    }
    rows = []
    (output_dir / "reconstructions").mkdir(exist_ok=True)
    for (kind, arm), picture in pictures.items():
        file = f"reconstructions/{subject.path.stem}-{kind}-{arm}.png"
        images.write_png(output_dir / file, picture)
        row = {"image": subject.path.name, "kind": kind, "arm": arm, "file": file}
        row |= {"top": top, "left": left, "model": uniform.start}
        rows.append(row | _values(coded.get(arm), scene))
    return rows


def _values(coded: _Coded | None, scene: Scene) -> dict:
    """What the table says of a coded picture; nothing of one that is not."""
    columns = ("setting", "bytes", "bpp", "psnr-rgb", "ewpsnr", "boxes-psnr")
    if coded is None:
        return dict.fromkeys(columns, "")
    found = metrics.all_metrics(
        scene.rgb, coded.picture, scene.saliency, boxes=scene.boxes
    )
    size = len(coded.data)
    values = coded.setting, size, coded.bpp, *(found[name] for name in columns[3:])
    return dict(zip(columns, values))
