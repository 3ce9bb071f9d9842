"""Crops and sizes: RGB and map take the same ones, each as an array of its own."""

from __future__ import annotations

import numpy as np

from salcomp.errors import InputError

Box = tuple[int, int, int, int]
FILTERS = ("area", "lanczos")


def parse_crop(text: str) -> str | Box:
    """Reads the value of `--crop`: "none", "aspect", or a box "left,top,right,bottom".

    Returns:
      "none", "aspect", or four integers.

    Raises:
      InputError: it is something else, or the box is empty.
    """
    if text in ("none", "aspect"):
        return text
    try:
        left, top, right, bottom = map(int, text.split(","))
        if not (0 <= left < right and 0 <= top < bottom):
            raise ValueError
    except ValueError as error:
        raise InputError(
            f"--crop={text}: give none, aspect, or left,top,right,bottom in pixels, "
            "such as 4,120,1356,796"
        ) from error
    return left, top, right, bottom


def crop_box(crop: str | Box, height: int, width: int, aspect: float) -> Box:
    """Finds the part of a picture that a crop keeps.

    Args:
      crop: as returned by `parse_crop`; "aspect" is the largest centred box of it.
      height, width: of the picture, pixels.
      aspect: width over height of the frame that is to be made.

    Returns:
      (left, top, right, bottom) in pixels.

    Raises:
      InputError: the picture does not hold the box.
    """
    if crop == "none":
        return 0, 0, width, height
    if crop == "aspect":
        kept_width = min(width, max(1, round(height * aspect)))
        kept_height = min(height, max(1, round(width / aspect)))
        left, top = (width - kept_width) // 2, (height - kept_height) // 2
        return left, top, left + kept_width, top + kept_height
    if crop[2] > width or crop[3] > height:
        raise InputError(
            f"is {width}x{height} pixels and does not hold the box "
            f"--crop={','.join(map(str, crop))}; give one within it, or remove the file"
        )
    return crop


def resize_rgb(rgb: np.ndarray, height: int, width: int, kernel: str) -> np.ndarray:
    """Makes a picture smaller.

    Args:
      rgb: uint8 [H, W, 3].
      height, width: to have, at most those of `rgb`.
      kernel: "area", the mean over the area of each new pixel (OpenCV's INTER_AREA;
        at whole ratios the box average), or "lanczos" (Pillow's, 3 lobes).

    Returns:
      uint8 [height, width, 3]; `rgb` itself where it has that size.
    """
    if rgb.shape[:2] == (height, width):
        return rgb
    if kernel == "area":
        import cv2

        return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    from PIL import Image as pil

    resized = pil.fromarray(rgb).resize((width, height), pil.Resampling.LANCZOS)
    return np.asarray(resized)
