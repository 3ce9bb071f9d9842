"""The flags of a training run: its configuration, its frames, and what it saves."""

from __future__ import annotations

import dataclasses
import os

from absl import logging

from salcomp.config.base import BaseConfig, flag_name
from salcomp.config.config import CODEC, Presets
from salcomp.data import frame_files, frames
from salcomp.errors import InputError
from salcomp.flags import Flags
from salcomp.training.run import Schedule


def define_config_flags(flag_values: Flags, presets: Presets = CODEC) -> None:
    """Defines a flag for each field of a configuration, --preset, and --saliency."""
    flag_values.string(
        "preset",
        next(iter(presets.values)),
        f"Set of values that flags given beside it override: {presets.help}.",
    )
    flag_values.boolean(
        "saliency",
        None,
        "Whether the map conditions the encoder and weights the distortion. "
        f"{presets.saliency}",
    )
    define = {
        "bool": flag_values.boolean,
        "int": flag_values.integer,
        "float": flag_values.float,
        "str": flag_values.string,
        "tuple": flag_values.list,
    }
    for field in dataclasses.fields(presets.config):
        if "help" in field.metadata:
            name, text = flag_name(field.name), field.metadata["help"]
            define[field.type](name, None, text)


def config_from_flags(
    flag_values: Flags, base: BaseConfig | None = None, presets: Presets = CODEC
) -> BaseConfig:
    """The configuration that the preset and the flags beside it give.

    Args:
      flag_values: as for `define_config_flags`.
      base: configuration to take in the place of a preset's.
      presets: likewise.

    Raises:
      InputError: the preset is unknown, or a value is out of range.
    """
    values = {} if base is None else dataclasses.asdict(base)
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
    return presets.make(values.pop("preset", flag_values.preset), **values)


def define_run_flags(flag_values: Flags) -> None:
    """Defines which frames to train and validate on, and what to save and when."""
    flag_values.string(
        "train_glob",
        None,
        "Pattern of the training frames: RGBA PNGs with the saliency map as straight "
        "alpha. Built-in drawn scenes by default.",
    )
    flag_values.string(
        "validation_glob",
        None,
        "Pattern of held-out frames. By default a tenth of the training files is held "
        "out, chosen by a hash of the file name.",
    )
    flag_values.string(
        "tfds_name",
        None,
        "Name of an RGB set of tensorflow-datasets, such as clic, to train on without "
        "maps.",
    )
    flag_values.string(
        "tfds_validation_split",
        "validation",
        "Split of that set to validate on; some sets have only a test split.",
    )
    flag_values.integer(
        "num_scenes",
        128,
        "Built-in scenes to draw where no frames are given; ten take about a second.",
        lower_bound=1,
    )
    flag_values.integer(
        "cache_mib",
        2048,
        "Memory for decoded frames in MiB; 2048 hold 4,000 frames of 512x256.",
        lower_bound=0,
    )
    flag_values.float(
        "checkpoint_seconds",
        60,
        "Seconds between checkpoints; a killed run loses no more. 0 saves at every "
        "step.",
        lower_bound=0,
    )
    flag_values.integer(
        "validate_every",
        1000,
        "Steps between validations; 1000 is an epoch of tfc's bls2017.py.",
        lower_bound=1,
    )
    flag_values.integer(
        "validation_images",
        16,
        "Held-out frames to validate on; 16 as bls2017.py's validation steps.",
        lower_bound=1,
    )
    flag_values.boolean(
        "deterministic",
        False,
        "Whether to use only kernels that give the same bits in every run on a "
        "machine; slower on GPUs.",
    )


def training_and_validation(
    args: Flags, config: BaseConfig, held_out: bool = True
) -> tuple[frames.Frames, frames.Frames | None]:
    """The frames that the flags name.

    Args:
      args: the flags of `define_run_flags`.
      config: of the run.
      held_out: whether there have to be frames to validate on, where no
        --validation_glob names any.

    Returns:
      The two sets; None for the second if it need not be and nothing names it.

    Raises:
      InputError: a frame cannot be used, or flags exclude each other.
    """
    cache_bytes = args.cache_mib * 2**20
    if args.tfds_name:
        if args.train_glob or args.validation_glob:
            raise InputError("give --tfds_name or --train_glob, not both")
        if config.uses_saliency:
            raise InputError(
                "sets of --tfds_name have no saliency maps; add --nosaliency, or pack "
                "maps into RGBA PNGs and give --train_glob"
            )
        validation = None
        if held_out:
            split = args.tfds_validation_split
            validation = frames.from_tfds(
                args.tfds_name, split, config.crop, cache_bytes
            )
        training = frames.from_tfds(args.tfds_name, "train", config.crop, cache_bytes)
        return training, validation
    if args.train_glob:
        training, validation = frame_files.find(args.train_glob), None
        if args.validation_glob:
            validation = frame_files.find(args.validation_glob)
            both = set(map(os.path.realpath, training)) & set(
                map(os.path.realpath, validation)
            )
            if both:
                raise InputError(
                    f"{min(both)} is in both --train_glob and --validation_glob; "
                    "validation frames must be held out"
                )
        elif held_out:
            training, validation = frame_files.split(training)
            logging.info(
                "no --validation_glob: %d of the files are held out for validation, "
                "chosen by a hash of their names",
                len(validation),
            )
        return (
            frames.from_files(training, config.uses_saliency, config.crop, cache_bytes),
            validation
            and frames.from_files(
                validation, config.uses_saliency, config.smallest_frame, cache_bytes
            ),
        )
    if args.validation_glob:
        raise InputError("--validation_glob needs a --train_glob beside it")
    logging.info(
        "training on %d built-in drawn scenes; give real frames with "
        "--train_glob='DIR/*.png' (RGBA, the saliency map as alpha)",
        args.num_scenes,
    )
    return (
        frames.training_scenes(args.num_scenes),
        frames.held_out_scenes() if held_out else None,
    )


def schedule(args: Flags) -> Schedule:
    """What the flags say on what a run saves and validates, and when."""
    return Schedule(
        args.checkpoint_seconds,
        args.validate_every,
        args.validation_images,
        args.deterministic,
    )
