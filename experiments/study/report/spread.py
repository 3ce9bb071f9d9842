"""How an arm's gain varies from image to image, at equal rate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.study.report.records import StudyRecords


class Gains(NamedTuple):
    """One run over the baseline's curve, image by image.

    Attributes:
      run: its name.
      images: those whose rate lies within the baseline's rates for them.
      own: EWPSNR gained under the encoder's own map, in dB, [images].
      boxes: PSNR gained in the annotated boxes, in dB, [images]; NaN without any.
    """

    run: str
    images: list[str]
    own: np.ndarray
    boxes: np.ndarray


def gains(records: StudyRecords, arm: str) -> Gains | None:
    """Of the arm's run that lies on most images' curves; the highest such lambda.

    Each image's quality is compared with the baseline's for the same image at the
    same rate, by log-linear interpolation between its points.
    """
    curve = [run.name for run in records.series("baseline")]
    if len(curve) < 2:
        return None
    found = [_of_run(records, run.name, curve) for run in records.series(arm)[::-1]]
    found = [one for one in found if len(one.images) > 1]
    return max(found, key=lambda one: len(one.images), default=None)


def _of_run(records: StudyRecords, name: str, curve: list[str]) -> Gains:
    images = records.images("test", [name, *curve])
    bpp, own, boxes = (
        records.table("test", [*curve, name], images, metric)
        for metric in ("bpp", "ewpsnr", "boxes-psnr")
    )
    inside = (bpp[-1] >= bpp[:-1].min(0)) & (bpp[-1] <= bpp[:-1].max(0))
    kept = np.flatnonzero(inside)
    differences = [
        np.array([_over_curve(bpp[:, i], quality[:, i]) for i in kept])
        for quality in (own, boxes)
    ]
    return Gains(name, [images[i] for i in kept], *differences)


def _over_curve(rates: np.ndarray, qualities: np.ndarray) -> float:
    """The last point's quality over the curve of the others, at its rate."""
    order = np.argsort(rates[:-1])
    x, y = np.log(rates[:-1][order]), qualities[:-1][order]
    return float(qualities[-1] - np.interp(np.log(rates[-1]), x, y))


def wrong_sign(values: np.ndarray) -> float:
    """Of all pairs of values, the share whose mean has not the sign of the whole's."""
    sums = (values[:, None] + values)[np.triu_indices(len(values), 1)]
    return float(np.mean(np.sign(sums) != np.sign(values.mean())))
