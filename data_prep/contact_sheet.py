"""Frames beside their saliency maps, as a picture to look at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from salcomp.files import disk, figures, images

# Inches; a panel is as wide as two of them fit the column of a page.
_PANEL_WIDTH = 4.0
_TITLE_HEIGHT = 0.35


def draw(
    path: str | os.PathLike, paths: Sequence[Path], caption: str, overlay: bool = True
) -> None:
    """Draws a row per frame into a PNG: the frame, its map, and both in one.

    Args:
      path: of the PNG.
      paths: of the frames.
      caption: below all.
      overlay: whether to draw the third panel.

    Raises:
      InputError: a frame cannot be used, or the file cannot be written.
    """
    frames = [images.read_frame(source) for source in paths]
    columns = 3 if overlay else 2
    heights = [f.shape[0] / f.shape[1] * _PANEL_WIDTH + _TITLE_HEIGHT for f in frames]
    figure = figures.new(columns * _PANEL_WIDTH + 0.6, sum(heights) + 0.6)
    figure.get_layout_engine().set(h_pad=0.02, hspace=0)
    axes = figure.subplots(len(frames), columns, height_ratios=heights, squeeze=False)
    for row, source, frame in zip(axes, paths, frames):
        rgb, saliency = frame[..., :3], frame[..., 3] / 255
        row[0].imshow(rgb)
        row[0].set_title(disk.printable(source.stem), fontsize=9)
        shown = row[1].imshow(saliency, cmap="gray", vmin=0, vmax=1)
        row[1].set_title(f"map, mean {saliency.mean():.3f}", fontsize=9)
        if overlay:
            row[2].imshow(rgb.mean(axis=2), cmap="gray", vmin=0, vmax=255)
            row[2].imshow(saliency, cmap="turbo", vmin=0, vmax=1, alpha=0.5)
            row[2].set_title("map over frame", fontsize=9)
        for axis in row:
            axis.set_axis_off()
    figure.colorbar(shown, ax=axes, label="saliency", shrink=0.6, aspect=40, pad=0.01)
    figure.supxlabel(disk.printable(caption), fontsize=9)
    figures.write(path, figure)
