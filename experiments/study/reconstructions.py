"""The pictures of the report: windows of frames that several arms have coded.

Each arm at a lambda of its own, and then at one file size: those frames are shown on
which the saliency arm's file is within 1 % of the baseline's at some pair of lambdas;
the refined picture's lambda is found by bisection.
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
from salcomp.codec.codec import Codec
from salcomp.codec.refine import Refinement, Refiner
from salcomp.files import images, saliency_maps
from salcomp.files.results import write_csv
from salcomp.metrics import quality as metrics

SHOWN = 3
WINDOW = 80, 160  # height and width in pixels
TOLERANCE = 0.01  # of the file size
_BISECTIONS = 12
_REFINED = "refine-saliency"


class _Coded(NamedTuple):
    """A frame as a model left it: the run, lambda, file, and uint8 [H, W, 3]."""

    run: str
    lmbda: float
    data: bytes
    picture: np.ndarray


class _Match(NamedTuple):
    """A frame on which two runs make files of one size, nearly."""

    image: str
    baseline: str
    saliency: str


def write(
    runs: list[PlannedRun],
    rows: list[dict[str, str]],
    test: EvaluationSet,
    workdir: Path,
    output_dir: Path,
) -> None:
    """Codes the frames and writes the windows, unless all are there already.

    Writes `reconstructions/*.png` and `reconstructions.csv`, which says what each
    window shows: frame, arm, run, lambda, bit/pixel, dB, and where the window lies.

    Args:
      runs: of the plan.
      rows: of per_image.csv.
      test: the frames.
      workdir: with the models.
      output_dir: of the results.
    """
    table = output_dir / "reconstructions.csv"
    measured = {row["run"] for row in rows}
    by_name = {run.name: run for run in runs if run.name in measured}
    own = _own(by_name)
    if table.exists() or not own:
        return
    every = test.subjects("own", sys.maxsize, workdir)
    subjects = {subject.path.name: subject for subject in every}
    found = []
    for match in _matches(rows, by_name, subjects)[:SHOWN]:
        logging.info("coding %s for the figure of reconstructions", match.image)
        subject = subjects[match.image]
        found += _frame(match, subject, own, by_name, workdir, output_dir)
    if found:
        write_csv(table, found)


def _own(by_name: dict[str, PlannedRun]) -> tuple[PlannedRun, ...] | None:
    """Baseline and saliency arm at the highest lambda that both have, and refinement.

    The refinement is by the map, with that baseline; None as long as one is missing.
    """
    baselines, conditioned = _curve(by_name, "baseline"), _curve(by_name, "concat")
    refined = {run.start: run for run in by_name.values() if run.arm == _REFINED}
    for lmbda in sorted(baselines.keys() & conditioned.keys(), reverse=True):
        baseline = baselines[lmbda]
        if baseline.name in refined:
            return baseline, conditioned[lmbda], refined[baseline.name]
    return None


def _curve(by_name: dict[str, PlannedRun], arm: str) -> dict[float, PlannedRun]:
    """The runs of an arm by lambda, at seed 0, from the common start."""
    return {
        run.lmbda: run
        for run in by_name.values()
        if run.arm == arm and run.seed == 0 and run.start
    }


def _matches(rows, by_name, subjects) -> list[_Match]:
    """Frames with matching files, those with the largest annotated box first."""
    curves = {arm: _curve(by_name, arm) for arm in ("baseline", "concat")}
    arms = {run.name: arm for arm in curves for run in curves[arm].values()}
    sizes: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        if row["set"] == "test" and row["run"] in arms:
            key = row["image"], arms[row["run"]]
            sizes.setdefault(key, {})[row["run"]] = int(row["bytes"])
    matches = []
    for image in subjects:
        pairs = {
            _Match(image, baseline, saliency): abs(np.log(other / size))
            for baseline, size in sizes.get((image, "baseline"), {}).items()
            for saliency, other in sizes.get((image, "concat"), {}).items()
        }
        nearest = min(pairs, key=pairs.get, default=None)
        if nearest and pairs[nearest] < np.log1p(TOLERANCE):
            matches.append(nearest)
    return sorted(matches, key=lambda match: -_largest(subjects[match.image].boxes))


def _largest(boxes) -> float:
    """The area of the largest box in square pixels, 0 without any."""
    areas = ((right - left) * (bottom - top) for left, top, right, bottom in boxes)
    return max(areas, default=0)


def window(boxes, saliency: np.ndarray) -> tuple[int, int]:
    """Top and left of the window around the largest box, or the map's maximum.

    Args:
      boxes: rows [left, top, right, bottom] in pixels.
      saliency: [H, W], at least as large as the window.
    """
    if boxes:
        left, top, right, bottom = max(boxes, key=lambda box: _largest([box]))
        centre = (top + bottom) / 2, (left + right) / 2
    else:
        blurred = saliency_maps.blur(saliency, 8)
        centre = np.unravel_index(blurred.argmax(), blurred.shape)
    return tuple(
        int(np.clip(c - length / 2, 0, whole - length))
        for c, length, whole in zip(centre, WINDOW, saliency.shape)
    )


class _Coder(NamedTuple):
    """Codes one frame with the models of the study.

    Attributes:
      rgb: uint8 [H, W, 3].
      saliency: float32 [H, W], 0..1.
      workdir: with the models.
      like: the run whose refinement is done, but for its lambda.
    """

    rgb: np.ndarray
    saliency: np.ndarray
    workdir: Path
    like: PlannedRun

    def plain(self, run: PlannedRun) -> _Coded:
        """By a run's model."""
        codec = Codec.load(self.workdir / run.name)
        data = codec.encode(self.rgb, self.saliency).data
        return _Coded(run.name, run.lmbda, data, codec.decode(data))

    def refined(self, model: str, lmbda: float) -> _Coded:
        """By refinement under the map, with a run's model."""
        return self._refine(self._refiner(model), model, lmbda)

    def refined_to(self, model: str, size: int) -> _Coded:
        """The same at the lambda that comes near a file size in bytes."""
        refiner = self._refiner(model)
        low, high = 0.05 * self.like.lmbda, 20 * self.like.lmbda
        for _ in range(_BISECTIONS):
            middle = float(np.sqrt(low * high))
            coded = self._refine(refiner, model, middle)
            if abs(len(coded.data) / size - 1) < TOLERANCE:
                break
            low, high = (middle, high) if len(coded.data) < size else (low, middle)
        return coded

    def _refiner(self, model: str) -> Refiner:
        codec = Codec.load(self.workdir / model)
        return Refiner(codec, self.like.steps, self.like.lmbda, self.like.seed)

    def _refine(self, refiner: Refiner, model: str, lmbda: float) -> _Coded:
        weight = refinement_weight(self.like, refiner.codec)
        refinement = Refinement(refiner, weight)
        data = refinement.encode(self.rgb, self.saliency, lmbda).data
        return _Coded(model, lmbda, data, refiner.codec.decode(data))


