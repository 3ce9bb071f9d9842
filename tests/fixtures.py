"""Frames and a trained model that the tests of the codec share."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFilter

from salcomp.errors import InputError

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


def save_gan_run(
    folder: pathlib.Path, steps=(10, 40, 90), count: int = 6, **size
) -> None:
    """Writes the samples of a GAN's run: frames, and the same blurred less and less."""
    originals = folder / "samples/originals"
    save_frames(originals, count, **size)
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
    from salcomp.config.config import PRESETS, Config

    values = dict(PRESETS["smoke"], num_filters=4, patchsize=32)
    return dataclasses.replace(Config(preset="smoke", **values), **changes)


def untrained_codec(**changes):
    """The codec of a model with random weights, of `small_config`."""
    from salcomp.codec.codec import Codec
    from salcomp.model.saliency_codec import SaliencyCodec
    from salcomp.zoo.exported import Export

    model = SaliencyCodec(small_config(**changes))
    return Codec(Export(model, model.prior.tables(), bytes(32), 0))


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
def unisal_weights(tmp_path_factory) -> pathlib.Path:
    """The published unisal.onnx, from the user's cache or else downloaded."""
    from data_prep.predictors import published

    network = published.NETWORKS["unisal"]
    folder = published.cache_folder("unisal")
    if not network.is_whole(folder):
        folder = tmp_path_factory.mktemp("unisal")
        try:
            published.bring(network, folder)
        except InputError as error:
            if "cannot download" not in str(error):
                raise
            pytest.skip(f"needs the weights of UNISAL: {error}")
    return network.kept_in(folder)


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
    from salcomp.codec.codec import Codec

    return Codec.load(workdir)


def card(**changes) -> dict:
    """The fields of a model's card.json that its model does not tell."""
    test = {
        "frames": "made-up frames, scored by their own maps",
        "images": 12,
        "bpp": 0.5,
        "bpp_low": 0.25,
        "bpp_high": 0.875,
        "psnr-rgb": 27.5,
        "ewpsnr": 24.25,
    }
    fields = {
        "arm": "concat",
        "arm_description": "The map is a fourth input channel.",
        "training": "12 made-up frames, 200 steps, seed 0, preset smoke",
        "date": "2026-01-31",
        "command": "python -m salcomp.train --preset=smoke",
        "versions": {
            "tensorflow": "2.14.1",
            "tensorflow-compression": "2.14.1",
            "numpy": "1.26.4",
        },
        "points": [{"quality": None, "test": test, "fixations": test}],
    }
    return {**fields, **changes}


# Of the arm "concat" in `zoo_folder`: name -> lambda, factor on the encoder's latents.
LADDER = {"low": (0.005, 0.4), "middle": (0.01, 1.0), "high": (0.02, 2.5)}


@pytest.fixture(scope="session")
def zoo_folder(tmp_path_factory, workdir) -> pathlib.Path:
    """Three models of rising rate, and one of another arm, that nobody may change."""
    from salcomp.model.saliency_codec import SaliencyCodec
    from salcomp.zoo import exported, shipped

    trained = exported.load(workdir).model
    weights = weights_of(trained)
    folder = tmp_path_factory.mktemp("zoo")
    made = tmp_path_factory.mktemp("exported") / "model"
    for name, (lmbda, factor) in LADDER.items():
        model = SaliencyCodec(dataclasses.replace(trained.config, lmbda=lmbda))
        exported.assign(model, weights)
        coefficients = model.analysis.convs[-1].kernel.coefficients
        coefficients.assign(factor * coefficients)
        exported.save(model, 200, made)
        shipped.add(made, name, card(), folder)
    plain = small_config(condition_encoder=False, weight_distortion=False)
    exported.save(SaliencyCodec(plain), 1, made)
    other = card(arm="baseline", arm_description="No map at all.", training="None.")
    shipped.add(made, "plain", other, folder)
    return folder


@pytest.fixture
def zoo(zoo_folder, monkeypatch) -> pathlib.Path:
    """That folder in the place of the models that come with salcomp."""
    from salcomp.zoo import shipped

    monkeypatch.setattr(shipped, "FOLDER", zoo_folder)
    monkeypatch.setattr(shipped, "DEFAULT", "middle")
    return zoo_folder


@pytest.fixture
def empty_zoo(tmp_path, monkeypatch) -> None:
    """No models in the place of those that come with salcomp."""
    from salcomp.zoo import shipped

    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "no zoo")


@pytest.fixture
def plug_ins(monkeypatch) -> dict[str, Callable]:
    """The plug-ins of predictors, in the place of those installed: none until added."""
    from salcomp.files import notices, predictors

    made: dict[str, Callable] = {}

    def load(name, weights=None, option=""):
        return made[name](weights) if weights else made[name]()

    monkeypatch.setattr(predictors, "names", lambda: sorted(made))
    monkeypatch.setattr(predictors, "at_hand", made.__contains__)
    monkeypatch.setattr(predictors, "load", load)
    notices.warn.cache_clear()
    return made


def refusal(function, *arguments, error: type = InputError, **options) -> str:
    """The one line of the error that a call ends in."""
    with pytest.raises(error) as caught:
        function(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def weights_of(model) -> dict[str, np.ndarray]:
    """The values of a model's variables by their names."""
    from salcomp.model.base import named_variables

    return {name: v.numpy() for name, v in named_variables(model).items()}
