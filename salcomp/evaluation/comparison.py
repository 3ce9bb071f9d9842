"""From operating points and images to measurements, averages and BD-rates.

A measurement is a row: a dict with the image, the series, the index of the point in
the series and its setting, bytes, bpp, seconds, and all of `quality.METRICS`.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from salcomp.errors import InputError, SalcompError
from salcomp.evaluation.series import Point, Series
from salcomp.evaluation.subjects import Scene, Subject
from salcomp.files import disk
from salcomp.metrics import bd_rate, quality
from salcomp.progress import Progress


def measure(
    compared: list[Series],
    subjects: list[Subject],
    training_weight: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Iterator[dict]:
    """Codes every image at every point, into rows; shows a progress bar.

    Where a codec cannot code an image, such as one too large for its format, the log
    says so, and there is no row.

    Args:
      training_weight: encoder's map -> the weight of "ewpsnr-train", one for all
        series so that their curves compare; None leaves that metric out.

    Raises:
      InputError: an image or its map can no longer be read.
    """
    points = [(one, i, point) for one in compared for i, point in enumerate(one.points)]
    names = short_names([subject.path for subject in subjects])
    with Progress(total=len(subjects) * len(points), unit="file") as bar:
        for name, subject in zip(names, subjects):
            scene = subject.load()
            weights = {}
            if training_weight:
                weights["ewpsnr-train"] = training_weight(scene.saliency)
            for one, index, point in points:
                what = disk.printable(f"{name} {one.label} {point.setting:g}")
                bar.set_postfix_str(what)
                try:
                    found = measure_scene(point, scene, weights)
                except SalcompError as error:
                    logging.error("%s: %s", what, error)
                else:
                    yield {
                        "image": name,
                        "series": one.label,
                        "point": index,
                        "setting": point.setting,
                        **found,
                    }
                bar.update()


class Coded(NamedTuple):
    """An image coded and decoded at one point.

    Attributes:
      file: as `Point.encode` gives it.
      decoded: uint8 [H, W, 3].
      encode_seconds, decode_seconds: that it took.
    """

    file: Any
    decoded: np.ndarray
    encode_seconds: float
    decode_seconds: float


def code(point: Point, scene: Scene) -> Coded:
    """Codes one image at one point and decodes its file.

    Raises SalcompError if the codec cannot code the image.
    """
    started = time.perf_counter()
    file = point.encode(scene.rgb, scene.saliency)
    encoded = time.perf_counter()
    decoded = point.decode(file.data)
    finished = time.perf_counter()
    return Coded(file, decoded, encoded - started, finished - encoded)


def measure_scene(
    point: Point, scene: Scene, weights: dict[str, np.ndarray]
) -> dict[str, float]:
    """Codes one image at one point; `weights` are as `quality.all_metrics` takes them.

    Gives bytes and bit/pixel of the file, its information content in bit/pixel, seconds
    of encoding and decoding, and all metrics of the decoded image. Raises SalcompError
    if the codec cannot code the image.
    """
    coded = code(point, scene)
    pixels = scene.saliency.size
    return {
        "bytes": len(coded.file.data),
        "bpp": 8 * len(coded.file.data) / pixels,
        "information_bpp": coded.file.information_bits / pixels,
        "encode_seconds": coded.encode_seconds,
        "decode_seconds": coded.decode_seconds,
        **quality.all_metrics(
            scene.rgb,
            coded.decoded,
            scene.score_saliency,
            weights,
            scene.boxes,
            scene.mask,
        ),
    }


def of_whole_images(rows: list[dict], compared: list[Series]) -> list[dict]:
    """Picks the rows of images coded at every point of every series.

    Curves compare only over the same images, so that one which a codec could not code
    counts for none.
    """
    points = sum(len(one.points) for one in compared)
    counts = Counter(row["image"] for row in rows)
    return [row for row in rows if counts[row["image"]] == points]


def having(rows: list[dict], metric: str) -> list[dict]:
    """Picks the rows of images where all points of all series have a finite metric.

    A region that an image lacks has no value, a perfect reconstruction an infinite
    one. An image that one series has no value for counts for none, in rates neither.
    """
    lacking = {row["image"] for row in rows if not np.isfinite(row[metric])}
    return [row for row in rows if row["image"] not in lacking]


def having_all(rows: list[dict]) -> tuple[list[dict], list[str]]:
    """Picks the rows of images that have every metric, and says which these are.

    A metric that would leave no image, after those before it in `quality.METRICS`, is
    left out instead.
    """
    found = []
    for metric in quality.METRICS:
        remaining = having(rows, metric)
        if remaining:
            rows = remaining
            found.append(metric)
    return rows, found


def count_images(rows: list[dict]) -> int:
    """Counts the images that rows are of."""
    return len({row["image"] for row in rows})


def short_names(paths: list[Path]) -> list[str]:
    """Names files, by paths from their common folder where file names repeat."""
    if len({path.name for path in paths}) == len(paths):
        return [path.name for path in paths]
    common = os.path.commonpath(paths)
    return [os.path.relpath(path, common) for path in paths]


def table(rows: list[dict], label: str, key: str) -> np.ndarray:
    """Lays one column of one series out as float64 [points, images]."""
    chosen = [row for row in rows if row["series"] == label]
    points = 1 + max(row["point"] for row in chosen)
    values = np.array([row[key] for row in chosen], np.float64)
    return values.reshape(-1, points).T  # rows come image by image


def mean_curve(
    rows: list[dict], label: str, metric: str
) -> tuple[np.ndarray, np.ndarray]:
    """Averages bit/pixel and a metric over the images, to [points] each."""
    return tuple(table(rows, label, key).mean(1) for key in ("bpp", metric))


def averages(
    rows: list[dict], one: Series, metric_names: list[str]
) -> dict[str, list[float]]:
    """Averages each metric over the images, point by point: CompressAI's `results`.

    Times are medians in seconds, since a model's first image of a size takes longer.
    The information content is there only where the codec tells it.
    """
    found = {one.parameter: [point.setting for point in one.points]}
    for key in ("bpp", "information_bpp", *metric_names):
        found[key] = table(rows, one.label, key).mean(1).tolist()
    if np.isnan(found["information_bpp"]).any():
        del found["information_bpp"]
    for name, key in (
        ("encoding_time", "encode_seconds"),
        ("decoding_time", "decode_seconds"),
    ):
        found[name] = np.median(table(rows, one.label, key), axis=1).tolist()
    return found


def against_anchor(
    rows: dict[str, list[dict]], labels: list[str], anchor: str, resamples: int
) -> list[dict]:
    """Computes BD-rate and BD-quality against the anchor, by series and metric.

    Curves that cannot be compared are left out, with a line in the log.

    Args:
      rows: by metric, of the images that have it.
      labels: of the series, the anchor among them.
      resamples: draws of the bootstrap over images.
    """
    others = [label for label in labels if label != anchor]
    pairs = [(label, metric) for label in others for metric in rows]
    deltas = []
    for label, metric in Progress(pairs, "BD-rates"):
        try:
            tables = [
                table(rows[metric], one, key)
                for one in (anchor, label)
                for key in ("bpp", metric)
            ]
            found = bd_rate.compare(*tables, resamples)
        except InputError as error:
            logging.info("no BD-rate of %s in %s: %s", label, metric, error)
            continue
        about = {"series": label, "anchor": anchor, "metric": metric}
        deltas.append({**about, **found.cells()})
    return deltas
