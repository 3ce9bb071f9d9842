"""The flags of a run's configuration."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from absl import flags

from salcomp.config.base import Settings, flag_name
from salcomp.config.config import PRESETS, Config
from salcomp.errors import InputError


class Presets(NamedTuple):
    """A kind of configuration, and the presets that there are of it.

    Attributes:
      config: its class.
      values: all fields but the defaulted ones, by the name of the preset; the first
        is the default.
      help: says what each preset is, and what the default is.
      saliency: what the presets say on --saliency.
    """

    config: type[Settings]
    values: dict[str, dict]
    help: str
    saliency: str


CODEC = Presets(
    Config,
    PRESETS,
    "blog (the 2019 run), stock_v2 (tfc 2.14's bls2017.py), cpu (a useful model in "
    "tens of minutes on two cores), smoke (seconds, for tests)",
    "The presets other than stock_v2 say yes; --nosaliency is the baseline.",
)


def define_flags(flag_values: flags.FlagValues, presets: Presets = CODEC) -> None:
    """Defines a flag for each field of a configuration, --preset, and --saliency."""
    flags.DEFINE_string(
        "preset",
        next(iter(presets.values)),
        f"Set of values that flags given beside it override: {presets.help}.",
        flag_values=flag_values,
    )
    flags.DEFINE_boolean(
        "saliency",
        None,
        "Whether the map conditions the encoder and weights the distortion. "
        f"{presets.saliency}",
        flag_values=flag_values,
    )
    define = {
        "bool": flags.DEFINE_boolean,
        "int": flags.DEFINE_integer,
        "float": flags.DEFINE_float,
        "str": flags.DEFINE_string,
        "tuple": flags.DEFINE_list,
    }
    for field in dataclasses.fields(presets.config):
        if "help" in field.metadata:
            name, text = flag_name(field.name), field.metadata["help"]
            define[field.type](name, None, text, flag_values=flag_values)


def from_flags(
    flag_values: flags.FlagValues,
    base: Settings | None = None,
    presets: Presets = CODEC,
) -> Settings:
    """The configuration that the preset and the flags beside it give.

    Args:
      flag_values: as of `define_flags`.
      base: configuration to take in the place of a preset's.
      presets: as of `define_flags`.

    Raises:
      InputError: the preset is unknown, or a value is out of range.
    """
    preset = flag_values.preset
    if preset not in presets.values:
        raise InputError(
            f"--preset must be one of {', '.join(presets.values)}, not {preset!r}"
        )
    values = dict(presets.values[preset], preset=preset)
    if base is not None:
        values = dataclasses.asdict(base)
    if flag_values.saliency is not None:
        values["condition_encoder"] = flag_values.saliency
        values["weight_distortion"] = flag_values.saliency
    for field in dataclasses.fields(presets.config):
        if "help" in field.metadata:
            value = flag_values[flag_name(field.name)].value
            if field.type == "tuple" and value is not None:
                value = tuple(int(x) if x.isdecimal() else x for x in value)
            if value is not None:
                values[field.name] = value
    config = presets.config(**values)
    config.validate()
    return config
