"""Cars, vans and lorries with their licence plates."""

from __future__ import annotations

import math

import numpy as np

from salcomp.data.scenes import textures
from salcomp.data.scenes.canvas import Canvas
from salcomp.data.scenes.signs import (
    BLACK,
    BLUE,
    CONSONANTS,
    VOWELS,
    WHITE,
    letters,
    word,
)

_PAINTS = [
    (30, 32, 36),
    (58, 60, 64),
    (118, 121, 126),
    (172, 175, 178),
    (222, 223, 225),
] + [(116, 34, 34), (36, 46, 80), (62, 84, 118), (44, 62, 54), (150, 138, 112)]


# Outlines from the ground up: (height, half width, brightness of the paint).
_CAR = [(0.10, 0.86, 0.35), (0.20, 0.96, 0.45), (0.24, 0.97, 0.85), (0.45, 1.0, 0.8)]
_CAR += [(0.50, 1.0, 1.1), (0.62, 0.96, 1.25), (0.66, 0.93, 0.9), (0.94, 0.70, 0.8)]
_CAR += [(0.97, 0.64, 1.2), (1.0, 0.52, 1.3)]
_VAN = [(0.08, 0.9, 0.35), (0.14, 0.97, 0.5), (0.17, 0.98, 0.9), (0.45, 1.0, 1.0)]
_VAN += [(0.90, 0.95, 1.0), (0.96, 0.92, 1.15), (1.0, 0.8, 1.2)]


def paint_vehicle(
    canvas: Canvas, rng: np.random.Generator, x: float, z: float, oncoming: bool
) -> None:
    """A car, van or lorry whose near end is centred on (x, z)."""
    size = rng.random()
    if size < 0.82:
        half, height, length, outline = 0.89, rng.uniform(1.4, 1.65), 4.3, _CAR
    elif size < 0.94:
        half, height, length, outline = 0.97, rng.uniform(1.9, 2.4), 5.2, _VAN
    else:
        half, height, length, outline = 1.2, rng.uniform(3.0, 3.6), 8.0, _VAN
    paint = np.array(_PAINTS[rng.integers(len(_PAINTS))]) * rng.uniform(0.8, 1.15)
    belt = 0.66 if outline is _CAR else (0.48 if height < 2.8 else 0.36)
    canvas.shadow(x - half * 1.15, x + half * 1.15, z - 0.6, z + length)
    canvas.look("car", x - half, x + half, 0.1 * height, height, z)
    _paint_flank(canvas, x, z, half, height, length, outline, paint, belt)
    for tyre in (-1, 1):
        a, b = sorted((x + tyre * half * 0.64, x + tyre * half * 0.93))
        canvas.upright(z + 0.2, a, b, 0, 0.3, BLACK)

    pixels = 0.75 * canvas.camera.focal / z
    down = int(np.clip(height * pixels, 6, 190))
    across = int(np.clip(2 * half * pixels, 6, 190))
    # The height up to which there is glass, as a share of the whole.
    glazed = 0.91 if height < 2.8 else (0.62 if oncoming else 0)
    sky = np.array(canvas.light.haze)
    body, cover = _end(rng, down, across, outline, paint, belt, sky, glazed)
    canvas.billboard(canvas.fade(body, z), cover, x - half, x + half, 0, height, z)

    if not glazed:
        y = 0.65 * height
        ink = BLACK if paint.mean() > 110 else WHITE
        canvas.text(x, y, z, 1.5 * half, 0.45, word(rng).upper(), ink)
        canvas.look("text", x - 0.75 * half, x + 0.75 * half, y - 0.25, y + 0.25, z)
    for side in (-1, 1):
        a, b = sorted((x + side * half * 0.64, x + side * half * 0.96))
        y0, y1 = (belt - 0.2) * height, (belt - 0.07) * height
        lamp = (205, 208, 206) if oncoming else (128, 22, 24)
        canvas.upright(z, a, b, y0, y1, lamp, rng.uniform(0.85, 1.1))
        canvas.upright(z, a, b, y0, y0 + 0.03, lamp, 0.6)
        glow = (255, 250, 235) if oncoming else (206, 70, 58)
        canvas.disc((a + b) / 2, (y0 + y1) / 2, z, 0.05, glow)
    if oncoming:
        y = (belt - 0.14) * height
        for bar in (-0.07, -0.01, 0.05):
            low, wide = y + bar, 0.6 * half
            canvas.upright(z, x - wide, x + wide, low, low + 0.04, BLACK)
    bumper = 0.2 * height if height < 2 else 0.4
    canvas.upright(z, x - 0.85 * half, x + 0.85 * half, bumper, bumper + 0.03, BLACK)
    _paint_plate(canvas, rng, x, bumper + (0.14 if oncoming else 0.2), z)


