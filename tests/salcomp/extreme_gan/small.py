"""Small GANs for the tests."""

from __future__ import annotations

import dataclasses

# Of runs that take seconds; the crops are smaller than the frames of 128x96.
TINY = ("--width=0.02", "--patchsize=32", "--patch_aspect=2", "--code_channels=4")


def gan_config(preset="as_published", **changes):
    """The configuration of a preset with narrow networks, small crops and changes."""
    from salcomp.extreme_gan.config import PRESETS, GanConfig

    small = {"width": 0.02, "patchsize": 32, "patch_aspect": 2, "code_channels": 4}
    config = GanConfig(preset=preset, **{**PRESETS[preset], **small})
    return dataclasses.replace(config, **changes)
