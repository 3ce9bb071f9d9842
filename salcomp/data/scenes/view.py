"""How a street scene is seen: the picture's size, the camera, and the light.

Places are (x, y, z) in metres: x to the right of the camera, y above the ground,
z ahead. A bend shifts everything by `bend * z**2` to the right.
"""

from __future__ import annotations

import dataclasses

HEIGHT, WIDTH = 256, 512
SCALE = 2  # of the canvas; halving it smooths all edges as a lens does

Colour = tuple  # three numbers, RGB, 0..255


@dataclasses.dataclass(frozen=True)
class Light:
    """Weather and time of day.

    Attributes:
      sky: RGB at the zenith, 0..255.
      haze: RGB of the horizon, to which distant things fade, 0..255.
      visibility: metres over which contrast falls to 1/e.
      sun: 0 (overcast, no shadows) to 1.
      shaded_side: the side of the street in shadow, -1 (left) or 1.
      lit_windows: share of the windows behind which a lamp is on, 0..1.
    """

    sky: Colour
    haze: Colour
    visibility: float
    sun: float
    shaded_side: int
    lit_windows: float = 0.0

    def on_side(self, side: int) -> float:
        """The brightness of a wall that stands on `side` of the street."""
        return 1 + self.sun * (-0.55 if side == self.shaded_side else 0.15)


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole camera; lengths in canvas pixels but `height` in metres.

    Attributes:
      focal: focal length.
      centre: column of the straight-ahead direction.
      horizon: row of the horizon.
      height: of the lens above the ground.
      bend: curvature of the street, 1/m; positive bends to the right.
    """

    focal: float
    centre: float
    horizon: float
    height: float
    bend: float

    def project(self, x: float, y: float, z: float) -> tuple[float, float]:
        """The canvas (column, row) of a place."""
        return (
            self.centre + self.focal * (x / z + self.bend * z),
            self.horizon - self.focal * (y - self.height) / z,
        )
