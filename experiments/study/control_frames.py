"""Frames with maps that are not theirs, for the controls of the study."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from absl import logging

from salcomp.errors import InputError
from salcomp.files import disk, images, saliency_maps

# Of the order of the maps among the frames.
_SEED = 0


def make(kind: str, source: Path, folder: Path) -> Path:
    """Writes RGBA frames with other maps, unless they are there already.

    Args:
      kind: "shuffled": each frame has the map of another one, each map serves once;
        "center": all have the centre prior.
      source: folder of RGBA frames; shuffled ones must be of one size.
      folder: to write, whole or not at all.

    Returns:
      `folder`.

    Raises:
      InputError: a frame has no map, sizes differ, or there is only one frame.
    """
    if folder.is_dir():
        return folder
    paths = disk.files_in(source)
    frames = [images.read_image(path) for path in paths]
    for path, frame in zip(paths, frames):
        if frame.alpha is None:
            raise InputError(f"{path} has no map in its alpha channel")
    if kind == "shuffled":
        maps = _of_others([frame.alpha for frame in frames], source)
    else:
        maps = [_centre(*frame.alpha.shape) for frame in frames]
    scratch = folder.with_name(f".{folder.name}-{os.getpid()}")
    scratch.mkdir(parents=True)
    for path, frame, alpha in zip(paths, frames, maps):
        images.write_png(scratch / f"{path.stem}.png", np.dstack([frame.rgb, alpha]))
    os.rename(scratch, folder)
    logging.info("%s: %d frames with %s maps", folder, len(paths), kind)
    return folder


def _of_others(maps: list[np.ndarray], source: Path) -> list[np.ndarray]:
    """The maps, each at another place than its own."""
    if len({alpha.shape for alpha in maps}) != 1 or len(maps) < 2:
        raise InputError(
            f"{source}: to shuffle maps takes two frames or more, all of one size"
        )
    order = np.random.default_rng(_SEED).permutation(len(maps))
    # Round a circle, so that none stays where it was.
    taken = dict(zip(order, np.roll(order, 1)))
    return [maps[taken[i]] for i in range(len(maps))]


def _centre(height: int, width: int) -> np.ndarray:
    return np.round(255 * saliency_maps.center_prior(height, width)).astype(np.uint8)
