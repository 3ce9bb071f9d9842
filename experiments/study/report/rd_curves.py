"""Rate-distortion curves in several scores, over the images that all arms coded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments.study.report.comparisons import Score
from experiments.study.report.records import ImageTable

RATE = "Rate (bit/pixel, whole file)"
POINTS = {"marker": "o", "markersize": 4}
_SETS = {
    "test": "street frames",
    "fixations": "photographs",
    "drivers": "traffic scenes",
    "kodak": "Kodak images",
}


def draw(
    figure, records: ImageTable, scores: Sequence[Score], styles: dict[str, dict]
) -> bool:
    """Draws the curves, in two rows; gives whether there is any.

    Args:
      figure: of matplotlib, which gets its size here.
      records: with what the codecs did.
      scores: a panel for each.
      styles: how a line looks, as matplotlib's `plot` takes it, by the label of what it
        is of; what has no two points is left out.
    """
    names = {label: records.names(label) for label in styles}
    names = {label: found for label, found in names.items() if len(found) > 1}
    every = sum(names.values(), [])
    columns = -(-len(scores) // 2)
    figure.set_size_inches(5.5 * columns, 9)
    grid = figure.subplots(2, columns).flat
    for axes in grid[len(scores) :]:
        axes.set_axis_off()
    for axes, score in zip(grid, scores):
        images = records.images(score.set_name, every)
        quality = records.table(score.set_name, every, images, score.metric)
        images = [image for image, q in zip(images, quality.T) if np.isfinite(q).all()]
        if not images:
            axes.set_axis_off()
            continue
        for label, runs in names.items():
            rate, quality = (
                records.table(score.set_name, runs, images, metric)
                for metric in ("bpp", score.metric)
            )
            style = {"label": label, **POINTS, **styles[label]}
            axes.plot(rate.mean(1), quality.mean(1), **style)
        axes.set_title(f"{len(images)} {_SETS[score.set_name]} that all arms coded")
        finish(axes, RATE, f"{score.title} (dB)", 7)
    return bool(every)


def finish(axes, x: str, y: str, legend: int | None = 8) -> None:
    """Names the axes, and draws grid and legend, in letters of a size."""
    axes.set(xlabel=x, ylabel=y)
    axes.grid(True, color="0.85")
    axes.legend(fontsize=legend)
