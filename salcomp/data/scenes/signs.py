"""Traffic signs, boards with names, and traffic lights."""

from __future__ import annotations

import math

import numpy as np

from salcomp.data.scenes.canvas import Canvas

RED, WHITE, BLACK = (176, 30, 36), (232, 232, 230), (20, 20, 22)
BLUE, YELLOW, GREY = (34, 72, 146), (228, 182, 50), (120, 122, 124)
CONSONANTS, VOWELS = "BDFGHKLMNRSTVW", "AEIOU"


def letters(rng, alphabet: str, count: int) -> str:
    """Random letters of an alphabet."""
    return "".join(alphabet[i] for i in rng.integers(0, len(alphabet), count))


def word(rng: np.random.Generator) -> str:
    """A made-up name of one or two syllables."""
    sounds = (CONSONANTS, VOWELS, "NRLSTK") * int(rng.integers(1, 4))
    return "".join(letters(rng, sound, 1) for sound in sounds).capitalize()


def paint_sign(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """A traffic sign on its post."""
    y, r = rng.uniform(2.1, 2.8), 0.36
    canvas.line((x, 0, z), (x, y + r, z), 0.07, GREY)
    kind = rng.choice(["limit", "warning", "yield", "stop", "arrow", "park", "board"])
    text = None

    def ring(radius, corners, turn, colour):
        angles = [turn + 2 * math.pi * i / corners for i in range(corners)]
        around = [(x + radius * math.sin(a), y + radius * math.cos(a)) for a in angles]
        canvas.polygon([(*corner, z) for corner in around], colour)

    if kind == "limit":
        canvas.disc(x, y, z, r, RED)
        canvas.disc(x, y, z, 0.76 * r, WHITE)
        text = (str(10 * rng.integers(2, 10)), 1.1 * r, 0.7 * r, BLACK)
    elif kind in ("warning", "yield"):
        turn = 0 if kind == "warning" else math.pi
        ring(1.2 * r, 3, turn, RED)
        ring(0.72 * r, 3, turn, WHITE)
        if kind == "warning":
            text = ("!", r, 0.6 * r, BLACK)
    elif kind == "stop":
        ring(1.12 * r, 8, math.pi / 8, WHITE)
        ring(1.03 * r, 8, math.pi / 8, RED)
        text = ("STOP", 1.7 * r, 0.6 * r, WHITE)
    elif kind == "arrow":
        canvas.disc(x, y, z, r, WHITE)
        canvas.disc(x, y, z, 0.94 * r, BLUE)
        canvas.line((x - 0.5 * r, y, z), (x + 0.2 * r, y, z), 0.08, WHITE)
        tip = [(x + 0.6 * r, y, z), (x + 0.1 * r, y + 0.35 * r, z)]
        canvas.polygon([*tip, (x + 0.1 * r, y - 0.35 * r, z)], WHITE)
    elif kind == "park":
        canvas.upright(z, x - r, x + r, y - r, y + r, WHITE)
        canvas.upright(z, x - 0.93 * r, x + 0.93 * r, y - 0.93 * r, y + 0.93 * r, BLUE)
        text = ("P", 1.5 * r, 1.2 * r, WHITE)
    else:
        paint_board(canvas, rng, x, y, z, rng.uniform(0.5, 0.9), rng.integers(1, 4))
    if kind != "board":
        canvas.look("sign", x - r, x + r, y - r, y + r, z)
    if text:
        string, width, height, colour = text
        canvas.text(x, y, z, width, height, string, colour)
        canvas.look("text", x - 0.6 * r, x + 0.6 * r, y - 0.4 * r, y + 0.4 * r, z)


def paint_board(canvas: Canvas, rng, x, y, z, half: float, lines: int) -> None:
    """A board `2 * half` metres wide with `lines` names, centred on (x, y, z)."""
    pairs = [(YELLOW, BLACK), (BLUE, WHITE), (WHITE, BLACK), ((20, 96, 60), WHITE)]
    ground, ink = pairs[rng.integers(len(pairs))]
    line = half * 0.42
    tall = lines * line / 2 + 0.06
    canvas.upright(
        z, x - half - 0.03, x + half + 0.03, y - tall - 0.03, y + tall + 0.03, ink
    )
    canvas.upright(z, x - half, x + half, y - tall, y + tall, ground)
    canvas.look("sign", x - half, x + half, y - tall, y + tall, z)
    for i in range(lines):
        row = y + (i - (lines - 1) / 2) * line
        canvas.text(x, row, z, 1.8 * half, 0.66 * line, word(rng), ink)
    half, tall = 0.8 * half, 0.8 * tall
    canvas.look("text", x - half, x + half, y - tall, y + tall, z)


def paint_gantry(canvas: Canvas, rng, left: float, right: float, z: float) -> None:
    """A sign bridge over the road."""
    for post in (left, right):
        canvas.upright(z, post - 0.15, post + 0.15, 0, 6.3, GREY)
    canvas.upright(z, left, right, 5.9, 6.2, GREY, 0.8)
    for x in np.linspace(left, right, 4)[1:3]:
        paint_board(canvas, rng, x, 6.0, z, rng.uniform(1.5, 2.2), 2)


def paint_traffic_light(canvas: Canvas, rng, x: float, z: float) -> None:
    """A traffic light on its post."""
    canvas.line((x, 0, z), (x, 2.4, z), 0.12, (60, 62, 64))
    canvas.upright(z, x - 0.17, x + 0.17, 2.2, 3.1, BLACK)
    lamps = [(235, 50, 40), (240, 180, 40), (50, 220, 130)]
    lit = rng.integers(3)
    for i, colour in enumerate(lamps):
        canvas.disc(x, 2.95 - 0.29 * i, z, 0.11, colour, 1.0 if i == lit else 0.18)
    canvas.look("light", x - 0.17, x + 0.17, 2.2, 3.1, z)
