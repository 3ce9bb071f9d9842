"""The backdrop of a street scene: sky, skyline, and the ground with its road."""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from salcomp.data.scenes import textures
from salcomp.data.scenes.canvas import Canvas
from salcomp.data.scenes.view import HEIGHT, SCALE, WIDTH


@dataclasses.dataclass(frozen=True)
class Road:
    """A street's cross-section; metres to the right of the camera.

    Attributes:
      left, right: edges of the road.
      pavement: width of the pavement on either side, 0 for none.
      lines: where broken lines divide lanes.
      verge: RGB of what lies beyond the pavement, 0..255.
      asphalt: RGB of the road, 0..255.
      crossing: distance of a zebra crossing ahead, or None.
    """

    left: float
    right: float
    pavement: float
    lines: tuple[float, ...]
    verge: tuple
    asphalt: tuple
    crossing: float | None

    def edge(self, side: int) -> float:
        """The road's edge on one side, -1 (left) or 1."""
        return self.left if side < 0 else self.right

    def beyond(self, side: int, metres: float) -> float:
        """The place `metres` behind the pavement on one side."""
        return self.edge(side) + side * (self.pavement + metres)


def paint_sky(canvas: Canvas, rng: np.random.Generator, clouds: float) -> None:
    """Fills the canvas with sky; `clouds` is the share that they cover, 0..1."""
    horizon = max(int(canvas.camera.horizon), 16) + 20
    height, width = horizon // 4, WIDTH * SCALE // 4
    light = canvas.light
    fall = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    image = np.float32(light.sky) * (1 - fall) + np.float32(light.haze) * fall
    # Clouds are flatter the nearer they are to the horizon.
    rows = (60 * np.linspace(1, 3, height) ** 2).astype(int) % textures.TILE
    shift = rng.integers(textures.TILE)
    noise = textures.noise(1.6)[rows, shift : shift + width]
    cover = np.clip(0.6 * noise + 2.4 * clouds - 1.2, 0, 1)[..., None]
    white = np.float32(light.haze) * 0.3 + 178
    shading = 1 - 0.12 * np.clip(noise, 0, 2)[..., None]
    image = image + (white * shading - image) * cover * 0.8
    sky = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    size = (WIDTH * SCALE, horizon)
    canvas.image.paste(sky.resize(size, Image.Resampling.BILINEAR), (0, 0))


def paint_skyline(canvas: Canvas, rng: np.random.Generator, tall: bool) -> None:
    """Distant trees, or houses where `tall`, along the horizon."""
    camera = canvas.camera
    if tall:
        for _ in range(6):
            z = rng.uniform(150, 260)
            x, width = rng.uniform(-130, 130), rng.uniform(10, 25)
            height = rng.uniform(8, 32)
            size = tuple(int(side * camera.focal / z) for side in (height, width))
            front = textures.facade(rng, width, height, size, 0.05)
            corners = [(x, height), (x + width, height), (x + width, 0), (x, 0)]
            canvas.quad(front, [(*corner, z) for corner in corners])
    z = rng.uniform(90, 180)
    table = canvas.fade(textures.ramp(rng, (38, 52, 28), (100, 118, 62), 1.0), z)
    height = int(rng.uniform(40, 90))
    leaves, _ = textures.foliage(rng, height, textures.TILE, table, "bush", 0.8)
    outline = textures.crop(rng, 1.3, 1, textures.TILE)
    ragged = textures.crop(rng, 0.7, height, textures.TILE)
    rows = np.arange(height)[:, None] / height
    cover = np.clip((rows - 0.45 + 0.22 * outline) * 9 + 0.6 * ragged, 0, 1)
    reach = z * WIDTH * SCALE / camera.focal * 0.75
    top = camera.height + height * z / camera.focal
    mask = (255 * cover).astype(np.uint8)
    canvas.billboard(leaves, mask, -reach, reach, 0, top, z)


def paint_ground(canvas: Canvas, rng: np.random.Generator, road: Road) -> None:
    """The road, its markings, pavements and verges, with the shadows on them."""
    camera = canvas.camera
    first = max(int(camera.horizon) + 2, 0)
    rows = np.arange(first, HEIGHT * SCALE, dtype=np.float32)[:, None]
    # Footprints on the ground are narrow and deep: rows need finer sampling.
    columns = np.arange(SCALE / 2, WIDTH * SCALE, SCALE, dtype=np.float32)[None]
    z = camera.focal * camera.height / (rows + 0.5 - camera.horizon)
    x = (columns - camera.centre) * (z / camera.focal) - camera.bend * z * z

    zone, palette, roughness = _zones(rng, road, x, z)
    coarse, medium, fine = (_on_ground(rng, e, d, x, z) for e, d in _GRAIN)
    # Grain that is finer than a pixel averages out.
    far = np.minimum(1, 9 / z)
    grain = roughness[zone] * ((0.35 + 0.65 * far) * medium + far * fine)
    brightness = 1 + grain + 0.05 * coarse
    brightness *= _shadows(rng, canvas.light, road, x, z, coarse, medium)
    image = palette[zone] * brightness[..., None]
    clear = np.exp(-z / canvas.light.visibility)[..., None]
    # Seen at a low angle, the ground mirrors the sky.
    clear *= 1 - 0.25 * np.minimum(1, z / 60)[..., None]
    image *= clear
    image += np.float32(canvas.light.haze) * (1 - clear)
    np.clip(image, 0, 255, out=image)
    ground = Image.fromarray(image.astype(np.uint8))
    size = (WIDTH * SCALE, ground.height)
    canvas.image.paste(ground.resize(size, Image.Resampling.NEAREST), (0, first))