def _end(rng, down, across, outline, paint, belt, sky, glazed):
    """The rear or front of a vehicle: float32 [down, across, 3] and its cover."""
    up = np.linspace(1, 0, down, dtype=np.float32)[:, None]
    x = np.abs(np.linspace(-1, 1, across, dtype=np.float32))[None]
    heights, widths, brightness = zip(*outline)
    edge = np.interp(up, heights, widths).astype(np.float32)
    edge[up < heights[0]] = 0
    cover = np.clip((edge - x) * across / 4 + 0.5, 0, 1)
    reflection = textures.crop(rng, 1.6, down, across)
    tone = np.interp(up, heights, brightness).astype(np.float32)
    seams = (np.abs(x - 0.8) < 0.012) | (np.abs(up - belt + 0.24) < 0.008)
    shade = tone * (1.06 - 0.3 * x**3) * (1 + 0.06 * reflection) * (1 - 0.4 * seams)
    image = shade[..., None] * paint.astype(np.float32)
    image += np.float32(0.5 * sky) * np.clip(tone - 0.95, 0, 1)[..., None]
    if glazed:
        low, high = belt + 0.02, glazed
        pane = np.clip((up - low) / (high - low), 0, 1)
        inside = (up > low) & (up < high) & (x < edge - 0.09)
        seats = (np.hypot((x - 0.4) * 5, (pane - 0.25) * 2.4) < 1) & inside
        mirrored = 0.3 * pane**2 + 0.06 + 0.04 * np.clip(reflection, -1, 2)
        glass = np.float32((16, 19, 22)) + np.float32(sky) * mirrored[..., None]
        image[inside] = glass[inside]
        if outline is _CAR:
            image[seats] *= 0.55
    return image, (255 * cover).astype(np.uint8)


def _paint_flank(canvas, x, z, half, height, length, outline, paint, belt):
    """The side of a vehicle that the camera sees past its near end."""
    if abs(x) < half:
        return
    side = -1 if x > 0 else 1
    near, far = x + side * half * 0.97, z + length
    gain = 0.75 * canvas.light.on_side(-side)

    def quad(z0, z1, y0, y1, lean=0.0):
        inside = near - side * lean
        return [(near, y0, z0), (inside, y1, z0), (inside, y1, z1), (near, y0, z1)]

    canvas.polygon(quad(z, far, 0.15 * height, 0.4 * height), paint, 0.8 * gain)
    canvas.polygon(quad(z, far, 0.4 * height, belt * height), paint, 1.2 * gain)
    if outline is _CAR:
        cabin = quad(z, far - 1.3, belt * height, 0.99 * height, 0.36 * half)
        glass = quad(z + 0.5, far - 1.6, 0.69 * height, 0.93 * height, 0.28 * half)
    else:
        cabin = quad(z, far - 0.3, belt * height, height, 0.04)
        glass = quad(far - 2, far - 0.7, 0.6 * height, 0.85 * height)
    canvas.polygon(cabin, paint, gain)
    canvas.polygon(glass, (36, 42, 48))
    for axle in (z + 0.8, far - 0.9):
        turns = [i * math.pi / 6 for i in range(12)]
        for radius, colour in ((0.33, BLACK), (0.2, (130, 132, 136))):
            rim = [(radius * math.sin(t), radius * math.cos(t)) for t in turns]
            rim = [(near, 0.33 + up, axle + ahead) for up, ahead in rim]
            canvas.polygon(rim, colour, gain)


def _paint_plate(canvas, rng, x, y, z):
    if rng.random() < 0.75:  # the long European plate, with its blue band
        half, tall, band = 0.27, 0.13, 0.045
    else:
        half, tall, band = 0.19, 0.16, 0.0
    ground = WHITE if rng.random() < 0.8 else (236, 200, 60)
    canvas.upright(
        z, x - half - 0.01, x + half + 0.01, y - 0.01, y + tall + 0.01, BLACK
    )
    canvas.upright(z, x - half, x + half, y, y + tall, ground)
    if band:
        canvas.upright(z, x - half, x - half + band, y, y + tall, BLUE)
    middle = x + band / 2
    width = 2 * half - band - 0.03
    canvas.text(middle, y + tall / 2, z, width, tall * 0.78, plate_text(rng), BLACK)
    canvas.look("plate", x - half, x + half, y, y + tall, z)


def plate_text(rng: np.random.Generator) -> str:
    """The characters of a licence plate."""
    initials = letters(rng, CONSONANTS + VOWELS, rng.integers(3, 5))
    return f"{initials[:-2]} {initials[-2:]} {rng.integers(10, 10000)}"
