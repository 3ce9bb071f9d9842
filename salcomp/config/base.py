"""What the configurations of all models share: checked fields, and the saliency map.

A configuration is a frozen dataclass whose fields become flags (`training.flags`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

from salcomp.config import schedules
from salcomp.config.weighting import NORMALIZATIONS, WEIGHTINGS
from salcomp.errors import InputError


class Range(NamedTuple):
    """The values that a number may have."""

    description: str
    holds: Callable[..., bool]


POSITIVE = Range("more than 0", lambda value: value > 0)
AT_LEAST_0 = Range("at least 0", lambda value: value >= 0)
AT_LEAST_1 = Range("at least 1", lambda value: value >= 1)
FRACTION = Range("from 0 to 1", lambda value: 0 <= value <= 1)
SEED = Range("from 0 to 2147483647", lambda value: 0 <= value < 2**31)
_TYPES = {"bool": bool, "int": int, "float": float, "str": str, "tuple": tuple}


def multiple_of(number: int) -> Range:
    """The positive multiples of a number."""
    return Range(
        f"a positive multiple of {number}",
        lambda value: value > 0 and value % number == 0,
    )


def field(
    help: str,
    choices: tuple[str, ...] | None = None,
    range: Range | None = None,
    default=dataclasses.MISSING,
):
    """A field of a configuration; its help, with the unit, is the flag's.

    Strings have choices, numbers and tuples a range; older configurations lack the
    fields that have a default.
    """
    metadata = {"help": help, "choices": choices, "range": range}
    return dataclasses.field(metadata=metadata, default=default)


@dataclasses.dataclass(frozen=True)
class BaseConfig:
    """All that decides what a run computes, save its training images; always valid.

    The help of each field, with its unit, is in its metadata; it is the flag's help.
    """

    preset: str
    condition_encoder: bool = field(
        "Whether the encoder sees the saliency map. Follows --saliency unless given."
    )
    weight_distortion: bool = field(
        "Whether the distortion is weighted by the map. Follows --saliency unless "
        "given."
    )
    saliency_weighting: str = field(
        "Weight of the distortion at saliency s: max(s, floor) (clip, our reading "
        "of the 2019 experiment), floor + (1 - floor) s (affine), or 1 + gain s "
        "(additive).",
        WEIGHTINGS,
    )
    saliency_floor: float = field(
        "Smallest weight of clip and affine, from 0 to 1. The 2019 write-up does not "
        "give its value; 0.1 is ours.",
        range=FRACTION,
    )
    saliency_gain: float = field(
        "Slope of the additive weighting, at least 0. The preset's 1 doubles the "
        "weight where the map is 1.",
        range=AT_LEAST_0,
    )
    weight_normalization: str = field(
        "What the weight is divided by: nothing (none, as in 2019; changes what "
        "lambda means), its mean over the whole image (image), or over the training "
        "set (dataset).",
        NORMALIZATIONS,
    )

    # What a kind of model has no field for.
    uniform_share = 0.0
    clip_norm = 0.0

    @property
    def uses_saliency(self) -> bool:
        """Whether training needs the map at all."""
        return self.condition_encoder or self.weight_distortion

    @property
    def rate_setting(self) -> tuple[str, float]:
        """By which setting models of this kind differ in rate, and its value."""
        raise NotImplementedError

    @property
    def exports_best(self) -> bool:
        """Whether a run exports its best model on held-out frames, not its last."""
        return False

    @property
    def crop(self) -> tuple[int, int]:
        """Height and width of the training crops in pixels."""
        return self.patchsize, self.patchsize

    def learning_rate_of(self, step: int) -> float:
        """The learning rate of a step, counted from 1, by the schedule."""
        factor = schedules.factor(self.learning_rate_schedule, step, self.last_step)
        return self.learning_rate * factor

    @classmethod
    def defaults(cls) -> dict[str, object]:
        """Values of the fields that older configurations lack."""
        return {
            field.name: field.default
            for field in dataclasses.fields(cls)
            if field.default is not dataclasses.MISSING
        }

    @classmethod
    def from_dict(cls, values: dict):
        """The configuration that `dataclasses.asdict` gave, of this version or before.

        Raises InputError if a field without a default is missing, or one is unknown or
        has a value that it cannot take.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        values = {**cls.defaults(), **values}
        for name, value in values.items():
            if isinstance(value, list):  # JSON's only sequence
                values[name] = tuple(value)
        if set(values) != names:
            odd = ", ".join(sorted(set(values) ^ names))
            raise InputError(
                "the configuration is of another kind of model, or of another version "
                f"of salcomp (fields: {odd})"
            )
        return cls(**values)

    def __post_init__(self) -> None:
        """Raises InputError for the first value out of range, and tells the range."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            name = flag_name(field.name)
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


def flag_name(field_name: str) -> str:
    """The name of the flag, without dashes, that sets a field of a configuration."""
    return "lambda" if field_name == "lmbda" else field_name
