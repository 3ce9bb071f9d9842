"""Predictors of where people look, by name: plug-ins of a group of entry points.

data_prep fills the group, and any other package may add to it. In its setup.py,

    entry_points={"salcomp.predictors": ["sky = my_package.sky:sky"]}

and in that module a function of nothing, or of the path of what the predictor reads:

    def sky():
        return Predictor(on_each(lambda frame: map_of(frame.rgb)))

    @reads("the weights of sky, sky.npz")
    def sky(weights):
        network = Network(weights)
        return Predictor(on_each(lambda frame: network(frame.rgb)))

Without plug-ins salcomp has no predictors, and does all else.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np

from salcomp.errors import InputError

GROUP = "salcomp.predictors"


class Frame(NamedTuple):
    """What a predictor is given.

    Attributes:
      rgb: uint8 [H, W, 3], what the crop has left of the picture.
      source: path of the picture's file; its name tells which map or fixations are its.
      box: (left, top, right, bottom) of the crop in the picture, in pixels.
      picture_size: (height, width) of the picture before the crop, in pixels.
      orientation: by which the picture was turned, as `images.Image` has it.
    """

    rgb: np.ndarray
    source: str
    box: tuple[int, int, int, int]
    picture_size: tuple[int, int]
    orientation: int = 1

    @classmethod
    def whole(cls, rgb: np.ndarray, source: str, orientation: int = 1) -> Frame:
        """Makes the frame of a picture that was not cropped."""
        height, width = rgb.shape[:2]
        return cls(rgb, source, (0, 0, width, height), (height, width), orientation)


class Predictor(NamedTuple):
    """A source of saliency maps.

    Attributes:
      predict: of frames, of any sizes, the map of each: float32 [h, w] in 0..1, of any
        size, which spans the frame. May be called by several threads.
      weights_sha256: hexadecimal, of the one file that all maps depend on, if there is.
      map_sha256: of a frame's source, that of the file which its map depends on, where
        each has its own.
      readout: the constants of the readout that made densities of the maps, by name;
        None if they are as the predictor gives them.
      raw: this predictor without its readout, if it has one.
    """

    predict: Callable[[Sequence[Frame]], list[np.ndarray]]
    weights_sha256: str | None = None
    map_sha256: Callable[[str], str] | None = None
    readout: dict[str, float] | None = None
    raw: Predictor | None = None

    def fingerprint(self, source: str) -> str | None:
        """Returns the SHA-256 of the file behind a frame's map, if there is one."""
        return self.map_sha256(source) if self.map_sha256 else self.weights_sha256


def on_each(function: Callable[[Frame], np.ndarray]):
    """`Predictor.predict` of a function of one frame."""
    return lambda frames: [function(frame) for frame in frames]


def reads(what: str, found: Callable[[], Path | None] = lambda: None):
    """Decorates a plug-in whose predictor reads a file or folder.

    Args:
      what: the file or folder, for the user.
      found: returns the path of one that is at hand, which then need not be named.
    """

    def mark(make):
        make.weights, make.found = what, found
        return make

    return mark


def names() -> list[str]:
    """Lists the names of all predictors."""
    return sorted(_entries())


def needs() -> dict[str, str]:
    """Tells what each predictor reads, of those that read something and load."""
    found = {}
    for name in names():
        with contextlib.suppress(InputError):  # `load` tells
            make = _plug_in(name)
            if _reads(make):
                found[name] = make.weights
    return found


def at_hand(name: str) -> bool:
    """Whether there is such a predictor, and it needs no file to be named."""
    if name not in _entries():
        return False
    make = _plug_in(name)
    return not _reads(make) or make.found() is not None


def load(
    name: str,
    weights: str | None = None,
    readout: bool = True,
    option: str = "--weights=PATH",
) -> Predictor:
    """Loads the predictor of a name.

    Args:
      name: one of `names()`.
      weights: path of the file or folder that it reads, if it needs one.
      readout: whether it comes with its readout, if it has one.
      option: how the caller's user gives that path, for messages.

    Raises:
      InputError: there is no such predictor, or no such file, or the file is not what
        the predictor needs.
    """
    predictor = _make(name, weights, option)
    return predictor if readout or predictor.raw is None else predictor.raw


def _make(name: str, weights: str | None, option: str) -> Predictor:
    if name not in _entries():
        known = ", ".join(names()) or "none, since no package brings any"
        raise InputError(f"there is no predictor {name}; there are {known}")
    make, given = _plug_in(name), []
    if _reads(make):
        path = Path(weights).expanduser() if weights else make.found()
        if path is None:
            raise InputError(f"predictor {name} needs {option}: {make.weights}")
        if not path.exists():
            raise InputError(
                f"{path}: no such file; predictor {name} needs {make.weights}"
            )
        given = [str(path)]
    elif weights:
        raise InputError(f"predictor {name} reads no file; leave out {weights}")
    with _loading(name):
        return make(*given)


def _reads(make) -> bool:
    return hasattr(make, "weights")


@functools.cache
def _entries() -> dict[str, metadata.EntryPoint]:
    found = metadata.entry_points()
    # Python 3.9 has a dict.
    of_group = (
        found.get(GROUP, ()) if isinstance(found, dict) else found.select(group=GROUP)
    )
    return {entry.name: entry for entry in of_group}


def _plug_in(name: str):
    """The function that makes a predictor.

    Raises:
      InputError: the package that brings it does not load.
    """
    with _loading(name):
        return _entries()[name].load()


@contextlib.contextmanager
def _loading(name: str):
    try:
        yield
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"predictor {name} cannot be loaded from {_entries()[name].value} "
            f"({error}); mend or remove the package that brings it"
        ) from error
