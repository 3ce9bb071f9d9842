"""Both arms of the 2019 experiment: trained from one model, and compared on files."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging

from experiments import windows
from salcomp.codec import encoders, files
from salcomp.codec.codec import Codec
from salcomp.config.config import CODEC
from salcomp.data import frame_files, frames
from salcomp.errors import InputError
from salcomp.files import disk, figures, images, map_sources
from salcomp.files.results import write_csv
from salcomp.metrics import quality as metrics
from salcomp.training import run
from salcomp.zoo import exported

# What is trained: whether it is told where people look.
_ARMS = {"baseline": False, "saliency": True}
_COLUMNS = ("lambda", "mean weight", "effective lambda", "bpp", "PSNR", "EWPSNR")
_ZOOM = (64, 96)  # rows and columns of the crop that the figure enlarges


class Plan(NamedTuple):
    """What both arms are trained on, and how.

    Attributes:
      data: pattern of RGBA PNGs; None for built-in scenes.
      start: model that both start from, as `--init_from` of salcomp.train takes it.
      preset: of the trainings.
      steps: of each arm.
      lmbda: of both, in bit per pixel per squared 8-bit level.
      saliency_floor: smallest weight of the saliency arm, 0..1.
      num_scenes: built-in scenes to train on.
      seed: of both trainings.
    """

    data: str | None
    start: str
    preset: str
    steps: int
    lmbda: float
    saliency_floor: float
    num_scenes: int
    seed: int


def show(plan: Plan, figure_frame: int, output: Path) -> list[str]:
    """Trains both arms, and compares them on frames that neither has seen.

    Writes the runs, the files, `table.csv` and `figure.png`, and prints the table.

    Args:
      plan: of the trainings.
      figure_frame: which held-out frame the figure shows.
      output: folder to write to.

    Returns:
      The names of the held-out frames.

    Raises:
      InputError: frames or model cannot be used.
    """
    _train(plan, output)
    sources = _held_out(plan.data, output)
    found = {arm: _measure(output, arm, sources) for arm in _ARMS}
    _write_table(output / "table.csv", {arm: f["means"] for arm, f in found.items()})
    chosen = figure_frame % len(sources)
    caption = (
        f"{sources[chosen].name}, held out; both arms: lambda {plan.lmbda}, "
        f"{plan.steps} steps from {plan.start}, seed {plan.seed}. EWPSNR is weighted "
        "by the map shown; yellow: its most salient window, enlarged below."
    )
    arms = {arm: f["decoded"][chosen] for arm, f in found.items()}
    _draw(output / "figure.png", sources[chosen], arms, caption)
    return [path.name for path in sources]


def check_maps(data: str) -> None:
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


def _train(plan: Plan, output: Path) -> None:
    """Trains the arms on the same frames, of the size that the start has."""
    start = exported.load(plan.start).model.config
    configs = {
        arm: CODEC.make(
            plan.preset,
            num_filters=start.num_filters,
            lmbda=plan.lmbda,
            seed=plan.seed,
            condition_encoder=saliency,
            weight_distortion=saliency,
            saliency_floor=plan.saliency_floor,
            last_step=plan.steps,
        )
        for arm, saliency in _ARMS.items()
    }
    any_of_them = configs["saliency"]
    training, held_out = frames.split(
        plan.data, plan.num_scenes, True, any_of_them.crop, any_of_them.smallest_frame
    )
    for arm, config in configs.items():
        logging.info("training the %s arm", arm)
        run.train(config, training, held_out, output / arm, run.Start(plan.start))


def _held_out(data: str | None, output: Path) -> list[Path]:
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
    columns = [("original", image.rgb), ("saliency map", image.alpha)]
    for arm, (x_hat, values) in arms.items():
        title = (
            f"{arm}: {values['bpp']:.3f} bit/pixel\n"
            f"PSNR {values['PSNR']:.2f} dB, EWPSNR {values['EWPSNR']:.2f} dB"
        )
        columns.append((title, x_hat))
    figure = figures.new(16, 5.4)
    windows.enlarge(figure, columns, image.alpha, _ZOOM, (3, 4))
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
