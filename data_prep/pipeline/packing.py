"""One frame: the bytes of an image file in, those of an RGBA PNG and its record out.

    file --> crop --+--> resize -----------------------+--> RGBA PNG
                    +--> predict --> resize --> blur ---+

RGB and map are resized apart and merged last, with straight alpha: image libraries that
resize RGBA premultiply, which destroys the colours wherever the map is near 0.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import NamedTuple

import numpy as np
from absl import logging

from data_prep.pipeline import geometry
from data_prep.pipeline.sources import Source
from salcomp.errors import InputError
from salcomp.files import images, saliency_maps
from salcomp.files.predictors import Frame, Predictor

_PACKAGES = ("numpy", "scipy", "pillow", "opencv-contrib-python-headless", "tensorflow")
_PACKAGES += ("onnxruntime",)
# Of one side against the other; as little as rounding to whole pixels brings.
_UNSEEN_STRETCH = 0.01


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How frames are made; the record of each frame repeats it.

    Attributes:
      width, height: of the frames, pixels.
      crop: "none", "aspect" or "left,top,right,bottom", as `geometry.parse_crop` reads.
      resize: filter of the colours, one of `geometry.FILTERS`.
      predictor: name of the saliency predictor.
      blur: standard deviation of a Gaussian over the map, pixels of the frame; 0: none.
      readout: constants of the predictor's readout, by name; None for the raw map.
    """

    width: int
    height: int
    crop: str
    resize: str
    predictor: str
    blur: float
    readout: dict[str, float] | None = None


class Prepared(NamedTuple):
    """A frame that has been made.

    Attributes:
      png: the RGBA PNG file.
      record: what the manifest says of it, as JSON values.
    """

    png: bytes
    record: dict[str, object]


class _Read(NamedTuple):
    """A picture that has been read: what the predictor gets, and the colours."""

    digest: str
    frame: Frame
    rgb: np.ndarray


def prepare(
    sources: Sequence[Source],
    recipe: Recipe,
    predictor: Predictor,
    max_pixels: int = images.MAX_PIXELS,
) -> list[Prepared | InputError]:
    """Prepares frames; the predictor gets all of them at once.

    Args:
      sources: of the frames.
      recipe: of the frames.
      predictor: of that name.
      max_pixels: most pixels of a picture.

    Returns:
      For each source what it became, or the reason why it cannot be prepared.
    """
    results = [attempt(_read, source, recipe, max_pixels) for source in sources]
    read = [i for i, result in enumerate(results) if isinstance(result, _Read)]
    maps = _predict(predictor, [results[i].frame for i in read])
    for i, saliency in zip(read, maps):
        results[i] = attempt(_pack, sources[i], recipe, predictor, results[i], saliency)
    return results


def attempt(step, source: Source, *arguments):
    """Returns the result of a step, or its `InputError`, which names the source."""
    try:
        return step(source, *arguments)
    except InputError as error:
        message = str(error)
        named = message.startswith(source.name)
        return error if named else InputError(f"{source.name}: {message}")


def _predict(predictor: Predictor, frames: list[Frame]) -> list:
    """The map of each frame, or the `InputError` that its predictor raises."""
    try:
        return predictor.predict(frames)
    except InputError as error:
        if len(frames) == 1:
            return [error]
    return [_predict(predictor, [frame])[0] for frame in frames]


def _read(source: Source, recipe: Recipe, max_pixels: int) -> _Read:
    data = source.read()
    image = images.decode_image(data, source.name, max_pixels)
    if image.alpha is not None:
        logging.info("%s: its alpha channel is left out", source.name)
    height, width = image.rgb.shape[:2]
    aspect = recipe.width / recipe.height
    box = geometry.crop_box(geometry.parse_crop(recipe.crop), height, width, aspect)
    left, top, right, bottom = box
    if right - left < recipe.width or bottom - top < recipe.height:
        raise InputError(
            f"{right - left}x{bottom - top} pixels are fewer than those of the frame, "
            f"{recipe.width}x{recipe.height}, and enlarging invents detail; remove the "
            "file or lower --width and --height"
        )
    if abs((right - left) / (bottom - top) / aspect - 1) > _UNSEEN_STRETCH:
        message = (
            "%s: %dx%d pixels are stretched to %dx%d, and so may be others; "
            "--crop=aspect keeps proportions"
        )
        sizes = right - left, bottom - top, recipe.width, recipe.height
        logging.log_first_n(logging.WARNING, message, 1, source.name, *sizes)
    rgb = image.rgb[top:bottom, left:right]
    return _Read(
        hashlib.sha256(data).hexdigest(),
        Frame(rgb, source.name, box, (height, width), image.orientation),
        geometry.resize_rgb(rgb, recipe.height, recipe.width, recipe.resize),
    )


def _pack(
    source: Source, recipe: Recipe, predictor: Predictor, read: _Read, saliency
) -> Prepared:
    if isinstance(saliency, InputError):
        raise saliency
    resized = saliency_maps.resize(saliency, recipe.height, recipe.width)
    saliency = saliency_maps.blur(resized, recipe.blur)
    alpha = np.rint(255 * saliency).astype(np.uint8)
    if alpha.min() == alpha.max():
        raise InputError(
            f"its saliency map is {alpha.min()} of 255 everywhere, which says nothing "
            "of where people look; take another predictor or map"
        )
    png = images.encode_png(np.dstack([read.rgb, alpha]))
    record = {
        "output": source.output,
        "source": source.name,
        "source_sha256": read.digest,
        "output_sha256": hashlib.sha256(png).hexdigest(),
        **dataclasses.asdict(recipe),
        "box": list(read.frame.box),
        "weights_sha256": predictor.fingerprint(source.name),
        "map_mean": round(float(saliency.mean(dtype=np.float64)), 6),
        "map_max": round(float(saliency.max()), 6),
        "versions": versions(),
    }
    return Prepared(png, record)


@functools.cache
def versions() -> dict[str, str]:
    """Lists the versions of what computes the frames."""
    found = {name: metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **found}
