"""The saliency map of a drawn scene: where people would look, from what was drawn."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image

from salcomp.data.scenes.view import HEIGHT, WIDTH

# What draws the eye, after Cerf, Frady, Koch 2009: faces and text above all.
_WEIGHTS = {
    "face": 1.0,
    "plate": 1.0,
    "text": 0.95,
    "sign": 0.7,
    "light": 0.55,
    "person": 0.4,
    "car": 0.13,
}
_SIGMA = 7.0  # pixels; about a degree of visual angle, as fixation maps are blurred
_STEP = 4  # pixels; so smooth a map may be computed this coarsely
_MEAN = (0.035, 0.11)


def saliency(seen, vanishing_point: tuple[float, float]) -> np.ndarray:
    """A map like those of recorded fixations: uint8 [HEIGHT, WIDTH].

    The maximum is 255, the mean 0.03 to 0.12 of that.

    Args:
      seen: (kind, (left, top, right, bottom)) in pixels, from far to near; what
        is nearer hides what is behind.
      vanishing_point: (column, row) of the end of the street, which draws the
        gaze of drivers.
    """
    weights = np.zeros((HEIGHT, WIDTH), np.float32)
    for kind, (left, top, right, bottom) in seen:
        # Small things are looked at, too: every box covers a few pixels.
        rows = slice(max(int(top) - 1, 0), int(bottom) + 2)
        columns = slice(max(int(left) - 1, 0), int(right) + 2)
        weights[rows, columns] = _WEIGHTS[kind]
    coarse = np.asarray(Image.fromarray(weights).reduce(_STEP))
    # Not `@`: its rounding depends on the number of threads.
    down, across = (_gaussian(length) for length in coarse.shape)
    density = np.einsum("ij,jk->ik", np.einsum("ij,jk->ik", down, coarse), across)
    column, row = vanishing_point
    y, x = np.ogrid[_STEP // 2 : HEIGHT : _STEP, _STEP // 2 : WIDTH : _STEP]
    distance = ((x - column) / 45) ** 2 + ((y - row) / 22) ** 2
    density = density + 0.1 * np.exp(-distance / 2)
    density = _fit_mean(density / density.max()).astype(np.float32)
    full = Image.fromarray(density).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    full = np.maximum(full, 0)
    return np.rint(255 * full / full.max()).astype(np.uint8)


@functools.cache
def _gaussian(length: int) -> np.ndarray:
    """The blur of a line of coarse pixels: float32 [length, length]."""
    place = np.arange(length)
    distance = (place[:, None] - place) * _STEP / _SIGMA
    return (np.exp(-(distance**2) / 2) * _STEP / _SIGMA).astype(np.float32)


def _fit_mean(density: np.ndarray) -> np.ndarray:
    """Raises a map with maximum 1 to the power that brings its mean into `_MEAN`."""
    mean = density.mean()
    if _MEAN[0] <= mean <= _MEAN[1]:
        return density
    goal = np.clip(mean, *_MEAN)
    low, high = 0.2, 6.0
    for _ in range(12):
        power = (low * high) ** 0.5
        if (density**power).mean() > goal:
            low = power
        else:
            high = power
    return density**power
