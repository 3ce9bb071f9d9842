"""Where the map of an image comes from: the `--saliency` option of the tools."""

from __future__ import annotations

import abc
import functools
import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from salcomp.errors import InputError
from salcomp.files import images, masks, notices, predictors, saliency_maps

ALPHA = "alpha channel of the image"

# What `auto` takes for images without a map of their own, the best first.
_GUESSES = ("unisal", "spectral-residual")
# Of the predicted maps that a source keeps. One of 384x288 pixels takes 442 kB.
_KEPT_BYTES = 2**29


class Map(NamedTuple):
    """The saliency map of an image.

    Attributes:
      saliency: float32 [H, W] in 0..1, at the size of the image, not stretched to fill
        that range.
      origin: where it is from, in a few words.
      seconds: that the predictor took for it, None if there was none at work.
    """

    saliency: np.ndarray
    origin: str
    seconds: float | None = None


class Source(abc.ABC):
    """Where the maps of many images come from; `from_spec` makes one.

    Attributes:
      label: the origin of all its maps, without the folders of files; None where that
        depends on the image.
    """

    label: str | None = None

    def load(self) -> None:  # noqa: B027 - most have nothing to load
        """Loads the predictor, if each map needs it; else the first that does will.

        Raises InputError if it cannot be loaded.
        """

    @abc.abstractmethod
    def of(
        self,
        path: str | os.PathLike,
        image: images.Image,
        max_pixels: int = images.MAX_PIXELS,
    ) -> Map:
        """Finds or makes the map of one image; may be called by several threads.

        Args:
          path: the image's file; its name tells which mask or fixations are its.
          image: what is in that file.
          max_pixels: most pixels of a mask.

        Raises:
          InputError: there is no map of that image, or not just one, or it cannot be
            read; or it is zero everywhere, which would leave nothing to weigh.
        """


def choices() -> str:
    """Describes what `from_spec` takes, for the help of a flag."""
    return (
        "`auto`: the image's alpha channel, or where it has none the predictor unisal "
        "if its weights are at hand, else spectral-residual, else the centre prior; "
        "`center`: the centre prior; `uniform`: everywhere alike; a predictor "
        f"({', '.join(predictors.names()) or 'no package brings any'}), and what it "
        "reads as NAME:PATH; or a path, to a grey mask file (white is salient) of any "
        "size or to a folder of masks named as the images are."
    )


def from_spec(spec: str, flag: str = "saliency", keep: bool = False) -> Source:
    """Makes the source that `--FLAG=SPEC` means.

    Names go before files that are called so (./unisal is a folder), and files before
    NAME:PATH. A predictor is loaded when it is first needed.

    Args:
      spec: as `choices` tells.
      keep: whether predicted maps stay in memory, at the size in which the predictor
        makes them, for when they are asked for again; as far as half a GB goes.

    Raises:
      InputError: it means nothing.
    """
    if spec == "auto":
        return _Auto(flag, keep)
    if spec == "center":
        return _Center()
    if spec == "uniform":
        return _Uniform()
    if spec in predictors.names():
        return _Predicted(spec, None, flag, keep)
    if Path(spec).expanduser().exists():
        return _Masks(spec, flag)
    name, _, weights = spec.partition(":")
    if weights and name in predictors.names():
        return _Predicted(name, weights, flag, keep)
    known = ", ".join(["auto", "center", "uniform", *predictors.names()])
    raise InputError(
        f"--{flag}={spec}: no such predictor, file or folder; give {known}, NAME:PATH "
        "for a predictor that reads a file, or a mask or a folder of masks"
    )


class _Uniform(Source):
    label = "uniform"

    def of(self, path, image, max_pixels=images.MAX_PIXELS):
        return Map(np.ones(image.rgb.shape[:2], np.float32), self.label)


class _Center(Source):
    label = "centre prior"

    def of(self, path, image, max_pixels=images.MAX_PIXELS):
        return Map(saliency_maps.center_prior(*image.rgb.shape[:2]), self.label)


class _Auto(Source):
    def __init__(self, flag: str, keep: bool):
        self._flag = flag
        self._keep = keep

    def of(self, path, image, max_pixels=images.MAX_PIXELS):
        if image.alpha is not None:
            return Map(image.alpha.astype(np.float32) / 255, ALPHA)
        return self._guess.of(path, image, max_pixels)

    @functools.cached_property
    def _guess(self) -> Source:
        """The source of what is not in the alpha channel."""
        name = next((name for name in _GUESSES if predictors.at_hand(name)), None)
        best = _GUESSES[0]
        if name != best:
            notices.warn(
                f"where images have no map, {name or 'the centre prior'} makes one; "
                f"{best} does it better: `python -m data_prep.get_weights {best}`"
            )
        return _Predicted(name, None, self._flag, self._keep) if name else _Center()


class _Masks(Source):
    def __init__(self, spec: str, flag: str):
        self.label = masks.label(spec)
        self._spec = spec
        self._flag = flag

    def of(self, path, image, max_pixels=images.MAX_PIXELS):
        size = image.rgb.shape[:2]
        file = masks.find_mask(self._flag, self._spec, Path(path))
        mask = masks.read_mask_for(file, size, image.orientation, max_pixels)
        saliency = saliency_maps.resize(mask, *size)
        _check_weight(saliency, file, self._flag)
        return Map(saliency, f"mask {file}")


class _Predicted(Source):
    def __init__(self, name: str, weights: str | None, flag: str, keep: bool):
        file = [Path(weights).expanduser().resolve().name] if weights else []
        self.label = " ".join([name, *file])
        self._name, self._weights, self._flag = name, weights, flag
        self._predictor: predictors.Predictor | None = None
        self._loading = threading.Lock()
        self._kept: dict[str, tuple[np.ndarray, float]] = {}
        self._room = _KEPT_BYTES if keep else 0

    def load(self):
        with self._loading:
            if self._predictor is None:
                option = f"--{self._flag}={self._name}:PATH"
                self._predictor = predictors.load(
                    self._name, self._weights, option=option
                )

    def of(self, path, image, max_pixels=images.MAX_PIXELS):
        predicted, seconds = self._kept.get(str(path)) or self._predict(path, image)
        saliency = saliency_maps.resize(predicted, *image.rgb.shape[:2])
        _check_weight(saliency, f"{path}: its map by {self.label}", self._flag)
        return Map(saliency, self.label, seconds)

    def _predict(self, path, image: images.Image) -> tuple[np.ndarray, float]:
        """The predictor's map, float32 [h, w], and the seconds that it took."""
        self.load()
        started = time.perf_counter()
        frame = predictors.Frame.whole(image.rgb, str(path), image.orientation)
        (predicted,) = self._predictor.predict([frame])
        made = predicted, time.perf_counter() - started
        if predicted.nbytes <= self._room:
            self._room -= predicted.nbytes
            self._kept[str(path)] = made
        return made


def _check_weight(saliency: np.ndarray, what, flag: str) -> None:
    if not saliency.any():
        raise InputError(f"{what}: zero everywhere; --{flag}=uniform prefers no place")
