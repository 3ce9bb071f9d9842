"""Saliency predictors behind one interface, by the names that `--predictor` takes.

A new predictor is a function from an RGB image to a map, and its registration:

    @register("sky")
    def _sky(weights):
        return Predictor(on_each(lambda frame: map_of(frame.rgb)))
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from salcomp.errors import InputError
from salcomp.files import disk, images, saliency_maps


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
    def whole(cls, rgb: np.ndarray, source: str) -> Frame:
        """Makes the frame of a picture that was not cropped."""
        height, width = rgb.shape[:2]
        return cls(rgb, source, (0, 0, width, height), (height, width))


class Predictor(NamedTuple):
    """A source of saliency maps.

    Attributes:
      predict: of frames, of any sizes, the map of each: float32 [h, w] in 0..1, of any
        size, which spans the frame. May be called by several threads.
      weights_sha256: hexadecimal, of the one file that all maps depend on, if there is.
      map_sha256: of a frame's source, that of the file which its map depends on, where
        each has its own.
    """

    predict: Callable[[Sequence[Frame]], list[np.ndarray]]
    weights_sha256: str | None = None
    map_sha256: Callable[[str], str] | None = None

    def fingerprint(self, source: str) -> str | None:
        """Returns the SHA-256 of the file behind a frame's map, if there is one."""
        return self.map_sha256(source) if self.map_sha256 else self.weights_sha256


class _Entry(NamedTuple):
    make: Callable[[str | None], Predictor]
    weights: str | None


REGISTRY: dict[str, _Entry] = {}


def register(name: str, weights: str | None = None):
    """Decorates a function of the value of `--weights` that makes a `Predictor`.

    Args:
      name: that `--predictor` takes.
      weights: what `--weights` has to name, for the user; None if nothing.
    """

    def add(make):
        REGISTRY[name] = _Entry(make, weights)
        return make

    return add


def names() -> list[str]:
    """Lists the names of all predictors."""
    return list(REGISTRY)


def needs() -> dict[str, str]:
    """Tells what `--weights` names, for each predictor that reads something."""
    return {name: e.weights for name, e in REGISTRY.items() if e.weights}


def load(name: str, weights: str | None = None) -> Predictor:
    """Loads the predictor of a name.

    Args:
      name: one of `names()`.
      weights: path of the file or folder that it reads, if it needs one.

    Raises:
      InputError: there is no such predictor, or no such file, or the file is not what
        the predictor needs.
    """
    if name not in REGISTRY:
        raise InputError(
            f"--predictor={name}: there is none; take one of {', '.join(REGISTRY)}"
        )
    entry = REGISTRY[name]
    if entry.weights and not weights:
        raise InputError(f"--predictor={name} needs --weights: {entry.weights}")
    if weights and not entry.weights:
        raise InputError(f"--predictor={name} takes no --weights; leave it out")
    if weights and not Path(weights).expanduser().exists():
        raise InputError(f"--weights={weights}: no such file; give {entry.weights}")
    return entry.make(weights and str(Path(weights).expanduser()))


def on_each(function: Callable[[Frame], np.ndarray]):
    """`Predictor.predict` of a function of one frame."""
    return lambda frames: [function(frame) for frame in frames]


def _sam(network: str, weights: str) -> Predictor:
    from data_prep.predictors.sam.predict import SamPredictor  # imports TensorFlow

    sam = SamPredictor.load(weights, network)
    return Predictor(
        lambda frames: sam.predict([frame.rgb for frame in frames]), sam.weights_sha256
    )


for _network in ("sam-resnet", "sam-vgg"):
    _weights = f"a {_network}_*_weights.pkl, or a converted model"
    register(_network, _weights)(functools.partial(_sam, _network))


@register("attention-center", weights="the TFLite file of the attention-center model")
def _attention_center(weights):
    from data_prep.predictors import attention_center  # imports TensorFlow

    network = attention_center.AttentionCenter(weights)
    predict = on_each(lambda frame: network.predict(frame.rgb))
    return Predictor(predict, disk.sha256(weights))


@register("spectral-residual")
def _spectral_residual(weights):
    from data_prep.predictors.spectral_residual import saliency

    return Predictor(on_each(lambda frame: saliency(frame.rgb)))


@register("center")
def _center(weights):
    def predict(frame: Frame) -> np.ndarray:
        return saliency_maps.center_prior(*frame.rgb.shape[:2])

    return Predictor(on_each(predict))


_FIXATIONS = "a .mat of fixations recorded in the pixels of the pictures, as OSIE's"


@register("fixations", weights=_FIXATIONS)
def _fixations(weights):
    from data_prep.predictors import fixations

    recorded = fixations.read(weights)
    owners = _Owners()

    def predict(frame: Frame) -> np.ndarray:
        name, points = fixations.of_image(recorded, frame.source)
        owners.claim(f"the fixations of {name}", frame.source)
        return _cropped(fixations.density(points, *frame.picture_size), frame)

    return Predictor(on_each(predict), disk.sha256(weights))


@register("file", weights="a folder of grey maps named as the pictures are, or one map")
def _file(weights):
    owners = _Owners()

    def find(source: str) -> Path:
        path = saliency_maps.find_mask("weights", weights, Path(source))
        if Path(weights).is_dir():
            owners.claim(str(path), source)
        return path

    def predict(frame: Frame) -> np.ndarray:
        path, size = find(frame.source), frame.picture_size
        most = max(images.MAX_PIXELS, size[0] * size[1])
        mask = saliency_maps.read_mask_for(path, size, frame.orientation, most)
        return _cropped(saliency_maps.resize(mask, *size), frame)

    def map_sha256(source):
        return disk.sha256(find(source))

    return Predictor(on_each(predict), map_sha256=map_sha256)


class _Owners:
    """Which picture each map belongs to: names alone could give one to several."""

    def __init__(self):
        self._sources: dict[str, str] = {}

    def claim(self, what: str, source: str) -> None:
        """Takes a map for a picture.

        Raises:
          InputError: another picture has it.
        """
        owner = self._sources.setdefault(what, source)
        if owner != source:
            raise InputError(
                f"{what} would be the map of {owner} and of {source}; give pictures of "
                "one name in runs of their own"
            )


def _cropped(picture_map: np.ndarray, frame: Frame) -> np.ndarray:
    """What belongs to the frame of a map that spans the whole picture."""
    left, top, right, bottom = frame.box
    return picture_map[top:bottom, left:right]
