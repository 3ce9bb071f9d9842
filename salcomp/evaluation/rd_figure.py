"""Rate-distortion figures: quality in dB over bit/pixel, one line per series."""

from __future__ import annotations

import os

import numpy as np

from salcomp.files import figures, results
from salcomp.metrics.quality import ROI_PERCENTS

# The metrics that have a figure and a BD-rate, in dB all, and their axis labels.
AXIS_LABELS = {
    "psnr-rgb": "PSNR, RGB (dB)",
    "ewpsnr": "Saliency-weighted PSNR (dB)",
    "ewpsnr-train": "PSNR by the training weight (dB)",
    **{
        f"{side}roi-psnr-{p}": f"PSNR {place} the most salient {p} % (dB)"
        for p in ROI_PERCENTS
        for side, place in (("", "of"), ("non-", "outside"))
    },
    "boxes-psnr": "PSNR inside the boxes (dB)",
    "non-boxes-psnr": "PSNR outside the boxes (dB)",
    "ms-ssim-rgb-db": "MS-SSIM, RGB (dB)",
    "weighted-ms-ssim-db": "Saliency-weighted MS-SSIM (dB)",
}

_MARKERS = "osD^vP*X"


def draw(
    path: str | os.PathLike,
    curves: dict[str, tuple[np.ndarray, np.ndarray]],
    quality_label: str,
    title: str,
) -> None:
    """Draws the curves into a PNG.

    Args:
      path: the PNG.
      curves: label -> (bit/pixel [points], dB [points]).
      quality_label: of the vertical axis, with the unit.
      title: what was measured on what, and scored with which map.

    Raises:
      InputError: the file cannot be written.
    """
    figure = figures.new(7, 5)
    axes = figure.add_subplot()
    for i, (label, (rate, quality)) in enumerate(curves.items()):
        axes.plot(
            rate,
            quality,
            marker=_MARKERS[i % len(_MARKERS)],
            markersize=5,
            linewidth=1.5,
            label=_text(label),
        )
    axes.set_xlim(left=0)
    axes.set_xlabel("Rate (bit/pixel, whole file)")
    axes.set_ylabel(quality_label)
    axes.set_title(_text(title), fontsize=10, wrap=True)
    axes.grid(True, color="0.85")
    axes.legend(loc="lower right")
    figures.write(path, figure)


def _text(names: str) -> str:
    """What matplotlib draws of file names: it takes a pair of dollars for a formula."""
    return results.printable(names).replace("$", r"\$")
