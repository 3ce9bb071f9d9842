"""Recorded eye fixations: from a .mat file to the points and the density of a picture.

The layout is that of OSIE (Xu, Jiang, Wang, Kankanhalli, Zhao: Predicting human gaze
beyond pixels, Journal of Vision 14(1), 2014): a cell array `fixations`, with `img`,
the name of the picture's file, and a cell array `subjects`, each with `fix_x` and
`fix_y` in pixels.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import scipy.io
from scipy.ndimage import gaussian_filter

from salcomp.errors import InputError

# OSIE showed pictures of 800x600 pixels at 24 pixels per degree of visual angle.
PIXELS_PER_DEGREE = 24.0
DEGREE = PIXELS_PER_DEGREE / 800  # in widths of the picture
EVERYBODY, ODD, EVEN = slice(None), slice(0, None, 2), slice(1, None, 2)


def read(path: str | os.PathLike, people: slice = EVERYBODY) -> dict[str, np.ndarray]:
    """Reads the fixations of all pictures in a file.

    Args:
      path: of the file.
      people: whose fixations to read: `EVERYBODY`, or every other one's, `ODD` or
        `EVEN`, so that one half can predict the other.

    Returns:
      By the file name of the picture, float64 [N, 2]: x and y in its pixels, from its
      upper left corner, of all these people together. Pixel i spans i to i + 1. (OSIE
      does not tell whether MATLAB's count from 1 is meant; nothing hangs on one pixel.)

    Raises:
      InputError: the file cannot be read, or has another layout; or half of the people
        is asked for where there is one.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); name a file that can"
        ) from error
    try:
        options = {"squeeze_me": True, "struct_as_record": False}
        content = scipy.io.loadmat(io.BytesIO(data), **options)
    except Exception as error:  # the decoder raises all kinds
        raise InputError(
            f"{path}: cannot be read as a .mat file (of MATLAB 5 to 7.2); save it so"
        ) from error
    try:
        pictures = np.atleast_1d(content["fixations"])
        return {str(picture.img): _points(picture, people) for picture in pictures}
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: no fixations in OSIE's layout (fixations[i].img and "
            ".subjects[j].fix_x, .fix_y); give a file that has them"
        ) from error


def _points(picture, people: slice) -> np.ndarray:
    everybody = np.atleast_1d(picture.subjects)
    subjects = everybody[people]
    if people != EVERYBODY and len(everybody) < 2:
        raise InputError(
            f"{picture.img}: fixations of one person, or of all as one, have no halves"
        )
    x, y = (
        np.concatenate([np.ravel(getattr(one, key)) for one in subjects])
        for key in ("fix_x", "fix_y")
    )
    return np.stack([x, y], axis=1).astype(np.float64)


def of_image(
    recorded: dict[str, np.ndarray], source: str | os.PathLike
) -> tuple[str, np.ndarray]:
    """Finds the fixations of one picture.

    Args:
      recorded: as `read` returns it.
      source: path of the picture. Its file name tells which picture it is, or, where
        the file has been converted, its stem.

    Returns:
      The recorded picture's name, and [N, 2], x and y in pixels.

    Raises:
      InputError: no picture of that name was recorded, or several of that stem.
    """
    path = Path(source)
    named = [path.name] if path.name in recorded else []
    named = named or [name for name in recorded if Path(name).stem == path.stem]
    if not named:
        raise InputError(f"{path}: no fixations of a picture of that name are recorded")
    if len(named) > 1:
        raise InputError(
            f"{path}: fixations are recorded of {' and '.join(named)}; rename it as one"
        )
    return named[0], recorded[named[0]]


def counts(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """Counts the fixations at each pixel of a picture; points outside are dropped.

    Args:
      points: [N, 2], x and y in pixels.
      height, width: of the picture, in pixels.

    Returns:
      int64 [height, width].
    """
    inside = ((points >= 0) & (points < (width, height))).all(axis=1)
    x, y = points[inside].astype(int).T
    return np.bincount(y * width + x, minlength=height * width).reshape(height, width)


def density(
    points: np.ndarray, height: int, width: int, sigma: float = PIXELS_PER_DEGREE
) -> np.ndarray:
    """Computes the density of fixations: a Gaussian on each, summed.

    Args:
      points: [N, 2], x and y in pixels; those outside the picture are dropped.
      height, width: of the picture, in pixels.
      sigma: of the Gaussian, in pixels; a degree of visual angle is usual. The default
        is OSIE's, for its pictures at their size.

    Returns:
      float32 [height, width] in 0..1 with a maximum of 1; zero everywhere if there is
      no point in the picture.
    """
    fixations = counts(points, height, width).astype(np.float64)
    if not fixations.any():
        return np.zeros((height, width), np.float32)
    smooth = gaussian_filter(fixations, sigma, mode="constant")
    return (smooth / smooth.max()).astype(np.float32)
