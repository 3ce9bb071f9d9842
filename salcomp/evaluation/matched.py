"""One picture coded in several ways, arms, at one size of the file.

Each arm searches for the setting whose file comes closest to the rate that is asked
for: refined models come within about 1 %, others as close as their settings do.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging
from PIL import Image as pil

from salcomp.codec.rate_search import closest
from salcomp.config.weighting import UNIFORM_SHARE, mixed_weight
from salcomp.errors import InputError
from salcomp.evaluation import classical, comparison
from salcomp.evaluation.series import Point
from salcomp.evaluation.subjects import Scene
from salcomp.files import saliency_maps
from salcomp.metrics import quality
from salcomp.progress import Progress
from salcomp.zoo import shipped

# What the distortion is weighted by where latents are refined.
_WEIGHTS = {
    "uniform weights": None,
    "weighted by the map": functools.partial(mixed_weight, uniform_share=UNIFORM_SHARE),
}


class RatedFile(NamedTuple):
    """A file at the rate that was asked for.

    Attributes:
      data: the whole file.
      how: by which model and setting it was made, and if the rate is out of reach.
      bpp: its rate in bit per pixel.
    """

    data: bytes
    how: str
    bpp: float


class Arm(NamedTuple):
    """One way to code a picture.

    Attributes:
      label: its name, for people.
      point: codes a picture to a `RatedFile` and back; its setting is the rate asked.
    """

    label: str
    point: Point


class Result(NamedTuple):
    """What one arm made of one picture.

    Attributes:
      label: of the arm.
      how: by which model and setting.
      decoded: uint8 [H, W, 3].
      size: of the file, in bytes.
      bpp: bit per pixel of the file.
      psnr, ewpsnr: in dB, the latter by the map that scores.
      encode_seconds: the search for the rate included.
      decode_seconds: of the file that was found.
    """

    label: str
    how: str
    decoded: np.ndarray
    size: int
    bpp: float
    psnr: float
    ewpsnr: float
    encode_seconds: float
    decode_seconds: float


def arms(
    models: Sequence[str], codecs: Sequence[str], bpp: float, refine_steps: int
) -> list[Arm]:
    """Makes the arms, with their models loaded.

    Args:
      models: each as `--model` of `compress` takes it. Of the arm of a model that comes
        with salcomp, the model that comes closest to the rate is taken. With steps each
        makes two arms: refined under uniform weights, and under the map.
      codecs: keys of `classical.CODECS`.
      bpp: the rate that is asked for, in bit per pixel, more than 0.
      refine_steps: of the refinement of the models' latents; 0 for none.

    Raises:
      InputError: a codec or model is unknown, or cannot be used so, or given twice.
    """
    classic = [_of_codec(name, bpp) for name in codecs]
    ladders = [_ladder(model) for model in models]
    made = []
    for name, folders in ladders:
        label = "salcomp" if len(ladders) == 1 else f"salcomp {name}"
        made += _of_models(label, folders, bpp, refine_steps)
    counts = Counter(arm.label for arm in made + classic)
    for label, count in counts.items():
        if count > 1:
            raise InputError(f"{count} arms are called {label}: give each model once")
    return made + classic


def _of_codec(name: str, bpp: float) -> Arm:
    codec = classical.codec_of(name)
    classical.check(name, codec.settings[0])

    def encode(rgb, saliency):
        del saliency  # the formats have no place for it

        def at(setting: float) -> RatedFile:
            data = classical.encode(name, rgb, setting)
            rate = 8 * len(data) / (rgb.shape[0] * rgb.shape[1])
            return RatedFile(data, f"quality {setting:.4g}", rate)

        _, file, within = closest(at, codec.settings, bpp)
        return file if within else file._replace(how=_at_the_end(file.how, bpp))

    return Arm(codec.title, Point(bpp, encode, classical.decode))


def _at_the_end(how: str, bpp: float) -> str:
    return f"{how}, as {bpp:g} bpp is out of reach"


def _ladder(model: str) -> tuple[str, list[Path]]:
    """The models to choose from by rate, by rising lambda, and what they are called."""
    from salcomp.zoo import exported  # imports TensorFlow, which takes seconds

    folder = exported.ready(model)
    arm_of = {(shipped.FOLDER / c.name).resolve(): c.arm for c in shipped.cards()}
    arm = arm_of.get(folder.resolve())
    return (arm, shipped.arm_of(model)) if arm else (folder.resolve().name, [folder])


def _of_models(label: str, folders: list[Path], bpp: float, steps: int) -> list[Arm]:
    from salcomp.codec import base, encoders
    from salcomp.codec.refine import Refinement, Refiner

    codecs = {folder.name: base.load(folder) for folder in folders}

    def arm(name: str, refinement_of=None) -> Arm:
        at_rate = encoders.AtRate(codecs, bpp, refinement_of)

        def encode(rgb, saliency):
            encoded, how, within = at_rate.find(name, rgb, saliency)
            how = how if within else _at_the_end(how, bpp)
            return RatedFile(encoded.data, how, encoded.bpp)

        return Arm(name, Point(bpp, encode, at_rate.decode))

    if not steps:
        return [arm(label)]
    # Both arms by one, which is compiled for a size of picture once.
    refiners = {codec: Refiner(codec, steps, None, seed=0) for codec in codecs.values()}

    def refined(weights: str, weight_of) -> Arm:
        name = f"{label}, {weights}"
        return arm(name, lambda codec: Refinement(refiners[codec], weight_of))

    return [refined(*weights) for weights in _WEIGHTS.items()]


def shrink(scene: Scene, max_side: int) -> Scene:
    """Makes a picture and its maps smaller where a side is longer than `max_side`."""
    height, width = scene.saliency.shape
    factor = max_side / max(height, width)
    if factor >= 1:
        return scene
    size = max(1, round(factor * height)), max(1, round(factor * width))
    rgb = pil.fromarray(scene.rgb).resize(size[::-1], pil.Resampling.LANCZOS)
    saliency = score = saliency_maps.resize(scene.saliency, *size)
    if scene.score_saliency is not scene.saliency:
        score = saliency_maps.resize(scene.score_saliency, *size)
    return scene._replace(rgb=np.asarray(rgb), saliency=saliency, score_saliency=score)


def results(arms: Sequence[Arm], name: str, scene: Scene) -> Iterator[Result]:
    """Codes a picture by each arm; shows a progress bar, and logs what was reached.

    Raises SalcompError if an arm cannot code it.
    """
    for arm in Progress(arms, name, unit="arm"):
        file, decoded, encode_seconds, decode_seconds = comparison.code(
            arm.point, scene
        )
        line = "%s, %s: %d bytes, %.4f bpp by %s in %.1f s"
        size = len(file.data)
        logging.info(line, name, arm.label, size, file.bpp, file.how, encode_seconds)
        yield Result(
            arm.label,
            file.how,
            decoded,
            size,
            file.bpp,
            quality.psnr(scene.rgb, decoded),
            quality.ewpsnr(scene.rgb, decoded, scene.score_saliency),
            encode_seconds,
            decode_seconds,
        )
