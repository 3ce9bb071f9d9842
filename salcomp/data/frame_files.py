"""Files of training frames: found, split, and read."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence

import numpy as np

from salcomp.errors import InputError
from salcomp.files import disk
from salcomp.files.images import read_image

# Of the files of --train_glob, where no --validation_glob is given.
_VALIDATION_SHARE = 10


def find(pattern: str) -> list[str]:
    """The files that a pattern matches, sorted; raises InputError if there are none."""
    matches = disk.matches(os.path.expanduser(pattern))
    paths = sorted(path for path in matches if os.path.isfile(path))
    if not paths:
        raise InputError(f"no file matches {pattern!r}; quote the pattern and check it")
    return paths


def split(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """Training and validation files, by a hash of the file name: always the same.

    Raises InputError if there is only one file.
    """
    if len(paths) < 2:
        raise InputError(
            f"{paths[0]} is the only frame; training needs at least two, or a "
            "--validation_glob beside it"
        )
    names = [os.path.basename(path) for path in paths]
    if len(set(names)) == 1:  # as in scene1/image.png, scene2/image.png
        folder = os.path.commonpath(paths)
        names = [os.path.relpath(path, folder) for path in paths]
    hashes = [zlib.crc32(os.fsencode(name)) for name in names]
    held_out = [h % _VALIDATION_SHARE == 0 for h in hashes]
    if not any(held_out) or all(held_out):
        held_out = [h == min(hashes) for h in hashes]
    training = [p for p, held in zip(paths, held_out) if not held]
    validation = [p for p, held in zip(paths, held_out) if held]
    return training, validation


def digest(items: Sequence) -> str:
    """Tells one list from another: its length, and a checksum."""
    return f"{len(items)} ({zlib.crc32(repr(list(items)).encode()):08x})"


def names_digest(names: Sequence[str]) -> str:
    """Tells one set of frames from another by the names of the files."""
    return digest([os.path.basename(name) for name in names])


def checksum(frame: np.ndarray) -> tuple[int, ...]:
    """Tells a frame, uint8 [H, W, 4], from others by its size, pixels and map."""
    return (*frame.shape, zlib.crc32(frame))


def read(path: str, minimum: tuple[int, int], needs_map: bool) -> np.ndarray:
    """A frame: RGB and, as straight alpha, the saliency map: uint8 [H, W, 4].

    Args:
      minimum: smallest height and smallest width in pixels.
      needs_map: whether a file without a map is refused; else its map is 255.

    Raises:
      InputError: the file cannot be read, is too small, or lacks a needed map.
    """
    rgb, alpha, _ = read_image(path)
    height, width = rgb.shape[:2]
    if height < minimum[0] or width < minimum[1]:
        raise InputError(
            f"{path} is {width}x{height} pixels, smaller than {minimum[1]}x"
            f"{minimum[0]}; remove it or lower the patchsize"
        )
    if alpha is None:
        if needs_map:
            raise InputError(
                f"{path} has no saliency map (no alpha channel, or a constant "
                "one); pack one into the alpha channel, or train the baseline "
                "with --nosaliency"
            )
        alpha = np.full(rgb.shape[:2], 255, np.uint8)
    return np.dstack([rgb, alpha])
