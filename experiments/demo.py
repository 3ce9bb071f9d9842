"""The method at work in minutes: what telling the encoder where people look changes.

Trains a baseline; from it as common start, with the same frames, steps, seed and
schedule, a baseline arm and a saliency arm; compresses held-out frames to files and
back with both; prints a table and draws a figure.

    python -m experiments.demo                     on built-in drawn scenes
    python -m experiments.demo --data='DIR/*.png'  on RGBA PNGs, the map as alpha
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from absl import logging

from experiments import windows
from experiments.record import write_record
from salcomp import cli
from salcomp.codec import encoders, files
from salcomp.codec.codec import Codec
from salcomp.config.config import CODEC, Config
from salcomp.data import frame_files, frames
from salcomp.errors import InputError
from salcomp.files import disk, figures, images, map_sources, saliency_maps
from salcomp.files.results import write_csv
from salcomp.flags import Flags
from salcomp.metrics import quality as metrics
from salcomp.training import run

# What is trained: whether it is told where people look.
_ARMS = {"baseline": False, "saliency": True}
_COLUMNS = ("lambda", "mean weight", "effective lambda", "bpp", "PSNR", "EWPSNR")
_ZOOM = (64, 96)  # rows and columns of the crop that the figure enlarges

FLAGS = Flags()
FLAGS.string(
    "data",
    None,
    "Pattern or folder of RGBA PNGs, the saliency map as alpha; built-in scenes by "
    "default.",
)
FLAGS.string("output_dir", "demo", "Folder for the runs, files and figure.")
FLAGS.string("preset", "cpu", "Preset of the three trainings.")
FLAGS.integer("start_steps", 1500, "Steps of the common start.", lower_bound=1)
FLAGS.integer("arm_steps", 1000, "Steps of each arm.", lower_bound=1)
FLAGS.float("lambda", 0.01, "Lambda of both arms.")
FLAGS.float(
    "saliency_floor",
    0.1,
    "Smallest weight of the saliency arm, 0 to 1; the preset's 0.1.",
)
FLAGS.integer("num_scenes", 96, "Built-in scenes to train on.", lower_bound=2)
FLAGS.integer("seed", 0, "Seed of all trainings.")
FLAGS.integer(
    "figure_frame",
    0,
    "Which held-out frame the figure shows; the first by default.",
    lower_bound=0,
)


def _check_maps(data: str) -> None:
    """Makes sure, before anything is trained, that every frame has a map."""
    paths = [Path(path) for path in frame_files.find(data)]
    for path in paths:
        if images.read_image(path).alpha is None:
            raise InputError(
                f"{path} has no saliency map in its alpha channel, which both arms "
                "are measured with; pack one into it"
            )
    if len({path.stem for path in paths}) < len(paths):
        raise InputError(f"--data={data}: two frames have the same name; rename one")


def _train(output: Path, data: str | None) -> None:
    """Trains the common start, then the arms, on the same frames."""
    common = dict(lmbda=FLAGS["lambda"].value, seed=FLAGS.seed)

    def config(saliency: bool, steps: int) -> Config:
        map_use = dict(condition_encoder=saliency, weight_distortion=saliency)
        map_use["saliency_floor"] = FLAGS.saliency_floor
        return CODEC.make(FLAGS.preset, **common, **map_use, last_step=steps)

    first = config(False, FLAGS.start_steps)
    training, held_out = frames.split(
        data, FLAGS.num_scenes, True, first.crop, first.smallest_frame
    )
    run.train(first, training, held_out, output / "start")
    start = run.Start(str(output / "start"))
    for arm, saliency in _ARMS.items():
        logging.info("training the %s arm", arm)
        arm_config = config(saliency, FLAGS.arm_steps)
        run.train(arm_config, training, held_out, output / arm, start)


def _held_out(output: Path, data: str | None) -> list[Path]:
    """Files of the frames that no training saw; scenes are written as PNGs."""
    if data:
        return [Path(path) for path in frame_files.split(frame_files.find(data))[1]]
    folder = output / "held_out"
    folder.mkdir(exist_ok=True)
    scenes = frames.held_out_scenes()
    for i in range(len(scenes)):
        images.write_png(folder / f"scene{i:02}.png", scenes[i])
    return sorted(folder.glob("scene*.png"))


def _measure(output: Path, arm: str, sources: list[Path]) -> dict[str, object]:
    """Compresses and decompresses the frames; means of the metrics, and the images."""
    codec = Codec.load(output / arm)
    folder = output / arm / "held_out"
    disk.make_folder("output_dir", folder)
    jobs = [files.Job(path, folder / f"{path.stem}.salc") for path in sources]
    maps = map_sources.from_spec("auto")
    files.compress_files(encoders.Plain(codec), jobs, maps)
    other = Codec.load(output / arm)  # has seen neither images nor maps
    back = [files.Job(job.output, job.output.with_suffix(".png")) for job in jobs]
    files.decompress_files(lambda fingerprint: other, back)
    rows, decoded = [], []
    for path in sources:
        image = images.read_image(path)
        saliency = image.alpha.astype(np.float32) / 255
        x_hat = images.read_image(folder / f"{path.stem}.png").rgb
        error = np.mean((image.rgb - x_hat.astype(np.float64)) ** 2, axis=2)
        weight = codec.loss_weight(saliency)
        size = (folder / f"{path.stem}.salc").stat().st_size
        effective = codec.config.lmbda * (weight * error).mean() / error.mean()
        row = [codec.config.lmbda, weight.mean(), effective, 8 * size / saliency.size]
        row.append(metrics.psnr(image.rgb, x_hat))
        row.append(metrics.ewpsnr(image.rgb, x_hat, saliency))
        rows.append(row)
        decoded.append((x_hat, dict(zip(_COLUMNS, row))))
    return {"means": np.mean(rows, axis=0), "decoded": decoded}


def _draw(path: Path, source: Path, arms: dict, caption: str) -> None:
    """Original, map, and both arms; below, the most salient crop of each."""
    image = images.read_image(source)
    shown = {"original": image.rgb, "saliency map": image.alpha}
    for arm, (x_hat, values) in arms.items():
        title = (
            f"{arm}: {values['bpp']:.3f} bit/pixel\n"
            f"PSNR {values['PSNR']:.2f} dB, EWPSNR {values['EWPSNR']:.2f} dB"
        )
        shown[title] = x_hat
    top, left = saliency_maps.heaviest(image.alpha, *_ZOOM)
    window = np.s_[top : top + _ZOOM[0], left : left + _ZOOM[1]]
    figure = figures.new(16, 5.4)
    axes = figure.subplots(2, 4, height_ratios=(3, 4))
    for (title, picture), (upper, lower) in zip(shown.items(), axes.T):
        windows.show(upper, picture)
        upper.set_title(title, fontsize=11)
        windows.outline(upper, top, left, *_ZOOM)
        windows.show(lower, picture[window])
        for axis in (upper, lower):
            axis.set_axis_off()
    figure.supxlabel(caption, fontsize=9)
    figures.write(path, figure)


def _write_table(path: Path, means: dict[str, np.ndarray]) -> None:
    rows = [
        {"arm": arm, **{name: f"{v:.6g}" for name, v in zip(_COLUMNS, values)}}
        for arm, values in means.items()
    ]
    write_csv(path, rows)
    print(f"{'arm':10}" + "".join(f"{name:>18}" for name in _COLUMNS))
    for arm, values in means.items():
        print(f"{arm:10}" + "".join(f"{value:18.4f}" for value in values))


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    data = FLAGS.data
    if data and Path(data).is_dir():
        data = str(Path(data) / "*.png")
    output = disk.make_folder("output_dir", FLAGS.output_dir)
    if data:
        _check_maps(data)
    _train(output, data)
    sources = _held_out(output, data)
    found = {arm: _measure(output, arm, sources) for arm in _ARMS}
    _write_table(output / "table.csv", {arm: f["means"] for arm, f in found.items()})
    chosen = FLAGS.figure_frame % len(sources)
    caption = (
        f"{sources[chosen].name}, held out; both arms: lambda {FLAGS['lambda'].value}, "
        f"{FLAGS.start_steps} + {FLAGS.arm_steps} steps, seed {FLAGS.seed}. EWPSNR is "
        "weighted by the map shown; yellow: its most salient window, enlarged below."
    )
    arms = {arm: f["decoded"][chosen] for arm, f in found.items()}
    _draw(output / "figure.png", sources[chosen], arms, caption)
    made_of = FLAGS.data or f"{FLAGS.num_scenes} built-in scenes"
    made = {"seed": FLAGS.seed, "data": made_of, "held_out": [p.name for p in sources]}
    write_record(output / "record.json", "demo", argv, **made)
    print(f"figure, table and files are in {output}")


if __name__ == "__main__":
    cli.run(main)
