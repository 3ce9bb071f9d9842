"""Frames and a trained model that the tests of the codec share."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageFilter

# Of the shared run: enough for latents that differ, and colours one recognises.
SMOKE = ("--preset=smoke", "--last_step=200", "--learning_rate=0.01")
ROOT = pathlib.Path(__file__).resolve().parents[1]


def frame(seed: int, height: int = 96, width: int = 128) -> np.ndarray:
    """A made-up picture with its saliency map, uint8 [height, width, 4]."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    waves = [
        np.sin(rows / rng.uniform(3, 15) + columns / rng.uniform(3, 15) + phase)
        for phase in rng.uniform(0, 6, 3)
    ]
    rgb = 128 + 90 * np.stack(waves, -1) + rng.normal(0, 4, (height, width, 3))
    top, left = rng.uniform(0.2, 0.8, 2) * (height, width)
    distance = ((rows - top) / height) ** 2 + ((columns - left) / width) ** 2
    saliency = 255 * np.exp(-20 * distance)
    return np.dstack([np.clip(rgb, 0, 255), saliency]).astype(np.uint8)


def parts(rgba: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RGB uint8 [H, W, 3] and the map float32 [H, W] in 0..1 of a frame."""
    return rgba[..., :3], rgba[..., 3].astype(np.float32) / 255


def save_frames(folder: pathlib.Path, count: int, **size) -> str:
    """Writes frames as RGBA PNGs into a folder; returns the pattern that finds them."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.fromarray(frame(i, **size)).save(folder / f"frame{i:02}.png")
    return str(folder / "*.png")


def save_gan_run(folder: pathlib.Path, steps=(10, 40, 90), count: int = 6) -> None:
    """Writes the samples of a GAN's run: frames, and the same blurred less and less."""
    originals = folder / "samples/originals"
    save_frames(originals, count)
    for path in originals.iterdir():
        original = Image.open(path).convert("RGB")
        original.save(path)
        for i, step in enumerate(steps):
            made = folder / f"samples/step_{step:08}"
            made.mkdir(exist_ok=True)
            blurred = original.filter(ImageFilter.GaussianBlur(2 * (len(steps) - i)))
            blurred.save(made / path.name)


def small_config(**changes):
    """The smoke preset's configuration with some fields changed."""
    from salcomp.config import PRESETS, Config

    values = dict(PRESETS["smoke"], num_filters=4, patchsize=32)
    config = dataclasses.replace(Config(preset="smoke", **values), **changes)
    config.validate()
    return config


def run_python(*arguments: str, check: bool = True, **environment: str):
    """Runs the interpreter in the checkout, with its output captured."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=check,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="session")
def frames_glob(tmp_path_factory) -> str:
    """Pattern of twelve RGBA frames of 128x96 pixels."""
    return save_frames(tmp_path_factory.mktemp("frames"), 12)


@pytest.fixture(scope="session")
def workdir(tmp_path_factory, frames_glob) -> pathlib.Path:
    """The folder of a finished run of a saliency model that nobody may change."""
    from salcomp import train

    folder = tmp_path_factory.mktemp("runs") / "saliency"
    arguments = [*SMOKE, "--validate_every=100", f"--train_glob={frames_glob}"]
    train.main(["train", *arguments, f"--workdir={folder}"])
    return folder


@pytest.fixture(scope="session")
def codec(workdir):
    """The codec of that run."""
    from salcomp.codec import Codec

    return Codec.load(workdir)
