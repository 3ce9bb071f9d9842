"""Why the GAN baseline of 2019 did well on its training set and badly on the test set.

    python -m experiments.gan_overfitting --data=frames

Trains the GAN as published; with each remedy that the write-up of 2019 tried; with each
repair of the published code, one at a time; and repaired: each at a reduced width, on
the same reduced frames, for the same number of steps, with several seeds; and, as a
control, as published and repaired on all frames there are. The same command goes on
where a stopped one was.

The rule, set before the runs: a change helps if the test error is lower than as
published with every seed; it lessens overfitting if the gap between the errors on test
and on training frames is smaller with every seed. With three seeds either happens by
chance once in eight times, so that the mean change must also be over twice its
standard error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import flags, logging

from experiments import reduced_frames
from experiments.record import write_record
from experiments.reduced_frames import Sets
from salcomp import (
    cli,
    config_flags,
    figures,
    folders,
    frame_files,
    metrics,
    metrics_file,
    ms_ssim,
    results_files,
)
from salcomp.errors import InputError
from salcomp.extreme_gan import evaluation, train
from salcomp.extreme_gan.codec import GanCodec
from salcomp.extreme_gan.config import GAN
from salcomp.extreme_gan.model import rate_bound

# Flags of salcomp.extreme_gan.train.
ARMS = {
    "as_published": (),
    "noise_off": ("--nonoise",),
    "batch_4": ("--batchsize=4",),
    # At batch size 4 the noise has an effect in training, which decoding lacks.
    "batch_4_noise_off": ("--batchsize=4", "--nonoise"),
    "rates_quarter": (
        "--learning_rate=5e-5",
        "--discriminator_learning_rate=5e-5",
    ),
    "distortion_x10": ("--distortion_weight=120",),
    "l1": ("--distortion=l1",),
    "ms_ssim": ("--distortion=ms_ssim",),
    "ms_ssim_x10": ("--distortion=ms_ssim", "--distortion_weight=120"),
    "mix": ("--distortion=mix",),
    # Weights of mean 1, so that the distortion weighs as in the other arms.
    "saliency": ("--saliency", "--weight_normalization=dataset"),
    "gradient": ("--quantizer_gradient=soft",),
    "all_centres": ("--nofinal_relu",),
    "gradient_all_centres": ("--quantizer_gradient=soft", "--nofinal_relu"),
    "real_noise": ("--nonoise_norm",),
    "augmentation": ("--augment", "--patch_aspect=1"),
    "held_out": ("--held_out",),
    "repaired": ("--preset=repaired", "--patch_aspect=1"),
    "as_published_all_frames": (),
    "repaired_all_frames": ("--preset=repaired", "--patch_aspect=1"),
}
# For their five scales, of frames at least `ms_ssim.MIN_SIDE` pixels high.
_ON_LARGE_FRAMES = ("ms_ssim", "ms_ssim_x10")
# Trained on all frames that are not held out; the others on few.
_ON_ALL_FRAMES = ("as_published_all_frames", "repaired_all_frames")
_PUBLISHED = "as_published"
_SHOWN = (_PUBLISHED, "repaired")
_EVALUATIONS = 10
_FRAMES_SHOWN = 3

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
    None,
    f"What to train, among {', '.join(ARMS)}; by default all, but for ms_ssim on "
    f"reduced frames of less than {ms_ssim.MIN_SIDE} pixels.",
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
    1200,
    "Steps of each training; with all other defaults, the generator sees each frame 50 "
    "times; in the published example, 27 times.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "train_frames",
    24,
    "Frames to train on, at equal distances through the set.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "validation_frames",
    48,
    "Frames to validate on, from the same set: those of the learning curves.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "test_frames",
    96,
    "Most frames to test on: those of the table.",
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
flags.DEFINE_list(
    "seeds",
    ["0", "1", "2"],
    "Seeds, with each of which all is trained, in 20 to 25 minutes on two cores.",
    flag_values=FLAGS,
)


class Run(NamedTuple):
    """A training: an arm with a seed."""

    arm: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.arm}-seed{self.seed}"


def _flags(run: Run, sets: Sets, workdir: Path) -> list[str]:
    """The command line of a training."""
    every = max(1, FLAGS.steps // _EVALUATIONS)
    height, aspect = sets.crop
    source = "all" if run.arm in _ON_ALL_FRAMES else "train"
    # A flag that is given twice has its last value.
    return (
        ["train", f"--width={FLAGS.width}", f"--seed={run.seed}"]
        + [f"--patchsize={height}", f"--patch_aspect={aspect}"]
        + [*ARMS[run.arm], f"--last_step={FLAGS.steps}", f"--validate_every={every}"]
        + [f"--validation_images={FLAGS.validation_frames}", f"--sample_every={every}"]
        + [f"--train_glob={sets.pattern(source)}"]
        + [f"--validation_glob={sets.pattern('validation')}"]
        + [f"--workdir={workdir}"]
    )


class _Coded(NamedTuple):
    """What a model makes of a set of frames, means over them.

    Attributes:
      mse: on the 0..255 scale.
      bpp: information content of the codes under the range coder's tables.
      file_bpp: of the whole files.
      codes: the centres that were used.
    """

    mse: float
    bpp: float
    file_bpp: float
    codes: list[int]

    @classmethod
    def by(cls, codec: GanCodec, files: Sequence[Path]) -> _Coded:
        rows, used = [], set()
        for file in files:
            rgb, saliency = _frame(file)
            coded = codec.encode(rgb, saliency)
            error = metrics.mse(rgb, coded.reconstruction)
            rows.append((error, coded.information_bits / saliency.size, coded.bpp))
            used.update(coded.latents.astype(int).flat)
        return cls(*np.mean(rows, axis=0), sorted(used))


def _row(run: Run, codec: GanCodec, workdir: Path, sets: Sets) -> dict:
    """What is in the table of a training; of the exported step."""
    steps = metrics_file.read_rows(workdir / "metrics.csv")
    norms = [row["encoder_gradient_norm"] for row in steps]
    on_train, on_test = (_Coded.by(codec, files) for files in (sets.train, sets.test))
    return {
        "arm": run.arm,
        "seed": run.seed,
        "step": codec.step,
        "train MSE": on_train.mse,
        "test MSE": on_test.mse,
        "gap dB": _gap(on_train.mse, on_test.mse),
        "encoder gradient norm": np.mean(norms),
        "codes": " ".join(map(str, on_test.codes)),
        "bpp": on_test.bpp,
        "file bpp": on_test.file_bpp,
        "bound bpp": rate_bound(codec.config),
    }


def _gap(train_mse: float, test_mse: float) -> float:
    return float(10 * np.log10(test_mse / train_mse))


def _over_seeds(rows: list[dict]) -> list[dict]:
    """A row per arm: means over the seeds, and standard deviations of the errors.

    And, if the published arm is there, whether test error and gap are less, by the
    rule.
    """
    published = {row["seed"]: row for row in rows if row["arm"] == _PUBLISHED}
    found = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        of_arm = [row for row in rows if row["arm"] == arm]
        columns = {
            name: [row[name] for row in of_arm] for name in of_arm[0] if name != "seed"
        }
        codes = set(" ".join(columns.pop("codes")).split())
        mean = {"arm": columns.pop("arm")[0], "seeds": len(of_arm)}
        for name, values in columns.items():
            mean[name] = float(np.mean(values))
            if name in ("train MSE", "test MSE", "gap dB"):
                several = len(values) > 1
                mean[f"{name} sd"] = np.std(values, ddof=1) if several else np.nan
        if published:
            for name in ("test MSE", "gap dB"):
                change = [row[name] - published[row["seed"]][name] for row in of_arm]
                mean[f"{name} less"] = "" if arm == _PUBLISHED else _is_less(change)
        found.append({**mean, "codes": " ".join(sorted(codes, key=int))})
    return found


def _is_less(changes: list[float]) -> str:
    """Whether changes, one per seed, are a decrease by the rule; not of one seed."""
    if len(changes) < 2:
        return ""
    error = np.std(changes, ddof=1) / np.sqrt(len(changes))
    return "yes" if max(changes) < 0 and -np.mean(changes) > 2 * error else "no"


def _frame(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """RGB uint8 [H, W, 3] and the map float32 [H, W] in 0..1, of the evaluated part."""
    frame = evaluation.whole(frame_files.read(str(path), (1, 1), needs_map=True))
    return frame[..., :3], frame[..., 3].astype(np.float32) / 255


def _mean_colour_mse(files: Sequence[Path]) -> float:
    """The error of the mean colour of each frame: how much there is to explain."""
    return float(np.mean([_frame(f)[0].var(axis=(0, 1)).mean() for f in files]))


def _curves(workdirs: dict[Run, Path]) -> list[dict]:
    """A row per training and evaluation: errors, MS-SSIM and entropy of both sets."""
    return [
        {**run._asdict(), **row}
        for run, workdir in workdirs.items()
        for row in evaluation.history(workdir)
    ]


def _draw_curves(path: Path, workdirs: dict[Run, Path]) -> None:
    """Squared error against steps, an axis per arm, a pair of lines per seed."""
    from matplotlib import ticker

    arms = list(dict.fromkeys(run.arm for run in workdirs))
    columns = min(5, len(arms))
    rows = -(-len(arms) // columns)
    figure = figures.new(3.2 * columns, 2.6 * rows + 0.4)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axis in grid.flat:
        axis.set_axis_off()
    for axis, arm in zip(grid.flat, arms):
        axis.set_axis_on()
        axis.set_title(arm.replace("_", " "), fontsize=10)
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
        axis.yaxis.set_minor_formatter(ticker.NullFormatter())
        axis.grid(alpha=0.3, which="both")
    axes = dict(zip(arms, grid.flat))
    first = next(iter(workdirs))
    for run, workdir in workdirs.items():
        history = evaluation.history(workdir)
        steps = [row["step"] for row in history]
        for column, style, label in (
            ("train_mse", "C0--", "training frames"),
            ("held_out_mse", "C1-", "validation frames"),
        ):
            axes[run.arm].plot(
                steps,
                [row[column] for row in history],
                style,
                linewidth=1.2,
                label=label if run == first else None,
            )
    axes[first.arm].legend(fontsize=8)
    figure.supxlabel("steps; a pair of lines per seed")
    figure.supylabel("MSE [8-bit levels²]")
    figures.write(path, figure)


def _draw_pairs(
    path: Path, title: str, shown: Sequence[Path], codecs: dict[str, GanCodec]
) -> None:
    """Original and reconstructions, a row per frame, a column per arm."""
    figure = figures.new(4.2 * (1 + len(codecs)), 2.4 * len(shown) + 0.5)
    axes = figure.subplots(len(shown), 1 + len(codecs), squeeze=False)
    for file, row in zip(shown, axes):
        rgb, saliency = _frame(file)
        row[0].imshow(rgb)
        row[0].set_title("original", fontsize=10)
        for (arm, codec), axis in zip(codecs.items(), row[1:]):
            decoded = codec.encode(rgb, saliency).reconstruction
            axis.imshow(decoded)
            psnr = metrics.psnr(rgb, decoded)
            axis.set_title(f"{arm.replace('_', ' ')}: {psnr:.1f} dB", fontsize=10)
        for axis in row:
            axis.set_axis_off()
    figure.suptitle(f"{title}. Left: original, right: reconstructions.")
    figures.write(path, figure)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.data:
        raise InputError("--data is needed: a folder of RGBA frames")
    if FLAGS.arms == []:
        raise InputError("--arms names none")
    for arm in FLAGS.arms or ():
        if arm not in ARMS:
            raise InputError(f"--arms: {arm!r} is none of {', '.join(ARMS)}")
    seeds = cli.numbers(FLAGS, "seeds", int)
    output = folders.make("output_dir", FLAGS.output_dir)
    runs = folders.make("runs_dir", FLAGS.runs_dir)
    sets = reduced_frames.prepare(
        FLAGS.data,
        runs,
        FLAGS.reduction,
        FLAGS.train_frames,
        FLAGS.validation_frames,
        FLAGS.test_frames,
    )
    small = sets.crop[0] < ms_ssim.MIN_SIDE
    arms = FLAGS.arms or [a for a in ARMS if not (small and a in _ON_LARGE_FRAMES)]
    workdirs = {
        run: runs / run.name for run in (Run(a, s) for s in seeds for a in arms)
    }
    for run, workdir in workdirs.items():  # finds mistakes before any training
        cli.parse(train.FLAGS, _flags(run, sets, workdir), train.__doc__)
        config_flags.from_flags(train.FLAGS, presets=GAN)
    rows, codecs = [], {}
    for run, workdir in workdirs.items():
        logging.info("training %s", run.name)
        train.main(_flags(run, sets, workdir))
        tf.keras.backend.clear_session()
        exported = GanCodec.load(workdir)
        rows.append(_row(run, exported, workdir, sets))
        if run.arm in _SHOWN:
            codecs.setdefault(run.arm, exported)  # of the first seed
    results_files.write_csv(output / "runs.csv", rows)
    table = _over_seeds(rows)
    results_files.write_csv(output / "table.csv", table)
    results_files.write_csv(output / "curves.csv", _curves(workdirs))
    _draw_curves(output / "curves.png", workdirs)
    for name, title, paths in (
        ("training_set", "Training set", sets.train),
        ("test_set", "Test set", sets.test),
    ):
        if codecs:
            _draw_pairs(output / f"{name}.png", title, paths[:_FRAMES_SHOWN], codecs)
    colours = [_mean_colour_mse(files) for files in (sets.train, sets.test)]
    write_record(
        output / "record.json",
        "gan_overfitting",
        argv,
        seeds=seeds,
        steps=FLAGS.steps,
        width=FLAGS.width,
        train_frames=len(sets.train),
        validation_frames=FLAGS.validation_frames,
        test_frames=len(sets.test),
        crop=f"{sets.crop[0] * sets.crop[1]}x{sets.crop[0]}",
        mean_colour={
            "train MSE": colours[0],
            "test MSE": colours[1],
            "gap dB": _gap(*colours),
        },
        arms={arm: list(ARMS[arm]) for arm in arms},
    )
    for row in table:
        print(
            "{arm:26}{train MSE:10.1f}{test MSE:10.1f}{gap dB:8.2f} dB  gradient "
            "{encoder gradient norm:<10.3g}{codes:12}{bpp:8.4f} bpp".format(**row)
        )
    print(f"tables and figures are in {output}")


if __name__ == "__main__":
    cli.run(main)
