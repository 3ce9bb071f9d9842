"""What stands beside the road: people, lamps, trees, houses."""

from __future__ import annotations

import math

import numpy as np

from salcomp.data.scenes import textures
from salcomp.data.scenes.canvas import Canvas

_SHOE, _MOUTH = (24, 24, 26), (140, 70, 66)


def paint_person(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """Somebody who stands or walks."""
    tall = rng.uniform(1.5, 1.9)
    coat, legs = (rng.uniform(15, 175) * rng.uniform(0.75, 1.1, 3) for _ in range(2))
    skin = np.array((224, 172, 140)) * rng.uniform(0.45, 1.05)
    stride = rng.uniform(0.02, 0.28)
    canvas.shadow(x - 0.35, x + 0.35, z - 0.15, z + 0.3, 0.5)
    canvas.look("person", x - 0.26, x + 0.26, 0, tall, z)
    hip, neck = 0.5 * tall, 0.83 * tall
    for side in (-1, 1):
        foot = x + side * stride
        corners = [(x - 0.02 * side, hip, z), (foot - 0.06 * side, 0.05, z)]
        corners += [(foot + 0.08 * side, 0.05, z), (x + 0.17 * side, hip, z)]
        canvas.polygon(corners, legs, 0.9 + 0.15 * side)
        canvas.upright(z, foot - 0.09, foot + 0.09, 0, 0.07, _SHOE)
        hand = x + side * (0.27 + 0.3 * stride)
        wrist = hip - 0.04
        arm = [(x + 0.18 * side, neck, z), (x + 0.25 * side, neck - 0.06, z)]
        arm += [(hand + 0.03 * side, wrist, z), (hand - 0.05 * side, wrist, z)]
        canvas.polygon(arm, coat, 0.8 + 0.1 * side)
        canvas.disc(hand, hip - 0.05, z, 0.045, skin)
    for i in range(6):  # the coat, brighter on one side
        a, b = x - 0.2 + i * 0.4 / 6, x - 0.2 + (i + 1) * 0.4 / 6
        top = neck - 0.02 * abs(i - 2.5)
        canvas.upright(z, a, b, hip - 0.06, top, coat, 0.7 + 0.1 * i)
    head = tall - 0.13
    canvas.upright(z, x - 0.05, x + 0.05, neck - 0.02, head, skin, 0.8)
    hair = np.array((60, 44, 32)) * rng.uniform(0.3, 2.2)
    canvas.disc(x, head + 0.03, z, 0.125, hair)
    if rng.random() < 0.7:
        canvas.disc(x, head - 0.01, z, 0.105, skin)
        for side in (-1, 1):
            canvas.disc(x + side * 0.04, head + 0.01, z, 0.014, _SHOE)
        canvas.upright(z, x - 0.035, x + 0.035, head - 0.06, head - 0.045, _MOUTH)
        canvas.look("face", x - 0.11, x + 0.11, head - 0.12, head + 0.12, z)


def paint_lamp(canvas: Canvas, rng, x: float, z: float) -> None:
    """A street lamp that reaches over the road."""
    tall, reach = rng.uniform(6, 9), -math.copysign(rng.uniform(1, 2.2), x)
    colour = rng.uniform(40, 130) * np.ones(3)
    canvas.line((x, 0, z), (x, tall, z), 0.14, colour)
    canvas.line((x, tall, z), (x + reach, tall + 0.3, z), 0.09, colour)
    head = (x + 0.7 * reach, tall + 0.2, z), (x + 1.2 * reach, tall + 0.3, z)
    canvas.line(*head, 0.2, colour)


def paint_tree(canvas: Canvas, rng, x, z, height: float, shape: str, table) -> None:
    """A tree or bush, with the leaf colours of `textures.ramp`."""
    wide = height * rng.uniform(0.3, 0.45) * (1.6 if shape == "bush" else 1)
    if not canvas.in_view(x - wide, x + wide, z):
        return
    low = {"crown": 0.25 * height, "conifer": 0.05 * height, "bush": 0}[shape]
    if shape == "crown":
        bark = np.array((62, 52, 42)) * rng.uniform(0.5, 1.1)
        lean = rng.uniform(-0.2, 0.2)
        canvas.line((x, 0, z), (x + lean, 0.6 * height, z), 0.032 * height, bark)
    pixels = 0.65 * canvas.camera.focal / z
    down = int(np.clip((height - low) * pixels, 10, 240))
    across = int(np.clip(2 * wide * pixels, 10, 240))
    gain = canvas.light.on_side(-1 if x < 0 else 1) * rng.uniform(0.75, 1.05)
    table = canvas.fade(table, z)
    leaves, cover = textures.foliage(rng, down, across, table, shape, gain)
    canvas.billboard(leaves, cover, x - wide, x + wide, low, height, z)


def paint_house(
    canvas: Canvas, rng, x, z0, z1, height: float, side: int, pitched: bool
) -> None:
    """A house along the street, from z0 to z1, with its front at x."""
    light = canvas.light
    shop = not pitched and rng.random() < 0.5
    lit = light.lit_windows
    outline = [(x, height, z0), (x, height, z1), (x, 0, z1), (x, 0, z0)]
    size = canvas.texture_size(outline)
    front = textures.facade(rng, z1 - z0, height, size, lit, shop)
    front *= np.float32(light.on_side(side))
    back = x + side * rng.uniform(7, 11)
    size = (min(size[0], 180), 80)
    gable = textures.facade(rng, abs(back - x), height, size, lit, False, pitched)
    gable *= np.float32(0.8)
    corners = [(x, height), (back, height), (back, 0), (x, 0)]
    canvas.quad(gable, [(*corner, z0) for corner in corners])
    roof = np.array((110, 58, 44) if rng.random() < 0.6 else (66, 66, 70))
    if pitched:
        ridge, top = (x + back) / 2, height + rng.uniform(2.5, 4)
        end = [(x, height, z0), (ridge, top, z0), (back, height, z0)]
        canvas.polygon(end, gable.mean((0, 1)))
        gain = light.on_side(side) * rng.uniform(0.8, 1.1)
        tiles = textures.crop(rng, 0.6, 48, 96)[..., None] * 0.09 + 1
        tiles = tiles * (1 - 0.12 * (np.arange(48) % 4 < 1)[:, None, None])
        tiles = tiles * np.float32(roof * gain)
        slope = [(ridge, top, z0), (ridge, top, z1), (x, height, z1), (x, height, z0)]
        canvas.quad(tiles, slope)
    canvas.quad(front, outline)
