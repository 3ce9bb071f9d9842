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
from typing import NamedTuple

import numpy as np
from absl import flags, logging
from tqdm import tqdm

from experiments import checkerboard, windows
from experiments.record import write_record
from salcomp import (
    bd_rate,
    cli,
    figures,
    folders,
    frame_files,
    frames,
    images,
    metrics,
    rd_figure,
    receptive_field,
    results_files,
    train,
)
from salcomp.codec import Codec
from salcomp.config import PRESETS, Config
from salcomp.errors import InputError
from salcomp.ms_ssim import ms_ssim, similarity_db

_ANCHOR = "plain"
_QUALITIES = ("psnr-rgb", "ms-ssim-rgb-db")
_ZOOM = (64, 96)  # rows and columns of the crop that the figure enlarges
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
    2000,
    "Steps of each training; with four lambdas and one seed all take a quarter of an "
    "hour on two cores.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "lambda",
    ["0.003", "0.01", "0.03", "0.1"],
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
        scenes = frames.held_out_scenes(Config(preset="cpu", **PRESETS["cpu"]))
        found = {f"scene {i}": scenes[i][..., :3] for i in range(len(scenes))}
    for name, rgb in found.items():
        try:
            checkerboard.check_size(*rgb.shape[:2])
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    return found


class Run(NamedTuple):
    """A training."""

    arm: str
    seed: int
    lmbda: float

    @property
    def folder(self) -> Path:
        name = f"{self.arm}-{self.lmbda:g}-seed{self.seed}"
        return Path(FLAGS.runs_dir).expanduser() / name


def _train(run: Run, data: str | None) -> None:
    argv = [
        "train",
        f"--preset={FLAGS.preset}",
        "--nosaliency",
        f"--lambda={run.lmbda}",
        f"--last_step={FLAGS.steps}",
        f"--seed={run.seed}",
        f"--num_scenes={FLAGS.num_scenes}",
        f"--workdir={run.folder}",
    ]
    argv += [f"--train_glob={data}"] if data else []
    if run.arm != _ANCHOR:
        argv += [f"--dilation_rates={','.join(FLAGS.dilation_rates)}"]
    logging.info("training %s", run.folder)
    train.main(argv)


