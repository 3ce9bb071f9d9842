"""The configuration of a run: one dataclass and its presets.

A preset is a frozen set of values; a flag given beside it wins (`config_flags`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

from salcomp.errors import InputError
from salcomp.weighting import NORMALIZATIONS, WEIGHTINGS

# Image samples per latent, along each side.
STRIDE = 16
CONDITIONINGS = ("concat", "modulate")
LAYERS = ("2019", "tfc2")
SCHEDULES = ("constant", "stepped", "cosine")
# Where the stepped schedule lowers the rate, as a fraction of last_step, and to what.
_LEARNING_RATE_STEPS = ((0.6, 0.3), (0.85, 0.1))
# Over how many steps the cosine schedule rises; at most this fraction of last_step.
_WARM_UP_STEPS, _WARM_UP_FRACTION = 200, 0.1


class _Range(NamedTuple):
    description: str
    holds: Callable[[float], bool]


_POSITIVE = _Range("more than 0", lambda value: value > 0)
_AT_LEAST_0 = _Range("at least 0", lambda value: value >= 0)
_AT_LEAST_1 = _Range("at least 1", lambda value: value >= 1)
_FRACTION = _Range("from 0 to 1", lambda value: 0 <= value <= 1)
_SEED = _Range("from 0 to 2147483647", lambda value: 0 <= value < 2**31)
_CROP = _Range(
    f"a positive multiple of {STRIDE}",
    lambda value: value > 0 and value % STRIDE == 0,
)
_TYPES = {"bool": bool, "int": int, "float": float, "str": str}


def _field(help, choices=None, range=None):
    metadata = {"help": help, "choices": choices, "range": range}
    return dataclasses.field(metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Config:
    """All that decides what a run computes, save its training images.

    The help of each field, with its unit, is in its metadata; it is the flag's help.
    """

    preset: str
    lmbda: float = _field(
        "Trade-off lambda of the loss R + lambda D, in bit per pixel per squared "
        "8-bit level. The preset's 0.01 is that of bls2017.py.",
        range=_POSITIVE,
    )
    condition_encoder: bool = _field(
        "Whether the analysis transform sees the saliency map. Follows --saliency "
        "unless given."
    )
    conditioning: str = _field(
        "How the map enters the encoder: as a fourth input channel (concat, the 2019 "
        "experiment) or as scales and shifts of the features (modulate).",
        CONDITIONINGS,
    )
    weight_distortion: bool = _field(
        "Whether the squared error is weighted by the map. Follows --saliency unless "
        "given."
    )
    saliency_weighting: str = _field(
        "Weight of the squared error at saliency s: max(s, floor) (clip, our reading "
        "of the 2019 experiment), floor + (1 - floor) s (affine), or 1 + gain s "
        "(additive).",
        WEIGHTINGS,
    )
    saliency_floor: float = _field(
        "Smallest weight of clip and affine, from 0 to 1. The 2019 write-up does not "
        "give its value; 0.1 is ours.",
        range=_FRACTION,
    )
    saliency_gain: float = _field(
        "Slope of the additive weighting, at least 0. The preset's 1 doubles the "
        "weight where the map is 1.",
        range=_AT_LEAST_0,
    )
    weight_normalization: str = _field(
        "What the weight is divided by: nothing (none, as in 2019; changes what "
        "lambda means), its mean over the whole image (image), or over the training "
        "set (dataset).",
        NORMALIZATIONS,
    )
    num_filters: int = _field(
        "Channels of every hidden layer and of the latents; 128 in bls2017.py.",
        range=_AT_LEAST_1,
    )
    layers: str = _field(
        "Layers of the codec: those of winter 2019 (2019), or those that tfc 2.14's "
        "bls2017.py has by default (tfc2), to compare with.",
        LAYERS,
    )
    patchsize: int = _field(
        "Side of the training crops in pixels, a multiple of 16; 256 in bls2017.py.",
        range=_CROP,
    )
    batchsize: int = _field(
        "Crops per step over all replicas; 8 in bls2017.py.",
        range=_AT_LEAST_1,
    )
    last_step: int = _field(
        "Steps to train in all; 1,000,000 in bls2017.py of 2019.",
        range=_AT_LEAST_1,
    )
    learning_rate: float = _field(
        "Adam's learning rate before the schedule lowers it; 1e-4 in 2019.",
        range=_POSITIVE,
    )
    learning_rate_schedule: str = _field(
        "Whether the learning rate stays (constant, as in 2019), falls to 0.3 of "
        "itself after 60 % of the steps and to 0.1 after 85 % (stepped), or rises from "
        "0 over 200 steps, or a tenth of all if that is less, and then falls to 0 as "
        "half a cosine does (cosine).",
        SCHEDULES,
    )
    adam_epsilon: float = _field(
        "Adam's epsilon: 1e-8 in TensorFlow 1, 1e-7 in today's Keras.",
        range=_POSITIVE,
    )
    seed: int = _field(
        "Seed of the initial weights, the batches and the noise.",
        range=_SEED,
    )
    weight_mean: float = 1.0
    """Mean of the raw weight over the training set; found when a run starts."""

    @property
    def encoder_conditioning(self) -> str | None:
        """None, "concat" or "modulate": what the analysis transform does."""
        return self.conditioning if self.condition_encoder else None

    @property
    def prior_filters(self) -> tuple[int, ...]:
        """Units of the hidden layers of the prior's cumulatives."""
        return (3, 3, 3) if self.layers == "2019" else (3, 3)

    @property
    def uses_saliency(self) -> bool:
        """Whether training needs the map at all."""
        return self.condition_encoder or self.weight_distortion

    def learning_rate_of(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        return self.learning_rate * self._learning_rate_factor(step)

    def _learning_rate_factor(self, step: int) -> float:
        if self.learning_rate_schedule == "cosine":
            warm_up = min(_WARM_UP_STEPS, int(_WARM_UP_FRACTION * self.last_step))
            if step <= warm_up:
                return step / warm_up
            done = (step - 1 - warm_up) / (self.last_step - warm_up)
            return (1 + math.cos(math.pi * done)) / 2
        factor = 1.0
        if self.learning_rate_schedule == "stepped":
            for fraction, later in _LEARNING_RATE_STEPS:
                if step > round(fraction * self.last_step) + 1:
                    factor = later
        return factor

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        """The configuration that `dataclasses.asdict` gave.

        Raises:
          InputError: a field is missing or unknown, or has a value that it cannot
            take.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if set(values) != names:
            odd = ", ".join(sorted(set(values) ^ names))
            raise InputError(
                f"the configuration is of another version of salcomp (fields: {odd})"
            )
        config = cls(**values)
        config.validate()
        return config

    def validate(self) -> None:
        """Checks every value.

        Raises:
          InputError: the first value that is out of range, with the range.
        """
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            name = f"--{flag_name(field.name)}"
            kinds = (int, float) if field.type == "float" else _TYPES[field.type]
            of_kind = isinstance(value, kinds) and (
                field.type == "bool" or not isinstance(value, bool)
            )
            if not of_kind or (field.type == "float" and not _is_finite(value)):
                raise InputError(f"{name} must be a finite {field.type}, not {value!r}")
            choices = field.metadata.get("choices")
            if choices and value not in choices:
                raise InputError(
                    f"{name} must be one of {', '.join(choices)}, not {value!r}"
                )
            range_ = field.metadata.get("range")
            if range_ and not range_.holds(value):
                raise InputError(f"{name} must be {range_.description}, not {value}")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


_BLOG = dict(
    lmbda=0.01,
    condition_encoder=True,
    conditioning="concat",
    weight_distortion=True,
    saliency_weighting="clip",
    saliency_floor=0.1,
    saliency_gain=1.0,
    weight_normalization="none",
    num_filters=128,
    layers="2019",
    patchsize=256,
    batchsize=8,
    last_step=1_000_000,
    learning_rate=1e-4,
    learning_rate_schedule="constant",
    adam_epsilon=1e-8,
    seed=0,
)
_CPU = dict(
    _BLOG,
    weight_normalization="dataset",
    num_filters=64,
    patchsize=128,
    last_step=20_000,
    learning_rate=1e-3,
    learning_rate_schedule="cosine",
)
PRESETS = {
    "blog": _BLOG,
    "stock_v2": dict(
        _BLOG,
        layers="tfc2",
        adam_epsilon=1e-7,
        condition_encoder=False,
        weight_distortion=False,
    ),
    "cpu": _CPU,
    "smoke": dict(_CPU, num_filters=8, patchsize=64, batchsize=2, last_step=20),
}


def flag_name(field_name: str) -> str:
    """The name of the flag, without dashes, that sets a field of `Config`."""
    return "lambda" if field_name == "lmbda" else field_name
