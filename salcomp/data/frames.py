"""Training and validation frames, checked and kept in memory.

A frame is uint8 [H, W, 4]: RGB and, as straight alpha, the saliency map. Everything
that can be wrong with a file is found here, before training starts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from absl import logging
from tqdm import tqdm

from salcomp.data import frame_files, scenes
from salcomp.errors import InputError
from salcomp.files import saliency_maps

_SCENE_VALIDATION_COUNT = 16
_WORKERS = os.cpu_count() or 1


class Frames:
    """A set of frames: those that fit the memory budget decoded, the others on use.

    Attributes:
      names: what each frame is called in messages.
      sizes: int [F, 2], heights and widths.
      level_counts: int [F, 256], how many pixels of a frame have each level of the map.
      contents: a checksum of all pixels and maps, in order.
    """

    def __init__(
        self,
        names: Sequence[str],
        read: Callable[[int], np.ndarray],
        cache_bytes: float,
    ):
        """Reads and checks every frame once.

        Args:
          read: gives frame i, uint8 [H, W, 4].
          cache_bytes: memory budget for decoded frames.

        Raises:
          InputError: a frame cannot be used; the message names it.
        """
        self.names = list(names)
        self._read = read
        self._cache: dict[int, np.ndarray] = {}
        sizes, counts, checksums, used = [], [], [], 0

        def take(i: int):
            frame = read(i)
            return (
                frame,
                saliency_maps.level_counts(frame[..., 3]),
                frame_files.checksum(frame),
            )

        with ThreadPoolExecutor(_WORKERS) as pool:
            # Few at a time, so that no more frames wait than the budget foresees.
            groups = range(0, len(names), _WORKERS)
            for first in tqdm(groups, "frames", disable=None, leave=False):
                group = range(first, min(first + _WORKERS, len(names)))
                for i, (frame, levels, crc) in zip(group, pool.map(take, group)):
                    sizes.append(frame.shape[:2])
                    counts.append(levels)
                    checksums.append(crc)
                    used += frame.nbytes
                    if used <= cache_bytes:
                        self._cache[i] = frame
        if used > cache_bytes:
            logging.info(
                "%d of %d frames fit the %.0f MiB of --cache_mib; the others are "
                "decoded each time they are used",
                len(self._cache),
                len(names),
                cache_bytes / 2**20,
            )
        self.sizes = np.array(sizes)
        self.level_counts = np.stack(counts)
        self.contents = frame_files.digest(checksums)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> np.ndarray:
        """Frame i, uint8 [H, W, 4]."""
        return self._cache[i] if i in self._cache else self._read(i)


def from_files(
    paths: Sequence[str],
    needs_map: bool,
    minimum: tuple[int, int],
    cache_bytes: float = float("inf"),
) -> Frames:
    """Frames of image files, each read as `frame_files.read` does.

    `cache_bytes` is the memory budget for decoded frames. Raises InputError if a file
    cannot be read, is too small, or lacks a needed map.
    """

    def read(i: int) -> np.ndarray:
        return frame_files.read(paths[i], minimum, needs_map)

    return Frames(paths, read, cache_bytes)


def from_scenes(first: int, count: int) -> Frames:
    """Built-in scenes `first` to `first + count`; the same for every run."""
    names = [f"scene {first + i}" for i in range(count)]
    return Frames(names, lambda i: scenes.scene(0, first + i), float("inf"))


def held_out_scenes() -> Frames:
    """The built-in scenes that no training uses."""
    return from_scenes(0, _SCENE_VALIDATION_COUNT)


def training_scenes(count: int) -> Frames:
    """The first built-in scenes that are for training."""
    return from_scenes(_SCENE_VALIDATION_COUNT, count)


def split(
    pattern: str | None,
    num_scenes: int,
    needs_map: bool,
    crop: tuple[int, int],
    smallest: tuple[int, int],
) -> tuple[Frames, Frames]:
    """Frames to train on, and frames held out of them.

    Args:
      pattern: of the files, a tenth of which is held out; built-in scenes if None.
      needs_map: whether a file without a map is refused.
      crop: smallest height and width to train on, in pixels.
      smallest: smallest height and width of a held-out frame.

    Raises:
      InputError: a file cannot be used, or there are fewer than two.
    """
    if pattern is None:
        return training_scenes(num_scenes), held_out_scenes()
    training, held_out = frame_files.split(frame_files.find(pattern))
    return (
        from_files(training, needs_map, crop),
        from_files(held_out, needs_map, smallest),
    )


def from_tfds(
    name: str, split: str, minimum: tuple[int, int], cache_bytes: float
) -> Frames:
    """RGB images of a tensorflow-datasets set, as many as the budget holds.

    Args:
      name: of the set, such as "clic"; it is downloaded or prepared if need be.
      split: such as "train".
      minimum: smallest height and smallest width in pixels; others are left out.
      cache_bytes: memory budget for decoded frames.

    Raises:
      InputError: the set or split does not exist, or has no images of that size.
    """
    import tensorflow_datasets as tfds  # slow to import, and needed only here

    try:
        source = tfds.load(name, split=split)
        key = next(k for k in ("image", "image_left") if k in source.element_spec)
    except StopIteration as error:
        raise InputError(f"the set {name} has no image or image_left") from error
    except Exception as error:  # tfds raises many kinds, most of many lines
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"the set {name}, split {split!r}: {reason}") from error
    images, used = [], 0
    for example in source.map(lambda e: e[key]).as_numpy_iterator():
        if example.shape[-1] == 3 and np.all(
            np.greater_equal(example.shape[:2], minimum)
        ):
            used += example.size // 3 * 4
            if images and used > cache_bytes:
                logging.info("%d images of %s fill --cache_mib", len(images), name)
                break
            opaque = np.full(example.shape[:2], 255, np.uint8)
            images.append(np.dstack([example, opaque]))
    if not images:
        raise InputError(
            f"the set {name}, split {split!r} has no RGB image of at least "
            f"{minimum[1]}x{minimum[0]} pixels; lower the patchsize"
        )
    names = [f"{name} {split} {i}" for i in range(len(images))]
    return Frames(names, images.__getitem__, cache_bytes)
