"""The flags of a training run that do not belong to the model's configuration."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from salcomp.data import frame_files


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines which frames to train and validate on, and what to save and when."""
    flags.DEFINE_string(
        "train_glob",
        None,
        "Pattern of the training frames: RGBA PNGs with the saliency map as straight "
        "alpha. Built-in drawn scenes by default.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "validation_glob",
        None,
        "Pattern of held-out frames. By default a tenth of the training files is held "
        "out, chosen by a hash of the file name.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "tfds_name",
        None,
        "Name of an RGB set of tensorflow-datasets, such as clic, to train on without "
        "maps.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "tfds_validation_split",
        "validation",
        "Split of that set to validate on; some sets have only a test split.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "num_scenes",
        128,
        "Built-in scenes to draw where no frames are given; ten take about a second.",
        lower_bound=1,
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "cache_mib",
        2048,
        "Memory for decoded frames in MiB; 2048 hold 4,000 frames of 512x256.",
        lower_bound=0,
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "checkpoint_seconds",
        60,
        "Seconds between checkpoints; a killed run loses no more. 0 saves at every "
        "step.",
        lower_bound=0,
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "validate_every",
        1000,
        "Steps between validations; 1000 is an epoch of tfc's bls2017.py.",
        lower_bound=1,
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "validation_images",
        16,
        "Held-out frames to validate on; 16 as bls2017.py's validation steps.",
        lower_bound=1,
        flag_values=flag_values,
    )
    flags.DEFINE_boolean(
        "deterministic",
        False,
        "Whether to use only kernels that give the same bits in every run on a "
        "machine; slower on GPUs.",
        flag_values=flag_values,
    )


def describe(
    args: flags.FlagValues, training: Sequence[str], validation: Sequence[str]
) -> dict[str, object]:
    """What else than the configuration tells a run from another.

    Args:
      args: the flags.
      training: names of the frames, told by a checksum.
      validation: likewise.
    """
    return {
        "training frames": frame_files.digest(training),
        "validation frames": frame_files.digest(validation),
        "validate_every": args.validate_every,
        "validation_images": args.validation_images,
        "deterministic": args.deterministic,
    }
