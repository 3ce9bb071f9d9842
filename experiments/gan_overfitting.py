"""Why the GAN baseline of 2019 did well on its training set and badly on the test set.

    python -m experiments.gan_overfitting --data=frames

Trains the GAN as published; with each remedy that the write-up of 2019 tried; with each
repair of the published code, one at a time; and repaired: each at a reduced width, on
the same reduced frames, for the same number of steps. The same command goes on where a
stopped one was.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import flags, logging

from data_prep import contact_sheet
from experiments.record import write_record
from salcomp import (
    cli,
    figures,
    folders,
    frame_files,
    images,
    metrics,
    results_files,
)
from salcomp.errors import InputError
from salcomp.extreme_gan import evaluation, train
from salcomp.extreme_gan.codec import GanCodec
from salcomp.extreme_gan.model import SHARES, rate_bound
from salcomp.extreme_gan.quantizer import CENTERS

# Flags of salcomp.extreme_gan.train.
ARMS = {
    "as_published": (),
    "noise_off": ("--nonoise",),
    "batch_4": ("--batchsize=4",),
    "rates_quarter": (
        "--learning_rate=5e-5",
        "--discriminator_learning_rate=5e-5",
    ),
    "distortion_x10": ("--distortion_weight=120",),
    "l1": ("--distortion=l1",),
    # In the place of MS-SSIM, whose five scales need larger frames.
    "mix": ("--distortion=mix",),
    "saliency": ("--saliency",),
    "gradient": ("--quantizer_gradient=soft",),
    "all_centres": ("--nofinal_relu",),
    "gradient_all_centres": ("--quantizer_gradient=soft", "--nofinal_relu"),
    "real_noise": ("--nonoise_norm",),
    "augmentation": ("--augment", "--patch_aspect=1"),
    "held_out": ("--held_out",),
    "repaired": ("--preset=repaired", "--patch_aspect=1"),
}
_SHOWN = ("as_published", "repaired")
_EVALUATIONS = 10
_SIDE = 32  # crops are of a multiple of it

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "data",
    None,
    "Folder of RGBA PNGs, the saliency map as alpha: those in its train/ are trained "
    "on, those in its test/ held out. Without these two, a tenth of its own PNGs is "
    "held out.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output_dir",
    "results/gan_overfitting",
    "Folder for table, figures and record.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "runs_dir",
    "runs/gan_overfitting",
    "Folder for the reduced frames and the trainings.",
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "arms",
    list(ARMS),
    f"What to train, among {', '.join(ARMS)}; all by default.",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "width",
    0.125,
    "Factor on the channels of the published networks.",
    lower_bound=1e-3,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "steps",
    1500,
    "Steps of each training; with all other defaults, those of all arms take about "
    "half an hour on two cores.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "train_frames",
    48,
    "Frames to train on, at equal distances through the set.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "test_frames",
    24,
    "Held-out frames, likewise. As many training frames are evaluated.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "reduction",
    4,
    "Factor by which height and width of the frames are reduced; 4 makes 128x64 of "
    "512x256.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer("seed", 0, "Seed of all trainings.", flag_values=FLAGS)


class Sets(NamedTuple):
    """The reduced frames.

    Attributes:
      train: files.
      test: files, held out.
      crop: height of the crops, and their width over it: whole frames, or nearly.
    """

    train: list[Path]
    test: list[Path]
    crop: tuple[int, int]


def find(data: str) -> tuple[list[str], list[str]]:
    """Files to train on, and files to hold out.

    Raises:
      InputError: there are none.
    """
    folder = Path(data).expanduser()
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        parts = [frame_files.find(str(folder / p / "*.png")) for p in ("train", "test")]
        return parts[0], parts[1]
    return frame_files.split(frame_files.find(str(folder / "*.png")))


def reduced(frame: np.ndarray, factor: int) -> np.ndarray:
    """Means over squares of a frame, uint8 [H, W, 4], each channel by itself.

    What is left over at the right and bottom is cut off.
    """
    height, width = (side // factor for side in frame.shape[:2])
    blocks = frame[: height * factor, : width * factor].reshape(
        height, factor, width, factor, 4
    )
    return np.round(blocks.mean(axis=(1, 3))).astype(np.uint8)


def _prepare(folder: Path) -> Sets:
    """Writes the reduced frames."""
    parts, least = [], (2**16, 2**16)
    counts = (FLAGS.train_frames, FLAGS.test_frames)
    for name, paths, count in zip(("train", "test"), find(FLAGS.data), counts):
        target = folders.make("runs_dir", folder / name)
        for path in target.glob("*.png"):  # of another number of frames
            path.unlink()
        files = []
        for path in contact_sheet.spread(paths, min(count, len(paths))):
            frame = frame_files.read(str(path), (1, 1), needs_map=True)
            small = reduced(frame, FLAGS.reduction)
            files.append(target / f"{Path(path).stem}.png")
            images.write_png(files[-1], small)
            least = tuple(np.minimum(least, small.shape[:2]))
        parts.append(sorted(files))
    height = least[0] // _SIDE * _SIDE
    if not height or least[1] < height:
        raise InputError(
            f"--reduction={FLAGS.reduction} leaves frames of {least[1]}x{least[0]}; "
            f"they must be at least {_SIDE} pixels high, and not higher than wide"
        )
    return Sets(*parts, (int(height), int(least[1] // height)))


def _train(arm: str, sets: Sets, workdir: Path) -> None:
    every = max(1, FLAGS.steps // _EVALUATIONS)
    height, aspect = sets.crop
    # A flag that is given twice has its last value.
    train.main(
        ["train", f"--width={FLAGS.width}", f"--seed={FLAGS.seed}"]
        + [f"--patchsize={height}", f"--patch_aspect={aspect}"]
        + [*ARMS[arm], f"--last_step={FLAGS.steps}", f"--validate_every={every}"]
        + [f"--validation_images={len(sets.test)}", f"--sample_every={every}"]
        + [f"--train_glob={sets.train[0].parent / '*.png'}"]
        + [f"--validation_glob={sets.test[0].parent / '*.png'}"]
        + [f"--workdir={workdir}"]
    )
    tf.keras.backend.clear_session()


def _row(arm: str, codec: GanCodec, workdir: Path, sets: Sets) -> dict:
    """What is in the table of a trained arm; of the exported step."""
    step = codec.step
    with open(workdir / "metrics.csv") as file:
        steps = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    (found,) = [row for row in evaluation.history(workdir) if row["step"] == step]
    sizes, pixels = 0, 0
    for path in sets.test:
        rgb, saliency = _frame(path)
        sizes += len(codec.encode(rgb, saliency).data)
        pixels += saliency.size
    used = [c for c, share in zip(CENTERS, SHARES) if steps[step - 1][share]]
    return {
        "arm": arm,
        "step": step,
        "train MSE": found["train_mse"],
        "held-out MSE": found["held_out_mse"],
        "gap dB": 10 * np.log10(found["held_out_mse"] / found["train_mse"]),
        "encoder gradient norm": np.mean([s["encoder_gradient_norm"] for s in steps]),
        "codes": " ".join(map(str, used)),
        "bpp": 8 * sizes / pixels,
        "entropy bpp": found["held_out_bpp"],
        "bound bpp": rate_bound(codec.config),
    }


def _frame(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """RGB uint8 [H, W, 3] and the map float32 [H, W] in 0..1, of the evaluated part."""
    frame = evaluation.whole(frame_files.read(str(path), (1, 1), needs_map=True))
    return frame[..., :3], frame[..., 3].astype(np.float32) / 255


def _draw_curves(path: Path, workdirs: dict[str, Path]) -> None:
    """Squared error on training and held-out frames against steps, an axis per arm."""
    columns = min(5, len(workdirs))
    rows = -(-len(workdirs) // columns)
    figure = figures.new(3.2 * columns, 2.6 * rows + 0.4)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    axes = grid.ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, (arm, workdir) in zip(axes, workdirs.items()):
        history = evaluation.history(workdir)
        steps = [row["step"] for row in history]
        axis.set_axis_on()
        axis.plot(steps, [row["train_mse"] for row in history], "--", label="training")
        axis.plot(steps, [row["held_out_mse"] for row in history], label="held out")
        axis.set_title(arm.replace("_", " "), fontsize=10)
        axis.set_yscale("log")
        axis.grid(alpha=0.3, which="both")
    axes[0].legend(fontsize=8)
    figure.supxlabel("steps")
    figure.supylabel("MSE [8-bit levels²]")
    figures.write(path, figure)


def _draw_pairs(
    path: Path, title: str, shown: Sequence[Path], codecs: dict[str, GanCodec]
) -> None:
    """Originals on the left, reconstructions on the right, a row per arm and frame."""
    pairs = [(arm, codec, file) for arm, codec in codecs.items() for file in shown]
    figure = figures.new(9, 2.5 * len(pairs) + 0.5)
    axes = figure.subplots(len(pairs), 2, squeeze=False)
    for (arm, codec, file), (left, right) in zip(pairs, axes):
        rgb, saliency = _frame(file)
        decoded = codec.encode(rgb, saliency).reconstruction
        left.imshow(rgb)
        left.set_title("original", fontsize=10)
        right.imshow(decoded)
        psnr = metrics.psnr(rgb, decoded)
        right.set_title(f"{arm.replace('_', ' ')}: {psnr:.1f} dB", fontsize=10)
        left.set_axis_off()
        right.set_axis_off()
    figure.suptitle(f"{title}. Left: original, right: reconstruction.")
    figures.write(path, figure)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.data:
        raise InputError("--data is needed: a folder of RGBA frames")
    for arm in FLAGS.arms:
        if arm not in ARMS:
            raise InputError(f"--arms: {arm!r} is none of {', '.join(ARMS)}")
    output = folders.make("output_dir", FLAGS.output_dir)
    runs = folders.make("runs_dir", FLAGS.runs_dir)
    sets = _prepare(runs / "frames")
    workdirs = {arm: runs / arm for arm in FLAGS.arms}
    rows, codecs = [], {}
    for arm, workdir in workdirs.items():
        logging.info("training %s", arm)
        _train(arm, sets, workdir)
        exported = GanCodec.load(workdir)
        rows.append(_row(arm, exported, workdir, sets))
        if arm in _SHOWN:
            codecs[arm] = exported
    results_files.write_csv(output / "table.csv", rows)
    _draw_curves(output / "curves.png", workdirs)
    for name, title, paths in (
        ("training_set", "Training set", sets.train),
        ("test_set", "Test set", sets.test),
    ):
        if codecs:
            _draw_pairs(output / f"{name}.png", title, paths[:2], codecs)
    write_record(
        output / "record.json",
        "gan_overfitting",
        argv,
        seed=FLAGS.seed,
        train_frames=len(sets.train),
        test_frames=len(sets.test),
        crop=f"{sets.crop[0] * sets.crop[1]}x{sets.crop[0]}",
        arms={arm: list(ARMS[arm]) for arm in FLAGS.arms},
    )
    for row in rows:
        print(
            "{arm:22}{train MSE:10.1f}{held-out MSE:10.1f}{gap dB:8.2f} dB  "
            "gradient {encoder gradient norm:<10.3g}{codes:12}{bpp:8.4f} bpp".format(
                **row
            )
        )
    print(f"table and figures are in {output}")


if __name__ == "__main__":
    cli.run(main)