def _frame(match: _Match, subject, own, by_name, workdir, output_dir) -> list[dict]:
    """Codes one frame in all ways; writes the windows; returns rows of the table."""
    rgb, saliency, *_ = subject.load()
    top, left = window(subject.boxes, saliency)
    inside = np.s_[top : top + WINDOW[0], left : left + WINDOW[1]]
    baseline, conditioned, refined = own
    coder = _Coder(rgb, saliency, workdir, refined)
    matched = coder.plain(by_name[match.baseline])
    coded = {
        ("own", "baseline"): coder.plain(baseline),
        ("own", "saliency"): coder.plain(conditioned),
        ("own", "refined"): coder.refined(refined.start, refined.lmbda),
        ("matched", "baseline"): matched,
        ("matched", "saliency"): coder.plain(by_name[match.saliency]),
        ("matched", "refined"): coder.refined_to(match.baseline, len(matched.data)),
    }
    grey = np.round(255 * saliency).astype(np.uint8)
    pictures = {
        ("given", "frame"): rgb,
        ("given", "original"): rgb[inside],
        ("given", "map"): grey[inside],
        **{key: one.picture[inside] for key, one in coded.items()},
    }
    rows = []
    (output_dir / "reconstructions").mkdir(exist_ok=True)
    for (kind, arm), picture in pictures.items():
        file = f"reconstructions/{subject.path.stem}-{kind}-{arm}.png"
        images.write_png(output_dir / file, picture)
        row = {"image": subject.path.name, "kind": kind, "arm": arm, "file": file}
        row |= {"top": top, "left": left}
        row |= _values(coded.get((kind, arm)), rgb, saliency, subject.boxes)
        rows.append(row)
    return rows


def _values(coded: _Coded | None, rgb, saliency, boxes) -> dict:
    """What the table says of a coded frame; nothing of one that is not."""
    columns = ("run", "lambda", "bpp", "psnr-rgb", "ewpsnr", "boxes-psnr")
    if coded is None:
        return dict.fromkeys(columns, "")
    found = metrics.all_metrics(rgb, coded.picture, saliency, boxes=boxes)
    bpp = 8 * len(coded.data) / saliency.size
    values = (coded.run, coded.lmbda, bpp, *(found[name] for name in columns[3:]))
    return dict(zip(columns, values))
