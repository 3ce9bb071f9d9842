"""The part of a picture that a figure enlarges."""

from __future__ import annotations

import numpy as np

from salcomp.files import saliency_maps


def show(axes, picture: np.ndarray) -> None:
    """Draws a picture or a map, uint8 [H, W, 3] or [H, W], pixel by pixel."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def outline(axes, top: int, left: int, height: int, width: int) -> None:
    """Draws the border of a window in yellow."""
    from matplotlib.patches import Rectangle

    box = Rectangle((left, top), width, height, fill=False, edgecolor="yellow")
    axes.add_patch(box)


def enlarge(figure, columns, saliency: np.ndarray, size, height_ratios) -> None:
    """Draws pictures in a row, and below each its window where a map is heaviest.

    Args:
      columns: titles and pictures, all of the map's size.
      saliency: [H, W].
      size: height and width of the window in pixels.
      height_ratios: of the two rows.
    """
    top, left = saliency_maps.heaviest(saliency, *size)
    window = np.s_[top : top + size[0], left : left + size[1]]
    axes = figure.subplots(2, len(columns), height_ratios=height_ratios)
    for (title, picture), (upper, lower) in zip(columns, axes.T):
        show(upper, picture)
        outline(upper, top, left, *size)
        upper.set_title(title, fontsize=9)
        show(lower, picture[window])
        for axis in (upper, lower):
            axis.set_axis_off()
