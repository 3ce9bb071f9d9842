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

from salcomp.config.base import Settings
from salcomp.config.weighting import raw_weight
from salcomp.data import frame_files, scenes
from salcomp.errors import InputError

_SCENE_VALIDATION_COUNT = 16
_WORKERS = os.cpu_count() or 1


class Frames:
    """A set of frames: those that fit the memory budget decoded, the others on use.

    Attributes:
      names: what each frame is called in messages.
      sizes: int [F, 2], heights and widths.
      image_means: float32 [F], mean of the raw weight over each frame.
      weight_mean: mean of the raw weight over all pixels of all frames.
    """

    def __init__(
        self,
        names: Sequence[str],
        read: Callable[[int], np.ndarray],
        config: Settings,
        cache_bytes: float,
    ):
        """Reads and checks every frame once.

        Args:
          names: of the frames.
          read: gives frame i, uint8 [H, W, 4].
          config: says what the raw weight is.
          cache_bytes: memory budget for decoded frames.

        Raises:
          InputError: a frame cannot be used; the message names it.
        """
        self.names = list(names)
        self._read = read
        self._cache: dict[int, np.ndarray] = {}
        sizes, sums, used = [], [], 0

        def weigh(i: int):
            frame = read(i)
            saliency = frame[..., 3].astype(np.float32) / 255
            return frame, raw_weight(saliency, config).sum(dtype=np.float64)

        with ThreadPoolExecutor(_WORKERS) as pool:
            # Few at a time, so that no more frames wait than the budget foresees.
            groups = range(0, len(names), _WORKERS)
            for first in tqdm(groups, "frames", disable=None, leave=False):
                group = range(first, min(first + _WORKERS, len(names)))
                for i, (frame, weight_sum) in zip(group, pool.map(weigh, group)):
                    sizes.append(frame.shape[:2])
                    sums.append(weight_sum)
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
        pixels = self.sizes.prod(axis=1)
        self.image_means = (np.array(sums) / pixels).astype(np.float32)
        self.weight_mean = float(np.sum(sums) / pixels.sum())

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> np.ndarray:
        """Frame i, uint8 [H, W, 4]."""
        return self._cache[i] if i in self._cache else self._read(i)


def from_files(
    paths: Sequence[str],
    config: Settings,
    minimum: tuple[int, int],
    cache_bytes: float,
) -> Frames:
    """Frames of image files, RGBA where the configuration needs a saliency map.

    Args:
      paths: of the files.
      config: of the run.
      minimum: smallest height and smallest width in pixels.
      cache_bytes: memory budget for decoded frames.

    Raises:
      InputError: a file cannot be read, is too small, or lacks a needed map.
    """

    def read(i: int) -> np.ndarray:
        return frame_files.read(paths[i], minimum, config.uses_saliency)

    return Frames(paths, read, config, cache_bytes)


def from_scenes(config: Settings, first: int, count: int) -> Frames:
    """Built-in scenes `first` to `first + count`; the same for every run."""
    names = [f"scene {first + i}" for i in range(count)]
    return Frames(names, lambda i: scenes.scene(0, first + i), config, float("inf"))


def held_out_scenes(config: Settings) -> Frames:
    """The built-in scenes that no training uses."""
    return from_scenes(config, 0, _SCENE_VALIDATION_COUNT)


def from_tfds(name: str, split: str, config: Settings, cache_bytes: float) -> Frames:
    """RGB images of a tensorflow-datasets set, as many as the budget holds.

    Args:
      name: of the set, such as "clic"; it is downloaded or prepared if need be.
      split: such as "train".
      config: of the run, a baseline.
      cache_bytes: memory budget for decoded frames.

    Raises:
      InputError: the set or split does not exist, has no images, or all are smaller
        than the crop.
    """
    import tensorflow_datasets as tfds  # slow to import, and needed only here

    try:
        source = tfds.load(name, split=split)
        key = next(k for k in ("image", "image_left") if k in source.element_spec)
    except StopIteration as error:
        raise InputError(f"--tfds_name={name} has no image or image_left") from error
    except Exception as error:  # tfds raises many kinds, most of many lines
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"--tfds_name={name}, split {split!r}: {reason}") from error
    images, used = [], 0
    least = np.array(config.crop)
    for example in source.map(lambda e: e[key]).as_numpy_iterator():
        if example.shape[-1] == 3 and (example.shape[:2] >= least).all():
            used += example.size // 3 * 4
            if images and used > cache_bytes:
                logging.info("%d images of %s fill --cache_mib", len(images), name)
                break
            opaque = np.full(example.shape[:2], 255, np.uint8)
            images.append(np.dstack([example, opaque]))
    if not images:
        raise InputError(
            f"--tfds_name={name}, split {split!r} has no RGB image of at least "
            f"{least[1]}x{least[0]} pixels; lower --patchsize"
        )
    names = [f"{name} {split} {i}" for i in range(len(images))]
    return Frames(names, images.__getitem__, config, cache_bytes)


def training_and_validation(
    args,
    config: Settings,
    held_out: bool = True,
) -> tuple[Frames, Frames | None]:
    """The frames that the flags of `run_flags` name.

    Args:
      args: has train_glob, validation_glob, tfds_name, tfds_validation_split,
        num_scenes and cache_mib.
      config: of the run.
      held_out: whether there have to be frames to validate on, where no
        --validation_glob names any.

    Returns:
      The two sets; None for the second if it need not be and nothing names it.

    Raises:
      InputError: as of the functions above; or flags that exclude each other.
    """
    cache_bytes = args.cache_mib * 2**20
    if args.tfds_name:
        if args.train_glob or args.validation_glob:
            raise InputError("give --tfds_name or --train_glob, not both")
        if config.uses_saliency:
            raise InputError(
                "sets of --tfds_name have no saliency maps; add --nosaliency, or pack "
                "maps into RGBA PNGs and give --train_glob"
            )
        validation = None
        if held_out:
            split = args.tfds_validation_split
            validation = from_tfds(args.tfds_name, split, config, cache_bytes)
        return from_tfds(args.tfds_name, "train", config, cache_bytes), validation
    if args.train_glob:
        training, validation = frame_files.find(args.train_glob), None
        if args.validation_glob:
            validation = frame_files.find(args.validation_glob)
            both = set(map(os.path.realpath, training)) & set(
                map(os.path.realpath, validation)
            )
            if both:
                raise InputError(
                    f"{min(both)} is in both --train_glob and --validation_glob; "
                    "validation frames must be held out"
                )
        elif held_out:
            training, validation = frame_files.split(training)
            logging.info(
                "no --validation_glob: %d of the files are held out for validation, "
                "chosen by a hash of their names",
                len(validation),
            )
        return (
            from_files(training, config, config.crop, cache_bytes),
            validation
            and from_files(validation, config, config.smallest_frame, cache_bytes),
        )
    if args.validation_glob:
        raise InputError("--validation_glob needs a --train_glob beside it")
    logging.info(
        "training on %d built-in drawn scenes; give real frames with "
        "--train_glob='DIR/*.png' (RGBA, the saliency map as alpha)",
        args.num_scenes,
    )
    return (
        from_scenes(config, _SCENE_VALIDATION_COUNT, args.num_scenes),
        held_out_scenes(config) if held_out else None,
    )
