"""A finished run that tests of the recurrent codec share; nobody may change it."""

from __future__ import annotations

import pytest

STEPS = 20


def arguments(frames_glob, workdir):
    """Of a short run on the frames of 128x96."""
    return [
        *("train", "--preset=smoke", "--validate_every=10", "--validation_images=2"),
        *(f"--train_glob={frames_glob}", f"--workdir={workdir}"),
    ]


@pytest.fixture(scope="session")
def finished(tmp_path_factory, frames_glob):
    """The folder of the run."""
    from salcomp.recurrent import train

    workdir = tmp_path_factory.mktemp("recurrent") / "run"
    train.main(arguments(frames_glob, workdir))
    return workdir


@pytest.fixture(scope="session")
def recurrent(finished):
    """Its codec."""
    from salcomp.recurrent.codec import RecurrentCodec

    return RecurrentCodec.load(finished)
