"""Street scenes that are drawn, so that training needs no files.

A scene is a pure function of (seed, index): houses, trees, vehicles with licence
plates, signs and people along a street in perspective, in varied weather, with
a codec's difficulties as on photographs (its rate and PSNR were calibrated on real
street frames). Its alpha channel is a saliency map that follows what was drawn.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from salcomp.data.scenes import backdrop, layout, textures
from salcomp.data.scenes.canvas import Canvas
from salcomp.data.scenes.saliency import saliency
from salcomp.data.scenes.view import HEIGHT, SCALE, WIDTH, Camera


def scene(seed: int, index: int) -> np.ndarray:
    """Draws one street scene, the same for the same arguments in every process.

    uint8 [256, 512, 4], straight alpha: RGB, and the saliency map, whose maximum is 255
    and whose mean is 0.03 to 0.12 of that. Neither `seed`, of the set of scenes, nor
    `index`, of the scene within the set, may be negative: ValueError.
    """
    return draw(seed, index)[0]


def draw(seed: int, index: int):
    """Draws one street scene, as `scene` does, and tells what is in it.

    That is a list of (kind, (left, top, right, bottom)) in pixels, far to near: "car",
    "plate", "person", "face", "sign", "text", "light".
    """
    rng = np.random.default_rng([seed, index])
    light = layout.light(rng)
    camera = Camera(
        focal=SCALE * rng.uniform(400, 530),
        centre=SCALE * WIDTH * rng.uniform(0.42, 0.58),
        horizon=SCALE * HEIGHT * rng.uniform(0.44, 0.62),
        height=rng.uniform(1.25, 1.9),
        bend=rng.normal(0, 0.0007),
    )
    canvas = Canvas(camera, light)
    setting = rng.choice(
        ["city", "suburb", "avenue", "motorway"], p=[0.4, 0.25, 0.2, 0.15]
    )
    road = layout.road_profile(rng, setting)
    backdrop.paint_sky(canvas, rng, rng.random())
    backdrop.paint_skyline(canvas, rng, setting == "city")
    backdrop.paint_ground(canvas, rng, road)
    things = layout.roadside(rng, setting, road)
    things += layout.traffic(rng, setting, road)
    for _, paint, arguments in sorted(things, key=lambda thing: -thing[0]):
        paint(canvas, rng, *arguments)
    alpha = saliency(canvas.seen, _vanishing_point(camera))
    return np.dstack([_photograph(canvas, rng), alpha]), canvas.seen


def _vanishing_point(camera: Camera) -> tuple[float, float]:
    column, row = camera.project(0, camera.height, 60)
    return column / SCALE, row / SCALE


def _photograph(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """The canvas as a camera takes it: optics, exposure, noise; uint8 [h, w, 3]."""
    image = canvas.image.reduce(SCALE)
    image = image.filter(ImageFilter.BoxBlur(max(0, rng.uniform(-0.6, 1.2))))
    # The sensor's noise goes first: where the sky burns out there is none.
    raw = np.asarray(image, np.float32)
    uneven = 1 + 0.03 * textures.crop(rng, 1.8, HEIGHT, WIDTH)
    noise = textures.crop(rng, 0, HEIGHT, WIDTH) * rng.uniform(0.2, 1.4)
    raw = raw * uneven[..., None] + noise[..., None]
    image = Image.fromarray(np.clip(raw, 0, 255, out=raw).astype(np.uint8))
    exposure, contrast = rng.uniform(110, 165), rng.uniform(1.1, 1.75)
    saturation = rng.uniform(0.4, 1)
    mix = saturation * np.eye(3) + (1 - saturation) / 3
    mix *= contrast * rng.uniform(0.97, 1.03, (3, 1))
    develop = np.column_stack([mix, np.full(3, exposure - 118 * contrast)])
    return np.asarray(image.convert("RGB", tuple(develop.ravel())))
