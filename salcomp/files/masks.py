"""Grey mask files: which is that of an image, and what is in it.

They hold maps (`--saliency`) or mark regions (`--roi_masks`).
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np
from PIL import Image as pil

from salcomp.errors import InputError
from salcomp.files import disk, images, notices

# EXIF's orientations that exchange height and width, and how they are undone.
_TURNS = {
    5: pil.Transpose.TRANSPOSE,
    6: pil.Transpose.ROTATE_270,
    7: pil.Transpose.TRANSVERSE,
    8: pil.Transpose.ROTATE_90,
}


def region_for(spec: str, path: str | os.PathLike, image: images.Image) -> np.ndarray:
    """Finds the region that a mask marks in one image: where it is half white or more.

    It is bool [H, W], False everywhere for a black mask.

    Args:
      spec: the path of a folder of grey masks, of any size and named as the images
        are, or of one mask file.

    Raises:
      InputError: there is no such mask, or not just one; or it is in colour.
    """
    height, width = image.rgb.shape[:2]
    mask_path = find_mask("roi_masks", spec, Path(path))
    mask = read_mask_for(mask_path, (height, width), image.orientation) >= 0.5
    white = pil.fromarray(mask.astype(np.uint8))
    resized = white.resize((width, height), pil.Resampling.NEAREST)
    return np.asarray(resized).astype(bool)


def find_mask(flag: str, spec: str, image_path: Path) -> Path:
    """Finds the mask file that `--FLAG=SPEC` means for an image.

    Args:
      spec: path of a mask, or of a folder of masks named as the images are, right in
        it or in folders that are named as those of the images. Where
        there is none, a map that `compress --save_saliency` wrote serves.

    Raises:
      InputError: there is no such mask, or not just one.
    """
    given = Path(spec).expanduser()
    if given.is_file():
        return given
    if not given.is_dir():
        raise InputError(f"--{flag}={spec}: no such file or folder")
    above = image_path.absolute().parent.parts[1:]
    found: list[Path] = []
    for i in range(len(above) + 1):
        folder = given.joinpath(*above[i:])
        if not found and ".." not in above[i:] and folder.is_dir():
            # The time tells a folder that has changed from the one that was indexed.
            named = _files_by_stem(folder, folder.stat().st_mtime_ns)
            # In a folder of images beside their masks, the image is not its own mask.
            image, found = image_path.resolve(), named.get(image_path.stem, [])
            found = [path for path in found if path.resolve() != image]
            saved = folder / (image_path.stem + disk.SAVED_MAP)
            if not found and saved.is_file():
                found = [saved]
    if not found:
        raise InputError(
            f"--{flag}={spec}: has no mask named {image_path.stem}.png; add it"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InputError(f"--{flag}={spec}: several masks fit ({names}); keep one")
    return found[0]


def label(spec: str) -> str:
    """Tells a mask or folder by its last name; those above mean nothing to others."""
    given = Path(spec).expanduser().resolve()
    return f"mask{'s in' if given.is_dir() else ''} {given.name}"


@functools.lru_cache(maxsize=64)
def _files_by_stem(folder: Path, modified_ns: int) -> dict[str, list[Path]]:
    """The images in a folder, listed once for all the images that have masks there."""
    del modified_ns  # a part of the cache's key
    files: dict[str, list[Path]] = {}
    for path in disk.files_in(folder):
        files.setdefault(path.stem, []).append(path)
    return files


def read_mask_for(
    path: Path,
    size: tuple[int, int],
    orientation: int = 1,
    max_pixels: int = images.MAX_PIXELS,
) -> np.ndarray:
    """Reads a mask, and turns it as the image was if it is one of the stored image.

    It is float32 [h, w] in 0..1, of any size. The log has a line where its shape is
    another, so that it will be stretched.

    Args:
      size: (height, width) of the image.
      orientation: by which the image was turned, as `images.Image` has it.
      max_pixels: most pixels of the mask.

    Raises:
      InputError: it cannot be read, or is in colour.
    """
    mask = read_mask(path, max_pixels)
    if not _alike(mask.shape, size):
        if orientation in _TURNS and _alike(mask.shape, size[::-1]):
            return np.asarray(pil.fromarray(mask).transpose(_TURNS[orientation]))
        notices.warn(
            f"{path}: {mask.shape[1]}x{mask.shape[0]} is stretched to the shape of the "
            f"image, {size[1]}x{size[0]}"
        )
    return mask


def _alike(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sizes are in proportion, but for less than a pixel of the first."""
    return abs(size[0] * other[1] - size[1] * other[0]) < max(other)


def read_mask(path: Path, max_pixels: int = images.MAX_PIXELS) -> np.ndarray:
    """Reads the alpha channel of a file that has one, else its grey values as stored.

    They become float32 [H, W] in 0..1. Raises InputError if it cannot be read, or is in
    colour.
    """
    mask = images.read_image(path, max_pixels, to_srgb=False)
    if mask.alpha is not None:
        return _from_uint8(mask.alpha)
    # JPEG moves the colours of a grey picture by a level or two.
    if np.ptp(mask.rgb, axis=2).max() > 8:
        raise InputError(f"{path}: a mask must be grey, or in an alpha channel")
    return _from_uint8(mask.rgb[..., 1])


def _from_uint8(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32) / 255