_GRAIN = ((1.4, 12), (0.8, 30), (0.4, 110))  # (exponent, pixels per metre)
_VERGE, _PAVEMENT, _KERB, _ROAD, _MARK, _PATCH, _JOINT, _GUTTER = range(8)


def _zones(rng, road: Road, x, z):
    """What the ground is made of: its zone [h, w], each zone's RGB and roughness."""
    centre = (road.left + road.right) / 2
    off = np.abs(x - centre)
    half = (road.right - road.left) / 2
    zone = np.zeros(x.shape, np.uint8)
    if road.pavement:
        zone[off < half + road.pavement] = _PAVEMENT
        slabs = (np.abs(x / 0.8 % 1) < 0.04) | (z / 0.8 % 1 < 0.05)
        zone[(zone == _PAVEMENT) & slabs & (z < 16)] = _JOINT
        zone[off < half + 0.18] = _KERB
    zone[off < half] = _ROAD
    zone[(off < half) & (off > half - 0.3)] = _GUTTER
    for _ in range(rng.integers(0, 6)):
        x0, z0 = rng.uniform(road.left, road.right), rng.uniform(3, 25)
        wide, long = rng.uniform(0.1, 1.8), rng.uniform(0.5, 7)
        zone[(np.abs(x - x0) < wide) & (np.abs(z - z0) < long) & (off < half)] = _PATCH

    mark = np.zeros(x.shape, bool)
    pitch, phase = rng.choice([6.0, 9.0, 12.0]), rng.uniform(0, 9)
    dashes = (z + phase) % pitch < pitch / 2.5
    for line in road.lines:
        mark |= (np.abs(x - line) < 0.07) & (dashes | (rng.random() < 0.15))
    if not road.pavement or rng.random() < 0.3:
        mark |= np.abs(off - half + 0.35) < 0.07
    if road.crossing is not None:
        ahead = z - road.crossing
        mark |= (ahead > 0) & (ahead < 3) & (x % 1 < 0.5) & (off < half - 0.2)
        mark |= (np.abs(ahead + 2) < 0.2) & (off < half - 0.2)
    elif rng.random() < 0.4:
        tip = z - rng.uniform(7, 16)
        lane = rng.uniform(-0.4, 0.4)
        mark |= (np.abs(x - lane) < 0.09) & (tip > -3) & (tip < 0)
        mark |= (np.abs(x - lane) < 0.45 - 0.3 * tip) & (tip > 0) & (tip < 1.5)
    worn = _on_ground(rng, 0.7, 50, x, z) > rng.uniform(1.0, 2.5)
    zone[mark & ~worn] = _MARK

    paved, asphalt = rng.uniform(105, 165), np.array(road.asphalt)
    warm = np.array([1.0, 0.97, 0.92])
    palette = np.empty((8, 3), np.float32)
    palette[_VERGE] = road.verge
    palette[_PAVEMENT], palette[_JOINT] = paved * warm, 0.72 * paved * warm
    palette[_KERB] = 1.25 * paved
    palette[_ROAD], palette[_PATCH] = asphalt, asphalt * rng.uniform(0.7, 1.2)
    palette[_GUTTER] = 0.8 * asphalt
    palette[_MARK] = rng.uniform(185, 240)
    roughness = np.full(8, rng.uniform(0.02, 0.13), np.float32)
    roughness[_VERGE], roughness[_MARK] = 0.25, 0.06
    return zone, palette, roughness


def _on_ground(rng, exponent: float, density: float, x, z) -> np.ndarray:
    """`noise` laid on the ground with `density` pixels per metre, [h, w]."""
    shift = rng.uniform(0, textures.TILE, 2)
    across = (x * density + shift[0]).astype(np.int32) & (textures.TILE - 1)
    along = (z * density + shift[1]).astype(np.int32) & (textures.TILE - 1)
    return textures.noise(exponent)[along, across]


def _shadows(rng, light, road: Road, x, z, coarse, medium) -> np.ndarray:
    """The share of light that arrives, [h, w]: the shadows of houses and trees."""
    if light.sun == 0:
        return np.ones(x.shape, np.float32)
    side = light.shaded_side
    dappled = 1.6 * coarse + 0.5 * medium
    width = rng.uniform(-1, 1.2 * (road.right - road.left))
    inward = (road.edge(side) - x) * side
    depth = dappled * rng.uniform(0.1, 0.6) + (width - inward) * 2
    trees = dappled + 2.5 * np.sin(z / rng.uniform(1.5, 4) + 0.1 * x) - 2
    depth = np.maximum(depth, trees - 0.25 * np.maximum(inward - width, 0))
    return 1 - 0.62 * light.sun * np.clip(depth, 0, 1)
