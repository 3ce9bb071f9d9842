"""Small frames made from a set of large ones, for trainings that take minutes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from salcomp.data import frame_files
from salcomp.errors import InputError
from salcomp.files import disk, images

_SIDE = 32  # crops are of a multiple of it
_FOLDERS = {"train": "training/chosen", "all": "training/*", "validation": "validation"}


class Sets(NamedTuple):
    """Reduced frames, each in one of the sets.

    Attributes:
      folder: has the frames that `pattern` tells.
      train: files to train on.
      test: files without a say in any training.
      crop: height of the largest crops that all frames hold, and their width over it.
    """

    folder: Path
    train: list[Path]
    test: list[Path]
    crop: tuple[int, int]

    def pattern(self, name: str) -> str:
        """Of the files "train", to train on; "all", these and what else is not held
        out; or "validation", which may choose a step of a training.
        """
        return str(self.folder / _FOLDERS[name] / "*.png")


def find(data: str) -> tuple[list[str], list[str]]:
    """Files to train and validate on, and files to test on.

    Args:
      data: a folder. Those in its train/ and test/; without these two, a tenth of its
        own PNGs is for the test.

    Raises:
      InputError: there are none.
    """
    folder = Path(data).expanduser()
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        parts = [frame_files.find(str(folder / p / "*.png")) for p in ("train", "test")]
        return parts[0], parts[1]
    return frame_files.split(frame_files.find(str(folder / "*.png")))


def choose(paths: Sequence[str], train: int, validation: int) -> tuple[list, list]:
    """Files for `train` and `validation`, at equal distances and mixed.

    Raises:
      InputError: there are too few.
    """
    if train + validation > len(paths):
        raise InputError(
            f"{train} frames to train on and {validation} to validate on were asked "
            f"for; there are {len(paths)}"
        )
    chosen = disk.spread(paths, train + validation)
    held_out = disk.spread(chosen, validation)
    return [path for path in chosen if path not in held_out], held_out


def reduced(frame: np.ndarray, factor: int) -> np.ndarray:
    """Means over squares of a frame, uint8 [H, W, 4], each channel by itself.

    What is left over at the right and bottom is cut off.
    """
    height, width = (side // factor for side in frame.shape[:2])
    kept = frame[: height * factor, : width * factor]
    blocks = kept.reshape(height, factor, width, factor, 4)
    return np.round(blocks.mean(axis=(1, 3))).astype(np.uint8)


def prepare(
    data: str, folder: Path, factor: int, train: int, validation: int, test: int
) -> Sets:
    """Writes reduced frames.

    Args:
      data: where the frames are, as of `find`.
      folder: to write a folder into, named by what makes the sets, so that those of
        other calls stay.
      factor: by which height and width are reduced.
      train, validation: numbers of frames to train and validate on.
      test: number of frames to test on, or all if there are fewer.

    Raises:
      InputError: there are too few frames, or they are too small, or have no map.
    """
    available, tested = find(data)
    training, held_out = choose(available, train, validation)
    used = {*training, *held_out}
    sources = {
        "training/chosen": training,
        "training/others": [path for path in available if path not in used],
        "validation": held_out,
        "test": disk.spread(tested, test),
    }
    made_of = repr((factor, sources))
    folder = folder / f"reduced_{zlib.crc32(made_of.encode()):08x}"
    written, least = {}, (2**16, 2**16)
    for name, paths in sources.items():
        target = disk.make_folder("runs_dir", folder / name)
        written[name] = [target / f"{Path(path).stem}.png" for path in paths]
        for path, file in zip(paths, written[name]):
            small = reduced(images.read_frame(path), factor)
            images.write_png(file, small)
            least = tuple(np.minimum(least, small.shape[:2]))
    height = least[0] // _SIDE * _SIDE
    if not height or least[1] < height:
        raise InputError(
            f"--reduction={factor} leaves frames of {least[1]}x{least[0]}; they must "
            f"be at least {_SIDE} pixels high, and not higher than wide"
        )
    crop = int(height), int(least[1] // height)
    return Sets(folder, written["training/chosen"], written["test"], crop)
