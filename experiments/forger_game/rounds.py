"""What the forger's game shows of a GAN's training: which steps, and which places.

A run's folder holds what its generator made of a few frames as it learned:

    RUN/samples/originals/NAME.png       frames, 8-bit RGB
    RUN/samples/step_00001000/NAME.png   the same frames by the generator of that step
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging

from salcomp.errors import InputError
from salcomp.files import disk, images

_STEP_FOLDER = re.compile(r"step_(\d+)")
# Mean difference of neighbouring grey levels below which nothing is to be seen.
_FLAT = 1.0


class Place(NamedTuple):
    """A square of a frame: the frame's file name, and its upper left pixel."""

    name: str
    top: int
    left: int


class Samples:
    """The frames of a run, and what its generator made of them step by step.

    Attributes:
      names: of the frames' files, sorted.
      steps: whose folder holds all of the frames, ascending; without step 0, at which
        nothing has been learned.
    """

    def __init__(self, run: Path):
        """Finds the samples of a run.

        Raises:
          InputError: there are none, or of fewer than two steps.
        """
        self._folder = run / "samples"
        self._originals = self._folder / "originals"
        if not self._originals.is_dir():
            raise InputError(
                f"{run} has no samples/originals; --run is the folder of a GAN's "
                "training that wrote samples"
            )
        names = [path.name for path in disk.files_in(self._originals, (".png",))]
        if not names:
            raise InputError(f"{self._originals} holds no PNG; train with samples")
        self.names = names
        self._folders = self._whole_steps()
        self.steps = sorted(self._folders)
        if len(self.steps) < 2:
            raise InputError(
                f"{self._folder} has all {len(names)} frames of {len(self.steps)} "
                "step(s) of the training, and the game needs at least 2; train on"
            )

    def _whole_steps(self) -> dict[int, Path]:
        folders = {}
        for path in sorted(self._folder.iterdir()):
            match = _STEP_FOLDER.fullmatch(path.name)
            if match and int(match.group(1)) and path.is_dir():
                missing = sum(not (path / name).exists() for name in self.names)
                if missing:
                    logging.warning("%s is left out: lacks %d frames", path, missing)
                else:
                    folders[int(match.group(1))] = path
        return folders

    def original(self, name: str) -> np.ndarray:
        """A frame, uint8 [H, W, 3].

        Raises:
          InputError: it cannot be read.
        """
        return images.read_image(self._originals / name).rgb

    def pair(self, step: int, place: Place, crop: int) -> list[np.ndarray]:
        """A place of a frame, and the same as the generator of a step made it.

        Returns:
          Two uint8 [crop, crop, 3], the original first.

        Raises:
          InputError: one cannot be read, or they are of different sizes.
        """
        original = self.original(place.name)
        path = self._folders[step] / place.name
        generated = images.read_image(path).rgb
        if original.shape != generated.shape:
            height, width = generated.shape[:2]
            raise InputError(
                f"{path} has {width}x{height} pixels, and its original "
                f"{original.shape[1]}x{original.shape[0]}; give samples of one run"
            )
        return [_cut(frame, place, crop) for frame in (original, generated)]


def choose_steps(steps: list[int], count: int) -> list[int]:
    """At most `count` steps, from the first to the last at about equal ratios.

    A GAN learns most at the start, so equal distances would show it only late.

    Args:
      steps: at least two, above 0 and ascending.
      count: at least two.
    """
    logs = np.log(steps)
    wanted = np.linspace(logs[0], logs[-1], min(count, len(steps)))
    chosen = [0, len(steps) - 1]
    for target in wanted[1:-1]:
        others = [i for i in range(len(steps)) if i not in chosen]
        chosen.append(min(others, key=lambda i: abs(logs[i] - target)))
    return [steps[i] for i in sorted(chosen)]


def choose_places(samples: Samples, crop: int, rng: np.random.Generator) -> list[Place]:
    """Places that do not overlap and show something, in random order.

    The flatter half of each frame is left out: there is little to forge in a piece of
    sky. Places that follow each other are of different frames, as far as that goes.

    Args:
      samples: of the run.
      crop: side of a place in pixels.
      rng: decides the order.

    Raises:
      InputError: a frame is smaller than `crop`, or cannot be read.
    """
    by_frame = []
    for name in rng.permutation(samples.names).tolist():
        frame = samples.original(name)
        height, width = frame.shape[:2]
        if min(height, width) < crop:
            raise InputError(
                f"{name}: {width}x{height} pixels are fewer than --crop={crop}; give "
                "a lower one"
            )
        places = [
            Place(name, top, left)
            for top in range(0, height - crop + 1, crop)
            for left in range(0, width - crop + 1, crop)
        ]
        details = [_detail(_cut(frame, place, crop)) for place in places]
        least = max(np.median(details), _FLAT)
        kept = [place for place, value in zip(places, details) if value >= least]
        by_frame.append([kept[i] for i in rng.permutation(len(kept))])
    turns = itertools.zip_longest(*by_frame)
    return [place for turn in turns for place in turn if place]


def _cut(frame: np.ndarray, place: Place, crop: int) -> np.ndarray:
    return frame[place.top : place.top + crop, place.left : place.left + crop]


def _detail(piece: np.ndarray) -> float:
    """Mean difference of neighbouring pixels, in 8-bit grey levels."""
    grey = piece.mean(axis=2)
    return float(np.mean([np.abs(np.diff(grey, axis=axis)).mean() for axis in (0, 1)]))
