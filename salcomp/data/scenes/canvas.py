"""The canvas that street scenes are painted on, with places as in `view`."""

from __future__ import annotations

import functools
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from salcomp.data.scenes.view import HEIGHT, SCALE, WIDTH, Camera, Colour, Light


@functools.cache
def _font(size: int):
    return ImageFont.load_default(size)


class Canvas:
    """A picture that is painted from far to near, and what was painted where.

    Attributes:
      image: the picture, at `SCALE` times the scene's resolution.
      seen: (kind, (left, top, right, bottom)) in scene pixels, far to near, of
        what people look at; boxes are clipped to the picture.
    """

    def __init__(self, camera: Camera, light: Light):
        self.camera = camera
        self.light = light
        self.image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE))
        self.draw = ImageDraw.Draw(self.image)
        self.seen: list[tuple[str, tuple[float, float, float, float]]] = []

    def haze(self, colour: Colour, z: float, gain: float = 1.0) -> tuple[int, ...]:
        """`colour` times `gain`, as it looks from `z` metres away."""
        clear = math.exp(-z / self.light.visibility)
        return tuple(
            int(min(max(h + (c * gain - h) * clear, 0), 255))
            for c, h in zip(colour, self.light.haze)
        )

    def fade(self, texture: np.ndarray, z: float) -> np.ndarray:
        """A float32 [..., 3] texture as it looks from `z` metres away, uint8."""
        clear = np.float32(math.exp(-z / self.light.visibility))
        faded = texture * clear + np.float32(self.light.haze) * (1 - clear)
        return np.clip(faded, 0, 255, out=faded).astype(np.uint8)

    def polygon(self, places, colour: Colour, gain: float = 1.0) -> None:
        """Fills a polygon whose corners are (x, y, z) places."""
        corners = [self.camera.project(*place) for place in places]
        self.draw.polygon(corners, fill=self.haze(colour, places[0][2], gain))

    def upright(self, z, x0, x1, y0, y1, colour: Colour, gain: float = 1.0) -> None:
        """Fills a rectangle that faces the camera."""
        left, top = self.camera.project(x0, y1, z)
        right, bottom = self.camera.project(x1, y0, z)
        if right >= left and bottom >= top:
            fill = self.haze(colour, z, gain)
            self.draw.rectangle((left, top, right, bottom), fill=fill)

    def disc(self, x, y, z, radius, colour: Colour, gain: float = 1.0) -> None:
        """Fills a disc that faces the camera."""
        column, row = self.camera.project(x, y, z)
        reach = self.camera.focal * radius / z
        box = (column - reach, row - reach, column + reach, row + reach)
        self.draw.ellipse(box, fill=self.haze(colour, z, gain))

    def line(self, start, end, thickness: float, colour: Colour) -> None:
        """Draws a line between two places, `thickness` metres at its start."""
        ends = [self.camera.project(*start), self.camera.project(*end)]
        pixels = max(1, round(self.camera.focal * thickness / start[2]))
        self.draw.line(ends, fill=self.haze(colour, start[2]), width=pixels)

    def text(self, x, y, z, width, height, string, colour: Colour) -> None:
        """Writes `string` centred on a place, within a width and a height."""
        pixels = self.camera.focal / z
        size = int(1.3 * height * pixels)
        if size < 5:
            return
        length = _font(size).getlength(string)
        if length > width * pixels:
            size = max(4, int(size * width * pixels / length))
        self.draw.text(
            self.camera.project(x, y, z),
            string,
            fill=self.haze(colour, z),
            font=_font(size),
            anchor="mm",
            stroke_width=size // 24,
        )

    def shadow(self, x0, x1, z0, z1, strength: float = 0.75) -> None:
        """Darkens an ellipse on the ground."""
        left, top = self.camera.project(x0, 0, z1)
        right, bottom = self.camera.project(x1, 0, z0)
        left, right = min(left, right), max(left, right)
        box = _clip(left, top, right, bottom)
        if box:
            mask = Image.new("L", (box[2] - box[0], box[3] - box[1]))
            place = (left - box[0], top - box[1], right - box[0], bottom - box[1])
            ImageDraw.Draw(mask).ellipse(place, fill=int(255 * strength))
            self.image.paste((8, 8, 12), box, mask)

    def in_view(self, x0, x1, z) -> bool:
        """Whether something `z` metres ahead, x0 to x1, is between the sides."""
        left, right = (self.camera.project(x, 0, z)[0] for x in (x0, x1))
        return right > 0 and left < WIDTH * SCALE

    def texture_size(self, places) -> tuple[int, int]:
        """The (height, width) in pixels that a texture for `quad` needs."""
        corners = np.array([self.camera.project(*place) for place in places])
        height = abs(corners[3] - corners[0])[1]
        width = abs(np.clip(corners[1] - corners[0], -WIDTH * SCALE, WIDTH * SCALE))[0]
        return tuple(int(min(max(0.7 * side, 8), 300)) for side in (height, width))

    def billboard(self, texture, mask, x0, x1, y0, y1, z) -> None:
        """Pastes a texture that faces the camera.

        Args:
          texture: uint8 [h, w, 3], already hazy.
          mask: uint8 [h, w], 255 where the texture covers what is behind it.
          x0, x1, y0, y1, z: metres.
        """
        left, top = self.camera.project(x0, y1, z)
        right, bottom = self.camera.project(x1, y0, z)
        box = _clip(left, top, right, bottom)
        if not box:
            return
        down, across = mask.shape
        x_step, y_step = across / (right - left), down / (bottom - top)
        part = (
            max((box[0] - left) * x_step, 0),
            max((box[1] - top) * y_step, 0),
            min((box[2] - left) * x_step, across),
            min((box[3] - top) * y_step, down),
        )
        if part[2] - part[0] < 1 or part[3] - part[1] < 1:
            return
        size = (box[2] - box[0], box[3] - box[1])
        # Halving the canvas smooths what nearest neighbours leave rough, and they
        # are many times faster; only a large magnification would show.
        sharp = x_step > 0.6
        method = Image.Resampling.NEAREST if sharp else Image.Resampling.BILINEAR
        patch, cover = (
            Image.fromarray(plane).resize(size, method, box=part)
            for plane in (texture, mask)
        )
        self.image.paste(patch, box, cover)

    def quad(self, texture, places) -> None:
        """Pastes a texture on a flat quadrangle, such as a wall or a roof.

        Args:
          texture: float32 [h, w, 3], 0..255 or brighter, without haze.
          places: where its corners come to: top left, top right, bottom right,
            bottom left, each (x, y, z) in metres.
        """
        quad = np.array([self.camera.project(*place) for place in places])
        box = _clip(*quad.min(axis=0), *quad.max(axis=0))
        if not box:
            return
        quad -= box[:2]
        down, across = texture.shape[:2]
        depths = np.linspace(places[0][2], places[1][2], across, dtype=np.float32)
        clear = np.exp(-depths[:, None] / self.light.visibility)
        texture = texture * clear + np.float32(self.light.haze) * (1 - clear)
        targets = [(0, 0), (across, 0), (across, down), (0, down)]
        equations = []
        for (column, row), (u, v) in zip(quad, targets):
            equations += [
                (column, row, 1, 0, 0, 0, -u * column, -u * row),
                (0, 0, 0, column, row, 1, -v * column, -v * row),
            ]
        try:
            warp = np.linalg.solve(equations, np.ravel(targets))
        except np.linalg.LinAlgError:  # seen edge-on: nothing to paint
            return
        size = (box[2] - box[0], box[3] - box[1])
        texture = np.minimum(texture, 255).astype(np.uint8)
        patch = Image.fromarray(texture).transform(
            size, Image.Transform.PERSPECTIVE, warp, Image.Resampling.NEAREST
        )
        cover = Image.new("L", size)
        ImageDraw.Draw(cover).polygon([tuple(corner) for corner in quad], fill=255)
        self.image.paste(patch, box, cover)

    def look(self, kind: str, x0, x1, y0, y1, z) -> None:
        """Notes that people look at an upright rectangle, if it is in view."""
        left, top = self.camera.project(x0, y1, z)
        right, bottom = self.camera.project(x1, y0, z)
        box = _clip(left, top, right, bottom)
        if box:
            self.seen.append((kind, tuple(side / SCALE for side in box)))


def _clip(left, top, right, bottom) -> tuple[int, int, int, int] | None:
    """The box in whole canvas pixels that are in view; None if there are none."""
    box = (
        max(math.floor(left), 0),
        max(math.floor(top), 0),
        min(math.ceil(right), WIDTH * SCALE),
        min(math.ceil(bottom), HEIGHT * SCALE),
    )
    return box if box[0] < box[2] and box[1] < box[3] else None
