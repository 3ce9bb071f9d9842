"""What dilated layers do to the codec: rate, quality, and the pattern of the grid.

The 2019 write-up put dilated convolutions into the codec to widen its receptive field,
and found that they "seemed to hurt performance overall and introduce checkered
artifacts". Trains the plain and the dilated baseline for equally many steps at each of
a series of lambdas, with the same frames, crops and seeds; codes held-out frames with
all; writes a table, BD-rates, a rate-distortion figure, and the write-up's picture
with the spectrum of the error beneath. The same command goes on where a stopped one
was.

    python -m experiments.dilation                     on built-in drawn scenes
    python -m experiments.dilation --data='DIR/*.png'  on PNGs
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from absl import flags, logging

from experiments.dilation import checkerboard, figures
from experiments.dilation.runs import Measured, Training
from experiments.record import write_record
from salcomp import cli
from salcomp.config.config import CODEC, Config
from salcomp.data import frame_files, frames
from salcomp.errors import InputError
from salcomp.evaluation import rd_figure
from salcomp.files import disk, images
from salcomp.files import results as results_files
from salcomp.metrics import bd_rate
from salcomp.training import run

_ANCHOR = "plain"
_QUALITIES = ("psnr-rgb", "ms-ssim-rgb-db")
_RESAMPLES = 1000  # draws behind the intervals of the BD-rates

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "data",
    None,
    "Pattern or folder of PNGs, a tenth of which is held out; built-in scenes by "
    "default.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output_dir",
    "results/dilation",
    "Folder for the tables and figures.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "runs_dir",
    "runs/dilation",
    "Folder of the trainings' folders.",
    flag_values=FLAGS,
)
flags.DEFINE_string("preset", "cpu", "Preset of the trainings.", flag_values=FLAGS)
flags.DEFINE_list(
    "dilation_rates",
    ["2", "4"],
    "Rates of the dilated layers; the 2019 write-up does not give its own.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "steps",
    6000,
    "Steps of each training; with four lambdas and one seed all take about half an "
    "hour on two cores.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "lambda",
    ["0.0005", "0.001", "0.002", "0.004"],
    "Lambdas, in bit per pixel per squared 8-bit level, at which both are trained; a "
    "BD-rate needs four.",
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "seeds", ["0"], "Seeds, with each of which all is trained.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "num_scenes", 96, "Built-in scenes to train on.", lower_bound=1, flag_values=FLAGS
)
flags.DEFINE_integer(
    "figure_frame",
    0,
    "Which held-out frame the figure shows; the first by default.",
    lower_bound=0,
    flag_values=FLAGS,
)


def _held_out(data: str | None) -> dict[str, np.ndarray]:
    """Frames that no training sees, uint8 [H, W, 3], by name."""
    if data:
        paths = map(Path, frame_files.split(frame_files.find(data))[1])
        found = {path.name: images.read_image(path).rgb for path in paths}
    else:
        scenes = frames.held_out_scenes()
        found = {f"scene {i}": scenes[i][..., :3] for i in range(len(scenes))}
    for name, rgb in found.items():
        try:
            checkerboard.check_size(*rgb.shape[:2])
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    return found


def _config(training: Training) -> Config:
    """What a training computes."""
    changes = dict(lmbda=training.lmbda, seed=training.seed, last_step=FLAGS.steps)
    changes.update(condition_encoder=False, weight_distortion=False)
    if training.arm != _ANCHOR:
        changes["dilation_rates"] = tuple(cli.numbers(FLAGS, "dilation_rates", int))
    return CODEC.make(FLAGS.preset, **changes)


def _table(seeds: list[list[Measured]], name: str) -> np.ndarray:
    """A value of each frame, mean over the seeds, [lambdas, frames]."""
    return np.mean([[one.column(name) for one in models] for models in seeds], axis=0)


def _deltas(quality: str, plain: list, dilated: list) -> dict[str, object]:
    """Bjontegaard deltas of the dilated codec.

    Args:
      quality: name of the measure.
      plain, dilated: a list of models, by rising lambda, per seed.

    Returns:
      Of the means over the seeds, the BD-rate in percent with its interval over
      frames, and the BD-quality in dB; and the latter with each seed by itself. None
      where there is none, as of curves of fewer than four points, or apart from each
      other.
    """
    names = ("bpp", quality)

    def rate():
        tables = [_table(arm, name) for arm in (plain, dilated) for name in names]
        found = bd_rate.compare(*tables, _RESAMPLES).rate
        values = found._asdict().items()
        return {name: value if np.isfinite(value) else None for name, value in values}

    def gain(*arms):
        means = [_table(arm, name).mean(axis=1) for arm in arms for name in names]
        return bd_rate.bd_quality(*means)

    pairs = zip(plain, dilated)
    return {
        "rate percent": _or_none(rate),
        "quality dB": _or_none(gain, plain, dilated),
        "quality dB per seed": [_or_none(gain, [a], [b]) for a, b in pairs],
    }


def _or_none(delta, *arms):
    """What a delta gives, or None, with the reason in the log."""
    try:
        return delta(*arms)
    except InputError as error:
        logging.info("no delta: %s", error)
        return None


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    lambdas = sorted(set(cli.numbers(FLAGS, "lambda")))
    seeds = cli.numbers(FLAGS, "seeds", int)
    if not FLAGS.dilation_rates:
        raise InputError("--dilation_rates names no layer to compare the codec with")
    data = FLAGS.data
    if data and Path(data).expanduser().is_dir():
        data = str(Path(data) / "*.png")
    held_out = _held_out(data)
    arms = _ANCHOR, "dilated"
    folder = Path(FLAGS.runs_dir).expanduser()
    runs = [Training(folder, a, s, lm) for s in seeds for a in arms for lm in lambdas]
    configs = {one: _config(one) for one in runs}  # finds mistakes before training
    output = disk.make_folder("output_dir", FLAGS.output_dir)
    first = configs[runs[0]]
    sets = frames.split(data, FLAGS.num_scenes, False, first.crop, first.smallest_frame)
    for one, config in configs.items():
        logging.info("training %s", one.workdir)
        run.train(config, *sets, one.workdir)
    models = {one: Measured(one.workdir, held_out) for one in runs}
    rows = [
        {"arm": one.arm, "seed": one.seed, "lambda": one.lmbda, **model.summary()}
        for one, model in models.items()
    ]
    results_files.write_csv(output / "table.csv", rows)
    print("".join(f"{name:>16}" for name in rows[0]))
    for row in rows:
        print(f"{row['arm']:>16}" + "".join(f"{v:16.5g}" for v in [*row.values()][1:]))
    curves = {
        a: [[models[Training(folder, a, s, lm)] for lm in lambdas] for s in seeds]
        for a in arms
    }
    points = {
        arm: tuple(_table(curve, name).mean(axis=1) for name in ("bpp", "psnr-rgb"))
        for arm, curve in curves.items()
    }
    title = f"{len(held_out)} held-out frames, {FLAGS.steps} steps"
    rd_figure.draw(output / "psnr-rgb.png", points, "psnr-rgb", title)
    figures.draw_training(output / "training.png", runs)
    index = FLAGS.figure_frame % len(held_out)
    middle = lambdas[len(lambdas) // 2]
    shown = {arm: models[Training(folder, arm, seeds[0], middle)] for arm in arms}
    original = list(held_out.values())[index]
    figures.draw_frame(output / "figure.png", original, shown, index)
    deltas = {quality: _deltas(quality, *curves.values()) for quality in _QUALITIES}
    print(*(f"{quality}: {found}" for quality, found in deltas.items()), sep="\n")
    found = {"seeds": seeds, "steps": FLAGS.steps}
    found["data"] = FLAGS.data or f"{FLAGS.num_scenes} built-in scenes"
    found |= {"held_out": list(held_out), "bjontegaard": deltas}
    write_record(output / "record.json", "dilation", argv, **found)
    print(f"tables and figures are in {output}")


if __name__ == "__main__":
    cli.run(main)
