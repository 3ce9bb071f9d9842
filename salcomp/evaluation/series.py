"""What can be compared: series of operating points, of models and classical codecs.

A series is one line of a rate-distortion figure. Its points differ in one setting:
lambda for trained models, the quality for a classical codec.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from salcomp.errors import InputError
from salcomp.evaluation import classical
from salcomp.zoo import shipped


class File(NamedTuple):
    """A file of a codec that does not tell its information content."""

    data: bytes
    information_bits: float = float("nan")


class Point(NamedTuple):
    """One way to code an image.

    Attributes:
      setting: lambda, or the quality.
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
      parameter: what the setting is: "lambda" or "quality".
      points: by rising setting.
      training_weight: saliency [H, W] -> the weight of the squared error that the
        models were trained with, [H, W]; None where that was uniform.
    """

    label: str
    parameter: str
    points: list[Point]
    training_weight: Callable[[np.ndarray], np.ndarray] | None


def classical_series(names: list[str], sweeps: list[str]) -> list[Series]:
    """A series for each classical codec.

    Args:
      names: keys of `classical.CODECS`.
      sweeps: "CODEC=QUALITY,QUALITY,...", each in place of that codec's own sweep.

    Raises:
      InputError: a codec is unknown or missing from this Pillow, a quality out of
        range, or a sweep unreadable or for a codec that is not among `names`.
    """
    qualities = {}
    for name in names:
        if name not in classical.CODECS:
            raise InputError(
                f"unknown codec {name!r}: choose from {', '.join(classical.CODECS)}"
            )
        qualities[name] = classical.CODECS[name].qualities
    for sweep in sweeps:
        name, _, values = sweep.partition("=")
        if name not in qualities:
            raise InputError(f"--qualities={sweep}: {name!r} is not in --codecs")
        try:
            qualities[name] = tuple(sorted({float(v) for v in values.split(",")}))
        except ValueError as error:
            raise InputError(
                f"--qualities={sweep}: write CODEC=QUALITY,QUALITY,..."
            ) from error
    for name, sweep in qualities.items():
        for quality in sweep:
            classical.check(name, quality)
    return [
        Series(name, "quality", [_classical_point(name, q) for q in sweep], None)
        for name, sweep in qualities.items()
    ]


def _classical_point(name: str, quality: float) -> Point:
    def encode(rgb, saliency):
        del saliency  # the formats have no place for it
        return File(classical.encode(name, rgb, quality))

    return Point(quality, encode, classical.decode)


def model_series(specs: list[str]) -> list[Series]:
    """Series of trained models, loaded.

    Args:
      specs: "LABEL=PATTERN": the folders that match make one series, or where none
        do, the models of the zoo whose names match; or "PATTERN": each folder is a
        series of its own, named as the folder.

    Raises:
      InputError: a pattern matches nothing, or a folder has no model.
    """
    groups: list[tuple[str, list[str]]] = []
    for spec in specs:
        label, pattern = _split_label(spec)
        matches = sorted(glob.glob(os.path.expanduser(pattern)))
        found = [match for match in matches if os.path.isdir(match)]
        found = found or [str(folder) for folder in shipped.matching(pattern)]
        if not found:
            raise InputError(
                f"--models={spec}: no folder {pattern}, and no such name among the "
                "models that come with salcomp"
            )
        if label:
            groups.append((label, found))
        else:
            groups += [(os.path.basename(os.path.abspath(f)), [f]) for f in found]
    return [_load(label, folders) for label, folders in groups]


def _split_label(spec: str) -> tuple[str, str]:
    """Label and pattern; "runs/lambda=1" is a path, not the label "runs/lambda"."""
    label, equals, pattern = spec.partition("=")
    if not equals or os.sep in label or os.path.exists(spec):
        return "", spec
    return label, pattern


def _load(label: str, folders: list[str]) -> Series:
    from salcomp.codec.codec import Codec  # imports TensorFlow, which takes seconds

    codecs = sorted(map(Codec.load, folders), key=lambda codec: codec.config.lmbda)
    weighted = [codec for codec in codecs if codec.config.weight_distortion]
    return Series(
        label,
        "lambda",
        [Point(codec.config.lmbda, codec.encode, codec.decode) for codec in codecs],
        weighted[0].training_weight if weighted else None,
    )
