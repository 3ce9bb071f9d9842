"""Runs every command of the README files, as written, one after another.

    python -m tests.run_readme
    python -m tests.run_readme --only='salcomp.compress' --folder=scratch

The folder gets small stand-ins for what the commands name: drawn scenes, photographs,
made-up fixations. Trainings, and what else takes long, are interrupted as by Ctrl-C
once they are at work. What nobody can make here must be refused in one line that names
it. The table at the end tells the three apart; the logs are kept in logs/. It takes
hours on two cores, and a network for what the commands download.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

from salcomp import cli
from salcomp.data import scenes
from salcomp.files import disk
from salcomp.flags import Flags
from tests.data_prep.predictors.test_fixations import write_osie
from tests.fixtures import ROOT, save_gan_run
from tests.test_readme import PAGES, commands

FLAGS = Flags()
FLAGS.string("only", None, "Regular expression of the commands to run; all by default.")
FLAGS.integer("seconds", 30, "After which commands that take long are interrupted.")
FLAGS.string(
    "folder", None, "Where to run; what is there is kept. By default a new one."
)

# Their outputs are named further up; and what names outputs further down.
_FIRST, _LAST = r"\.gtsdb_split", r"--data=street$|decompress out"
_LONG = (
    r"\.train |experiments\.(study|demo|dilation|refinement|gan_overfitting|benchmark_)"
    r"|gtsdb/train/|compress photos .*--refine_steps"
)
_AT_WORK = r"step [1-9]\d* of |[1-9]\d* of \d+ \w+, about |jpg: \d+ of |GFLOP/s"
# What is neither here nor brought by a command.
_MISSING = "sam-resnet_salicon_weights.pkl", "bls2017.py", "no JAX", "state.npz"
_LIMIT = 1800  # seconds
# What is kept from a command before, which would be in the way.
_WITHOUT = {
    r"\.compress photo\.png": ("photo.salc", "photo.salc.png"),
    r"\.compress .* --output_dir=out": ("out",),
    r"--budget=street": ("runs/street",),
}


def _frames():
    """Yields RGBA frames of 512x256 without end: few scenes, turned on and on."""
    drawn = [scenes.scene(0, i) for i in range(4)]
    for i in range(10**6):
        yield np.roll(drawn[i % len(drawn)], 23 * i, axis=1)


def give(folder: Path) -> None:
    """Puts into an empty folder what the commands name."""
    frames = _frames()
    for pattern, count, size, channels in (
        ("frames/scene{:03}.png", 20, (512, 256), 4),
        ("frames/train/{:03}.png", 80, (512, 256), 4),
        ("frames/test/{:03}.png", 4, (512, 256), 4),
        ("test/{:03}.png", 3, (256, 192), 4),
        ("kodak/kodim{:02}.png", 3, (256, 192), 3),
        ("photos/{:03}.jpg", 2, (512, 256), 3),
        ("osie/stimuli/{}.jpg", 4, (400, 300), 3),
        ("eyecrowd/stimuli/{}.jpg", 6, (512, 384), 3),
        ("sam/sample_images/{}.jpg", 2, (320, 240), 3),
        ("sam/predictions/{}.jpg", 2, (320, 240), 1),
        ("deng-frames/{}.png", 3, (512, 288), 4),
        ("deng-drivers/{}.png", 3, (512, 288), 1),
        ("FullIJCNN2013/{:05}.ppm", 4, (1360, 800), 3),
    ):
        for i in range(count):
            path = folder / pattern.format(i)
            path.parent.mkdir(parents=True, exist_ok=True)
            frame = next(frames)[..., -1 if channels == 1 else slice(channels)]
            # In tiles, not resized: resizing RGBA loses colours.
            rows, columns = (np.arange(n) % m for n, m in zip(size[::-1], frame.shape))
            Image.fromarray(frame[rows][:, columns]).save(path)
    for i in range(4, 900):
        link = folder / f"FullIJCNN2013/{i:05}.ppm"
        link.symlink_to(f"{i % 4:05}.ppm")
    (folder / "FullIJCNN2013/gt.txt").write_text("00000.ppm;774;411;815;446;11\n")
    for name in ("osie", "eyecrowd"):
        names = [path.name for path in disk.files_in(folder / name / "stimuli")]
        rng = np.random.default_rng(0)
        looks = {n: [rng.uniform(50, 250, (2, 20)) for _ in range(4)] for n in names}
        write_osie(folder / name / "fixations.mat", looks)
    shutil.copytree(ROOT / "results", folder / "results")
    portrait = Path(matplotlib.get_data_path(), "sample_data/grace_hopper.jpg")
    for name in ("photo.png", "photo.jpg"):
        Image.open(portrait).reduce(2).save(folder / name)
    save_gan_run(folder / "runs/gan-repaired", height=256, width=512)
    for arm in ("saliency", "baseline"):
        for i in range(1, 5):
            link = folder / f"runs/{arm}_{i}"
            link.symlink_to(ROOT / f"salcomp/zoo/{arm}-{i}")
    page = (ROOT / "salcomp/README.md").read_text()
    runs = json.loads(re.search(r'\[\{"name".*?\}\]', page, re.S)[0])
    (folder / "runs.json").write_text(json.dumps([{**r, "last_step": 2} for r in runs]))
    (folder / "center.tflite").write_bytes(_attention_center())


def _attention_center() -> bytes:
    """A network with the tensors of attention-center's that are used."""
    import tensorflow as tf
    from tensorflow.lite.tools import flatbuffer_utils

    network = tf.function(lambda image: tf.sigmoid(tf.reduce_mean(image, 3)))
    spec = tf.TensorSpec([1, 480, 640, 3], tf.float32, "image")
    concrete = network.get_concrete_function(spec)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], network)
    model = flatbuffer_utils.convert_bytearray_to_object(converter.convert())
    names = {b"image": b"image:0", b"Identity": b"Sigmoid"}
    for tensor in model.subgraphs[0].tensors:
        tensor.name = names.get(tensor.name, tensor.name)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def run(command: str, folder: Path, log: Path) -> str:
    """Runs a command in the folder and tells how it ended."""
    python = Path(sys.executable)
    if "salcomp.run_step" in command:  # has an environment of its own, if there is one
        jax = os.environ.get("SALCOMP_JAX_PYTHON", ROOT / ".venv-jax/bin/python")
        python = Path(jax) if Path(jax).exists() else python
    environment = {
        **os.environ,
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "XDG_CACHE_HOME": str(folder / ".cache"),
    }
    started, interrupted = time.monotonic(), False
    with log.open("w") as file:
        process = subprocess.Popen(
            f"exec {command}",
            shell=True,
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    while process.poll() is None:
        time.sleep(1)
        spent = time.monotonic() - started
        if spent > _LIMIT:
            os.killpg(process.pid, signal.SIGKILL)
        elif spent > FLAGS.seconds and not interrupted and re.search(_LONG, command):
            interrupted = bool(re.search(_AT_WORK, log.read_text()))
            if interrupted:
                os.killpg(process.pid, signal.SIGINT)
    return _outcome(process.returncode, interrupted, log.read_text())


def _outcome(status: int, interrupted: bool, text: str) -> str:
    *_, last = ["", *filter(None, text.splitlines())]
    if "Traceback (most recent call last)" in text:
        return f"FAILED, with a traceback: {last}"
    if status == 0:
        return "done"
    if interrupted and status == 130 and last == "interrupted":
        return "begun"
    refused = status == 1 and last.startswith("error: ")
    if refused and any(thing in last for thing in _MISSING):
        return last.replace("error", "refused", 1)
    return f"FAILED, status {status}: {last}"


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    # Where a shell started this with its interrupts ignored, the commands would too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(FLAGS.folder or tempfile.mkdtemp()).absolute()
    logs = folder / "logs"
    if not logs.is_dir():
        folder.mkdir(exist_ok=True)
        give(folder)
        logs.mkdir()
    found = list(dict.fromkeys(command for _, command in commands()))
    found.sort(key=lambda c: bool(re.search(_LAST, c)) - bool(re.search(_FIRST, c)))
    table = []
    for i, command in enumerate(found):
        if not re.search(FLAGS.only or "", command):
            continue
        for pattern, names in _WITHOUT.items():
            if re.search(pattern, command):
                subprocess.run(["rm", "-rf", *names], cwd=folder, check=True)
        started = time.monotonic()
        ended = run(command, folder, logs / f"{i:02}.txt")
        table.append(
            (ended, f"{time.monotonic() - started:4.0f} s  {ended}: {command}")
        )
        print(table[-1][1], flush=True)
    print(f"\n{folder}:", *(line for _, line in sorted(table)), sep="\n")
    text = "\n".join((ROOT / page).read_text() for page in PAGES)
    others = re.findall(
        r"^    ((?:make|pip|python3).*)$|`((?:make|pip)\s[^`]+)`", text, re.M
    )
    print(
        "\nnot run:",
        *{" ".join("".join(other).split()): 0 for other in others},
        sep="\n",
    )
    return int(any(ended.startswith("FAILED") for ended, _ in table))


if __name__ == "__main__":
    cli.run(main)
