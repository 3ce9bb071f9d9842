"""The part of a picture that a figure enlarges."""

from __future__ import annotations

import numpy as np


def show(axes, picture: np.ndarray) -> None:
    """Draws a picture or a map, uint8 [H, W, 3] or [H, W], pixel by pixel."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def outline(axes, top: int, left: int, height: int, width: int) -> None:
    """Draws the border of a window in yellow."""
    from matplotlib.patches import Rectangle

    box = Rectangle((left, top), width, height, fill=False, edgecolor="yellow")
    axes.add_patch(box)
