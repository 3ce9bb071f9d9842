"""Rate-distortion figures: quality in dB over bit/pixel, one line per series."""

from __future__ import annotations

import os

import numpy as np

from salcomp.files import disk, figures
from salcomp.metrics.quality import METRICS

_MARKERS = "osD^vP*X"


def draw(
    path: str | os.PathLike,
    curves: dict[str, tuple[np.ndarray, np.ndarray]],
    metric: str,
    title: str,
) -> None:
    """Draws the curves into a PNG.

    Args:
      curves: label -> (bit/pixel [points], dB [points]).
      metric: of the vertical axis, a key of `quality.METRICS`.
      title: what was measured on what, and scored with which map.

    Raises:
      InputError: the file cannot be written.
    """
    figure = figures.new(7, 5)
    axes = figure.add_subplot()
    for i, (label, (rate, quality)) in enumerate(curves.items()):
        marker, label = _MARKERS[i % len(_MARKERS)], _text(label)
        axes.plot(
            rate, quality, marker=marker, markersize=5, linewidth=1.5, label=label
        )
    axes.set_xlim(left=0)
    axes.set_xlabel("Rate (bit/pixel, whole file)")
    axes.set_ylabel(METRICS[metric])
    axes.set_title(_text(title), fontsize=10, wrap=True)
    axes.grid(True, color="0.85")
    axes.legend(loc="lower right")
    figures.write(path, figure)


def _text(names: str) -> str:
    """Makes file names drawable; a pair of dollars would be taken for a formula."""
    return disk.printable(names).replace("$", r"\$")