class _Measured:
    """What one model makes of the held-out frames.

    Attributes:
      config: of the model.
      rows: bpp of the file and the metrics, by name, for each frame.
      decoded: reconstructions, uint8 [H, W, 3].
      spectra: of their errors, as of `checkerboard.power_spectrum`.
    """

    def __init__(self, folder: Path, held_out: dict[str, np.ndarray]):
        codec = Codec.load(folder)
        self.config = codec.config
        self.rows, self.decoded, self.spectra = [], [], []
        for rgb in tqdm(held_out.values(), folder.name, disable=None, leave=False):
            encoded = codec.encode(rgb, np.ones(rgb.shape[:2], np.float32))
            x_hat = codec.decode(encoded.data)
            self.rows.append(
                {
                    "bpp": 8 * len(encoded.data) / (rgb.size // 3),
                    "psnr-rgb": metrics.psnr(rgb, x_hat),
                    "ms-ssim-rgb-db": similarity_db(ms_ssim(rgb, x_hat)),
                }
            )
            self.decoded.append(x_hat)
            error = x_hat.astype(np.float64) - rgb
            self.spectra.append(checkerboard.power_spectrum(error))

    def column(self, name: str) -> np.ndarray:
        """A value of each frame, [frames]."""
        return np.array([row[name] for row in self.rows])

    @property
    def grid(self) -> float:
        """`checkerboard.grid_ratio` over all frames."""
        return checkerboard.grid_ratio(self.spectra)

    def summary(self) -> dict[str, float]:
        """A row of the table."""
        return {
            "receptive field": receptive_field.of_latent(self.config.dilation_rates),
            **{name: float(self.column(name).mean()) for name in self.rows[0]},
            "checkerboard": self.grid,
        }


def _table(seeds: list[list[_Measured]], name: str) -> np.ndarray:
    """A value of each frame, mean over the seeds, [lambdas, frames]."""
    columns = [[model.column(name) for model in models] for models in seeds]
    return np.mean(columns, axis=0)


def _bd_rates(plain: list, dilated: list) -> dict[str, dict | None]:
    """BD-rates in percent of the dilated codec, per quality.

    Args:
      plain, dilated: a list of models, by rising lambda, per seed.

    Returns:
      The rate of the means over the seeds, with its interval over frames, and the rate
      with each seed by itself; None where there are none, as of curves of fewer than
      four points.
    """
    found = {}
    for quality in _QUALITIES:

        def compare(*arms, resamples: int, quality=quality):
            tables = [_table(arm, name) for arm in arms for name in ("bpp", quality)]
            return bd_rate.compare(*tables, resamples).rate

        try:
            rate = compare(plain, dilated, resamples=_RESAMPLES)
            per_seed = [
                compare([one], [other], resamples=1).value
                for one, other in zip(plain, dilated)
            ]
        except InputError as error:
            logging.info("no BD-rate in %s: %s", quality, error)
            found[quality] = None
            continue
        found[quality] = {
            name: value if np.isfinite(value) else None
            for name, value in rate._asdict().items()
        }
        found[quality]["per seed"] = per_seed
        print(
            f"BD-rate in {quality}: {rate.value:+.2f} % [{rate.low:+.2f}, "
            f"{rate.high:+.2f}]; per seed {', '.join(f'{v:+.2f}' for v in per_seed)}"
        )
    return found


def _draw(path: Path, original: np.ndarray, shown: dict, index: int) -> None:
    """Original, plain and dilated; below, a window of each, and the error's spectra."""
    pictures = {"original": (original, None)}
    for arm, one in shown.items():
        row = one.rows[index]
        title = (
            f"{arm}: {row['bpp']:.3f} bit/pixel, PSNR {row['psnr-rgb']:.2f} dB\n"
            f"checkerboard {one.grid:.2f}"
        )
        pictures[title] = one.decoded[index], one
    errors = [(one.decoded[index].astype(float) - original) for one in shown.values()]
    top, left = windows.heaviest(np.square(errors).sum((0, 3)), *_ZOOM)
    window = np.s_[top : top + _ZOOM[0], left : left + _ZOOM[1]]
    figure = figures.new(14, 10)
    axes = figure.subplots(3, len(pictures), height_ratios=(2, 3, 3))
    spectra = [_log_mean(one, index) for one in shown.values()]
    limits = {"vmin": np.min(spectra), "vmax": np.max(spectra)}
    for (title, (picture, one)), column in zip(pictures.items(), axes.T):
        column[0].imshow(picture, interpolation="nearest")
        column[0].set_title(title, fontsize=11)
        column[1].imshow(picture[window], interpolation="nearest")
        for axis in column:
            axis.set_axis_off()
        if one is not None:
            extent = (-0.5, 0.5, 0.5, -0.5)
            column[2].imshow(_log_mean(one, index), extent=extent, **limits)
            column[2].set_title("spectrum of the error", fontsize=10)
    config = next(iter(shown.values())).config
    figure.supxlabel(
        f"A held-out frame at lambda {config.lmbda:g}, {FLAGS.steps} steps, seed "
        f"{config.seed}, and its window of the largest error of both. The spectra, in\n"
        "dB, are means over the held-out frames, from -1/2 to 1/2 cycle per pixel. "
        "Checkerboard: power at the harmonics of the 16-pixel grid over that beside.",
        fontsize=9,
    )
    figures.write(path, figure)


def _log_mean(one: _Measured, index: int) -> np.ndarray:
    """Mean spectrum of the errors of all frames of one frame's size, in dB."""
    shape = one.spectra[index].shape
    mean = np.mean([s for s in one.spectra if s.shape == shape], axis=0)
    return 10 * np.log10(np.fft.fftshift(mean) + np.finfo(float).tiny)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    lambdas = sorted(set(cli.numbers(FLAGS, "lambda")))
    seeds = cli.numbers(FLAGS, "seeds", int)
    if not FLAGS.dilation_rates:
        raise InputError("--dilation_rates names no layer to compare the codec with")
    data = FLAGS.data
    if data and Path(data).is_dir():
        data = str(Path(data) / "*.png")
    held_out = _held_out(data)
    output = folders.make("output_dir", FLAGS.output_dir)
    arms = _ANCHOR, "dilated"
    runs = [Run(a, s, lmbda) for s in seeds for a in arms for lmbda in lambdas]
    for run in runs:
        _train(run, data)
    models = {run: _Measured(run.folder, held_out) for run in runs}
    rows = [
        {"arm": run.arm, "seed": run.seed, "lambda": run.lmbda, **model.summary()}
        for run, model in models.items()
    ]
    results_files.write_csv(output / "table.csv", rows)
    print("".join(f"{name:>16}" for name in rows[0]))
    for row in rows:
        print(f"{row['arm']:>16}" + "".join(f"{v:16.5g}" for v in [*row.values()][1:]))
    curves = {
        a: [[models[Run(a, s, lmbda)] for lmbda in lambdas] for s in seeds]
        for a in arms
    }
    points = {
        arm: tuple(_table(curve, name).mean(axis=1) for name in ("bpp", "psnr-rgb"))
        for arm, curve in curves.items()
    }
    title = f"{len(held_out)} held-out frames, {FLAGS.steps} steps"
    rd_figure.draw(
        output / "psnr-rgb.png", points, rd_figure.AXIS_LABELS["psnr-rgb"], title
    )
    index = FLAGS.figure_frame % len(held_out)
    middle = lambdas[len(lambdas) // 2]
    shown = {arm: models[Run(arm, seeds[0], middle)] for arm in arms}
    _draw(output / "figure.png", list(held_out.values())[index], shown, index)
    write_record(
        output / "record.json",
        "dilation",
        argv,
        seeds=seeds,
        steps=FLAGS.steps,
        data=FLAGS.data or f"{FLAGS.num_scenes} built-in scenes",
        held_out=list(held_out),
        bd_rate_percent=_bd_rates(*curves.values()),
    )
    print(f"tables and figures are in {output}")


if __name__ == "__main__":
    cli.run(main)
