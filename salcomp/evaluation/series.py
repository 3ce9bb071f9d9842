"""What can be compared: series of operating points, of models and classical codecs.

A series is one line of a rate-distortion figure. Its points differ in one setting:
lambda for trained models (a GAN has none: its code's channels), the quality for a
classical codec.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from salcomp.config.weighting import raw_weight
from salcomp.errors import InputError
from salcomp.evaluation import classical
from salcomp.files import disk
from salcomp.zoo import shipped

# How many of a model of several rates are compared, from the least to the largest.
_QUALITIES = 8


class File(NamedTuple):
    """A file of a codec that does not tell its information content."""

    data: bytes
    information_bits: float = float("nan")


class Point(NamedTuple):
    """One way to code an image.

    Attributes:
      setting: the series' parameter here.
      encode: (uint8 [H, W, 3], saliency float32 [H, W]) -> an object with the whole
        file as `data` and the information content as `information_bits`, as
        `salcomp.codec.base.Encoded` and `File` have them.
      decode: the file's bytes -> uint8 [H, W, 3].
    """

    setting: float
    encode: Callable[[np.ndarray, np.ndarray], Any]
    decode: Callable[[bytes], np.ndarray]


class Series(NamedTuple):
    """Points under one name.

    Attributes:
      label: the name in figures and tables.
      parameter: what the setting is: "lambda", "code_channels" or "quality".
      points: by rising setting.
      training_weight: saliency [H, W] -> the weight of the squared error that the
        models were trained with, [H, W]; None where that was uniform.
    """

    label: str
    parameter: str
    points: list[Point]
    training_weight: Callable[[np.ndarray], np.ndarray] | None


def classical_series(names: list[str], sweeps: list[str]) -> list[Series]:
    """Makes a series of each classical codec.

    Args:
      names: keys of `classical.CODECS`.
      sweeps: "CODEC=QUALITY,QUALITY,...", in place of that codec's own sweep; those of
        one codec add up.

    Raises:
      InputError: a codec is unknown or missing from this Pillow, a quality out of
        range, or a sweep unreadable or for a codec that is not among `names`.
    """
    given: dict[str, set[float]] = {name: set() for name in names}
    for sweep in sweeps:
        name, _, values = sweep.partition("=")
        told = f"qualities {sweep}"
        if name not in given:
            raise InputError(f"{told}: {name!r} is not among the codecs to compare")
        try:
            given[name].update(float(value) for value in values.split(","))
        except ValueError as error:
            raise InputError(f"{told}: write CODEC=QUALITY,QUALITY,...") from error
    series = []
    for name, chosen in given.items():
        qualities = sorted(chosen) or classical.codec_of(name).qualities
        for quality in qualities:
            classical.check(name, quality)
        points = [_classical_point(name, quality) for quality in qualities]
        series.append(Series(name, "quality", points, None))
    return series


def _classical_point(name: str, quality: float) -> Point:
    def encode(rgb, saliency):
        del saliency  # the formats have no place for it
        return File(classical.encode(name, rgb, quality))

    return Point(quality, encode, classical.decode)


def model_series(specs: list[str], load: Callable[[str], Any]) -> list[Series]:
    """Makes series of trained models, loaded.

    Args:
      specs: "LABEL=PATTERN": the folders that match, or where none do, the models of
        the zoo whose names match, are points of the series of that label; or
        "PATTERN": each folder is a series of its own, named as the folder.
      load: a folder -> its `salcomp.codec.base.RangeCodec`.

    Raises:
      InputError: a pattern matches nothing, a folder has no model, or one label is
        given to models of two kinds.
    """
    labelled: dict[str, list[str]] = {}
    groups: list[tuple[str, list[str]]] = []
    for spec in specs:
        label, pattern = _split_label(spec)
        matches = sorted(disk.matches(os.path.expanduser(pattern)))
        found = [match for match in matches if os.path.isdir(match)]
        found = found or [str(folder) for folder in shipped.matching(pattern)]
        if not found:
            raise InputError(
                f"{spec}: no folder {pattern}, and no such name among the models that "
                "come with salcomp"
            )
        if not label:
            groups += [(os.path.basename(os.path.abspath(f)), [f]) for f in found]
        elif label in labelled:
            labelled[label] += found
        else:
            labelled[label] = found
            groups.append((label, found))
    return [_of_models(label, folders, load) for label, folders in groups]


def _split_label(spec: str) -> tuple[str, str]:
    """Splits label and pattern; "runs/lambda=1" is a path, not a label and "1"."""
    label, equals, pattern = spec.partition("=")
    if not equals or os.sep in label or os.path.exists(spec):
        return "", spec
    return label, pattern


def _points(codec) -> list[Point]:
    if not codec.has_rates:
        return [Point(codec.config.rate_setting[1], codec.encode, codec.decode)]
    at = [codec.at(quality) for quality in np.linspace(0, 100, _QUALITIES)]
    return [Point(one.lmbda, one.encode, one.decode) for one in at]


def _of_models(label: str, folders: list[str], load: Callable[[str], Any]) -> Series:
    once = {os.path.realpath(folder): folder for folder in folders}
    codecs = [load(folder) for folder in once.values()]
    codecs.sort(key=lambda codec: codec.config.rate_setting[1])
    parameters = {codec.config.rate_setting[0] for codec in codecs}
    if len(parameters) > 1:
        raise InputError(
            f"{label}: models of two kinds, which make no curve; give each a label"
        )
    points = [point for codec in codecs for point in _points(codec)]
    points.sort(key=lambda point: point.setting)
    weighted = [codec.config for codec in codecs if codec.config.weight_distortion]
    weight = functools.partial(raw_weight, config=weighted[0]) if weighted else None
    return Series(label, parameters.pop(), points, weight)
