"""The arms: which model codes, where its blocks stop, and which map it is told.

A map may enter in three ways, which all leave the decoder blind: (a) as the fourth
channel of the encoder and the weight of the loss, (b) as the weight of the error by
which blocks stop, and (c) both. Every arm has a twin, which differs in that alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from salcomp.config.weighting import UNIFORM_SHARE, mixed_weight
from salcomp.evaluation import classical
from salcomp.evaluation.series import File
from salcomp.recurrent.codec import RecurrentCodec
from salcomp.recurrent.stopping import Adaptive, by_gain


class Arm(NamedTuple):
    """A way to code with a recurrent model.

    Attributes:
      description: in a few words, for tables.
      twin: the arm to compare it with; None for the first.
      stops: what weights the error by which blocks stop, "uniform" or "map"; None where
        all stop together.
      trained: whether the model is the one that was trained with the map.
      maps: which map the encoder gets, as `EvaluationSet.subjects` takes it.
    """

    description: str
    twin: str | None
    stops: str | None = None
    trained: bool = False
    maps: str = "own"


ARMS = {
    "iterations": Arm("all blocks stop together", None),
    "adaptive": Arm("blocks stop by uniform weights", "iterations", "uniform"),
    "adaptive-map": Arm("(b) blocks stop by weights of the map", "adaptive", "map"),
    "adaptive-shuffled": Arm(
        "blocks stop by the map of another picture", "adaptive", "map", maps="shuffled"
    ),
    "trained": Arm(
        "(a) map as fourth channel and weight of the loss", "iterations", trained=True
    ),
    "trained-adaptive": Arm("(c) both", "adaptive", "map", trained=True),
}
JPEG = "jpeg-optimized"
# Those of the study and one below; at 1 JPEG is no smaller than at 2.
_QUALITIES = (2, 3, 5, 10, 15, 20, 30)

Encode = Callable[[float], Any]
"""From a setting to the encoded picture, as `Point.encode` gives it."""


class Coder(NamedTuple):
    """What codes pictures at some settings.

    Attributes:
      settings: numbers of iterations, lambdas, or qualities, by rising rate.
      look: (uint8 [H, W, 3], saliency float32 [H, W]) -> what encodes the picture.
      decode: the file's bytes -> uint8 [H, W, 3].
    """

    settings: tuple[float, ...]
    look: Callable[[np.ndarray, np.ndarray], Encode]
    decode: Callable[[bytes], np.ndarray]


def coder(arm: Arm, codec: RecurrentCodec, lambdas: list[float]) -> Coder:
    """Makes the coder of an arm with its model.

    Its settings are all numbers of iterations, or where blocks stop by themselves, the
    lambdas by which they do.
    """
    if arm.stops is None:
        counts = tuple(range(1, codec.config.iterations + 1))
        return Coder(counts, functools.partial(_together, codec), codec.decode)
    encoder = Adaptive(codec, None, weight_of(arm))

    def look(rgb, saliency) -> Encode:
        by_rule = encoder.looked_at(rgb, saliency)
        return lambda lmbda: by_rule(by_gain(lmbda))

    return Coder(tuple(sorted(lambdas)), look, codec.decode)


def weight_of(arm: Arm) -> Callable[[np.ndarray], np.ndarray] | None:
    """The weight of the error by which blocks stop, at a map; None if uniform."""
    if arm.stops != "map":
        return None
    return functools.partial(mixed_weight, uniform_share=UNIFORM_SHARE)


def _together(codec: RecurrentCodec, rgb, saliency) -> Encode:
    """All blocks have as many iterations: those of one coding, cut off."""
    latents = codec.analyze(rgb, saliency)

    def encode(iterations: int):
        kept = latents.copy()
        kept[..., iterations * codec.config.bits_per_block :] = 0
        return codec.encode_latents(kept, rgb.shape[:2])

    return encode


def jpeg() -> Coder:
    """JPEG with optimised tables."""

    def look(rgb, saliency) -> Encode:
        del saliency  # the format has no place for it
        return lambda quality: File(classical.encode(JPEG, rgb, quality))

    return Coder(_QUALITIES, look, classical.decode)
