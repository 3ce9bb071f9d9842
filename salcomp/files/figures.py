"""Figures as PNG files, without a window system."""

from __future__ import annotations

import io
import os

from salcomp.files.disk import write_file


def new(width: float, height: float):
    """Makes an empty matplotlib figure, laid out so that nothing overlaps.

    Its width and height are in inches, of 100 pixels each.
    """
    # The object interface: no window system, and the caller's pyplot stays untouched.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def write(path: str | os.PathLike, figure) -> None:
    """Writes a figure, whole or not at all; raises InputError where it cannot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    png = io.BytesIO()
    FigureCanvasAgg(figure).print_png(png)
    write_file(path, png.getvalue())
