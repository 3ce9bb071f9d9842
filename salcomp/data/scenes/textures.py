"""Textures of street scenes: noise with a power-law spectrum, walls, foliage."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image

TILE = 512  # pixels; a power of two, so that wrapping is a bitwise and


@functools.cache
def noise(exponent: float) -> np.ndarray:
    """A noise tile that repeats seamlessly, the same in every process.

    float32 [2 * TILE, 2 * TILE], the tile four times over; mean 0, variance 1. The
    exponent is that of the amplitude spectrum 1/f**exponent; 1 is that of photographs.
    """
    rng = np.random.default_rng([2019, round(1000 * exponent)])
    fy = np.fft.fftfreq(TILE)[:, None]
    fx = np.fft.rfftfreq(TILE)
    radius = np.maximum(np.hypot(fy, fx), 1 / TILE)
    # Below 6 cycles a tile the spectrum is flat: no crop is all bright or all dark.
    amplitude = np.maximum(radius, 6 / TILE) ** -exponent
    amplitude[0, 0] = 0
    white = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    tile = np.fft.irfft2(white * amplitude)
    return np.tile((tile / tile.std()).astype(np.float32), (2, 2))


def crop(rng: np.random.Generator, exponent: float, height: int, width: int):
    """A random part of `noise`: float32 [height, width], each at most `TILE`."""
    top, left = rng.integers(0, TILE, 2)
    return noise(exponent)[top : top + height, left : left + width]


def ramp(rng: np.random.Generator, dark, light, contrast: float) -> np.ndarray:
    """A colour table from black over `dark` and `light`, RGB in 0..255, to a highlight.

    float32 [256, 3], 0..255. The contrast is how fast the table runs through its
    colours; 1 is natural.
    """
    dark, light = np.asarray(dark, float), np.asarray(light, float)
    stops = np.stack([0.15 * dark, dark, light, 0.5 * light + 120])
    stops *= rng.uniform(0.9, 1.1)
    positions = 110 + (np.linspace(0, 255, len(stops)) - 110) / contrast
    table = [np.interp(np.arange(256), positions, channel) for channel in stops.T]
    return np.stack(table, axis=1).astype(np.float32)


def foliage(
    rng: np.random.Generator, height: int, width: int, table, shape: str, gain: float
) -> tuple[np.ndarray, np.ndarray]:
    """Leaves in the shape of a crown, a conifer or a bush.

    uint8 [height, width, 3], and uint8 [height, width]: 255 where leaves cover.

    Args:
      height, width: of the texture in pixels, at most `TILE`.
      table: uint8 [256, 3], leaf colours from deep shadow to highlight.
      shape: "crown", "conifer" or "bush" (which reaches the ground).
      gain: brightness; 1 is sunlit.
    """
    y, x = np.mgrid[0:1:32j, -1:1:32j].astype(np.float32)
    if shape == "conifer":
        jag = 0.15 * np.abs((7 * y) % 1 - 0.5)
        solid = (0.08 + 0.85 * y + jag - np.abs(x)) * 2.5
    else:
        lobes = rng.uniform((-0.55, 0.25, 0.3), (0.55, 0.75, 0.55), (9, 3))
        if shape == "bush":
            lobes[:5, 1] = rng.uniform(0.7, 1.0, 5)
            lobes[:5, 2] *= 1.3
        lobe_x, lobe_y, reach = (part[:, None, None] for part in lobes.T)
        distance = ((x - lobe_x) ** 2 + (2 * (y - lobe_y)) ** 2) / reach**2
        solid = 1 - distance.min(axis=0)
    # The crown ends before the texture does.
    solid -= 8 * np.maximum(np.abs(x) - 0.84, 0)
    solid = 255 * np.clip(solid + 0.46, -1.5, 1.5).astype(np.float32)
    solid = Image.fromarray(solid).resize((width, height), Image.Resampling.BILINEAR)
    top, left = rng.integers(0, TILE, 2)
    leaves = _leaves()[top : top + height, left : left + width]
    cover = np.asarray(solid) + leaves
    above = np.linspace(0.52, 0.22, height, dtype=np.float32)[:, None]
    level = 0.48 * gain * leaves
    level += 255 * gain * above
    cover, level = (np.clip(plane, 0, 255, out=plane) for plane in (cover, level))
    return table[level.astype(np.uint8)], cover.astype(np.uint8)


@functools.cache
def _leaves() -> np.ndarray:
    """Clumps of leaves, as `noise`, but with a deviation of about 110."""
    return 90 * noise(1.2) + 64 * noise(0.5)


_WALL, _TRIM, _SILL, _SHADE, _PANE = range(5)


def facade(
    rng: np.random.Generator,
    width: float,
    height: float,
    size: tuple[int, int],
    lit: float,
    shop: bool = False,
    windows: bool = True,
) -> np.ndarray:
    """A house front: rows of windows in plaster or brick.

    float32 [h, w, 3], 0 to about 255.

    Args:
      width, height: metres.
      size: height and width of the texture in pixels, each at most `TILE`.
      lit: share of the windows behind which a lamp is on, 0..1.
      shop: whether the ground floor is shop windows.
      windows: False leaves the bare wall.
    """
    h, w = size
    brick = rng.random() < 0.45
    if brick:
        wall = rng.uniform((95, 60, 50), (165, 95, 80))
    else:
        wall = rng.uniform(130, 235) * rng.uniform((0.95, 0.88, 0.7), (1, 0.98, 0.98))
    grain = 1 + 0.07 * crop(rng, 1.1, h, w) + 0.04 * crop(rng, 0.3, h, w)
    # The wall darkens towards the street; the eaves shade its top.
    grain *= np.linspace(1.05, 0.85, h, dtype=np.float32)[:, None]
    grain[: max(1, h // 40)] *= 0.6
    courses = np.float32(1)
    if brick and h > 10 * height:
        courses = _bricks(rng, h, w, height / h, width / w)
    if not windows:
        return (grain * courses)[..., None] * np.float32(wall)

    floors = max(1, round(height / rng.uniform(2.9, 3.6)))
    bays = max(1, round(width / rng.uniform(2.2, 4.0)))
    # Where each pixel lies within its window bay and floor, 0..1 from top left.
    row = np.arange(h, dtype=np.float32) * floors / h
    column = np.arange(w, dtype=np.float32) * bays / w
    down, off_centre = row % 1, np.abs(column % 1 - 0.5)
    top, half = rng.uniform(0.12, 0.25), rng.uniform(0.2, 0.4)
    bar = rng.choice([0, 0.02])
    layouts = [_window(down, off_centre, top, 0.78, half, bar)]
    layouts.append(_window(down, off_centre, 0.28, 0.96, 0.46, bar))
    is_shop = (row >= floors - 1) & shop
    material = np.where(is_shop[:, None], layouts[1], layouts[0])
    grain *= np.where(material == _WALL, courses, np.float32(1))

    # Every pane has its own darkness, a curtain or a lamp, and reflects more sky
    # the higher it is.
    cells = floors * bays
    glass = rng.uniform(15, 75, (cells, 1))
    glass[rng.random(cells) < 0.35] += rng.uniform(30, 110)
    tint = np.where(rng.random((cells, 1)) < lit, (3.2, 2.6, 1.5), (0.9, 1, 1.12))
    panes = [glass * tint * sheen for sheen in (1.35, 1.1, 0.9)]
    fixed = [wall, rng.uniform(150, 245, 1) * np.ones(3), 1.2 * wall, 0.7 * wall]
    palette = np.concatenate([fixed, *panes]).astype(np.float32)
    third = np.minimum((down - top) * 3 / (0.78 - top), 2).astype(int)
    floor_start = np.maximum(third, 0) * cells + row.astype(int) * bays
    cell = (floor_start + len(fixed))[:, None] + column.astype(int)
    return palette[np.where(material == _PANE, cell, material)] * grain[..., None]


def _window(down, off_centre, top, bottom, half, bar) -> np.ndarray:
    """What a wall is made of at each pixel, from places within floor and bay."""
    down = down[:, None]
    material = np.zeros((len(down), len(off_centre)), np.uint8)
    material[(down > bottom) & (down < bottom + 0.11) & (off_centre < half)] = _SHADE
    material[(down > bottom) & (down < bottom + 0.05) & (off_centre < half + 0.05)] = (
        _SILL
    )
    material[(down > top) & (down < bottom) & (off_centre < half)] = _TRIM
    across = (off_centre < half - 0.045) & (off_centre >= bar)
    material[(down > top + 0.03) & (down < bottom - 0.03) & across] = _PANE
    return material


def _bricks(rng, h: int, w: int, row: float, column: float) -> np.ndarray:
    """Brightness of courses of bricks, larger than life so that they resolve.

    A pixel is `row` metres high and `column` metres wide.
    """
    y = np.arange(h)[:, None] * row / 0.16
    x = np.arange(w)[None] * column / 0.42 + 0.5 * (y.astype(int) % 2)
    shades = rng.uniform(0.8, 1.15, (64, 64)).astype(np.float32)
    courses = shades[y.astype(int) % 64, x.astype(int) % 64]
    return np.where((y % 1 < 0.2) | (x % 1 < 0.1), np.float32(1.25), courses)
