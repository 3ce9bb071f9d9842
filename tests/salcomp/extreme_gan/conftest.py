"""Finished runs that the tests of the GAN share, which nobody may change."""

from __future__ import annotations

import pytest

from salcomp.extreme_gan import train
from tests.salcomp.extreme_gan.small import TINY

STEPS = 50


def arguments(preset, frames_glob, workdir):
    """Of a run of 50 steps on the frames of 128x96."""
    return [
        *("train", *TINY, f"--preset={preset}", f"--last_step={STEPS}"),
        "--learning_rate=2e-3",
        *("--validate_every=20", "--sample_every=30"),
        *(f"--train_glob={frames_glob}", f"--workdir={workdir}"),
    ]


@pytest.fixture(scope="session")
def published(tmp_path_factory, frames_glob):
    """The folder of a run as published."""
    workdir = tmp_path_factory.mktemp("gan") / "published"
    train.main(arguments("as_published", frames_glob, workdir))
    return workdir


@pytest.fixture(scope="session")
def repaired(tmp_path_factory, frames_glob):
    """The folder of a repaired run."""
    workdir = tmp_path_factory.mktemp("gan") / "repaired"
    train.main(arguments("repaired", frames_glob, workdir))
    return workdir
