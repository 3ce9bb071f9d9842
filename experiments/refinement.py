"""What refinement at encoding time saves: under maps, and under uniform weights.

Compresses images with the latents of the encoder, with latents refined under uniform
weights (the control), and refined under each of some maps; prints the BD-rates of all
against the control, by the map that scores and by PSNR, with intervals over images.
The map that scores should be one that no predictor has seen, such as fixations. It
goes on where it was stopped. `experiments.map_worth` draws the BD-rates over how true
the maps are.

    python -m data_prep.prepare --input_glob=osie/stimuli --width=352 --height=256 \\
        --crop=aspect --predictor=fixations --weights=fixations.mat --output_dir=osie
    python -m experiments.refinement --images='osie/*.png' \\
        --maps=unisal,center,shuffled-unisal
"""

from __future__ import annotations

import csv
import itertools
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments import map_truth
from experiments.record import write_record
from salcomp import cli
from salcomp.codec.codec import Codec
from salcomp.codec.refine import Refinement, Refiner
from salcomp.config.weighting import UNIFORM_SHARE, mixed_weight
from salcomp.errors import InputError
from salcomp.files import disk, images, map_sources
from salcomp.files.results import write_csv
from salcomp.flags import Flags
from salcomp.metrics import bd_rate
from salcomp.metrics import quality as metrics
from salcomp.progress import Progress

_NONE, _UNIFORM, _SHUFFLED = "not refined", "uniform", "shuffled-"
# What the BD-rates are by, and how the table calls it.
_METRICS = {"ewpsnr": "by the map that scores", "psnr": "by PSNR"}
_KEYS = "arm", "model", "image"
_TRUTHS = "information", "expected_log_ratio"
# Flags that rows of one table have in common.
_SETTINGS = "images", "refine_steps", "lambda_factor", "score_saliency", "seed"

FLAGS = Flags()
FLAGS.list(
    "models",
    None,
    "Models, four or more, whose lambdas make the curves: names of models that come "
    "with salcomp, workdirs, or exported folders; by default the shipped baselines.",
)
FLAGS.string("images", None, "Pattern or folder of the images.")
FLAGS.list(
    "maps",
    ["auto"],
    "Maps to refine under, each as --saliency of compress takes it, or after the word "
    "`shuffled-` to give each image the map of another.",
)
FLAGS.string(
    "score_saliency",
    "auto",
    "The map that scores, as --saliency of compress takes it; by default the images' "
    "alpha channel.",
)
FLAGS.integer("refine_steps", 150, "Steps of the refinement.", lower_bound=1)
FLAGS.float(
    "lambda_factor",
    0.6,
    "Of the refinements under maps, on the models' lambdas: since weights let the rate "
    "rise, about so much less reaches the rates of the control.",
)
FLAGS.list(
    "uniform_shares",
    [str(UNIFORM_SHARE)],
    "Shares of uniform in the weights, 0 to 1, to try each with each map; compress's "
    "by default.",
)
FLAGS.integer("seed", 0, "Seed of the refinement.")
FLAGS.integer("resamples", 1000, "Draws of the bootstrap over images.", lower_bound=1)
FLAGS.string("output_dir", "results/refinement", "Folder for the tables.")


class _Arm(NamedTuple):
    """One way of refining, by its name in the table.

    Attributes:
      name: in the table.
      map: one of --maps; None for the map that scores, which has no effect there.
      uniform_share: in the weights.
      lambda_factor: on the model's lambda.
    """

    name: str
    map: str | None
    uniform_share: float
    lambda_factor: float


class _Picture(NamedTuple):
    """An image in memory: its name, uint8 [H, W, 3], and maps, float32 [H, W]."""

    name: str
    rgb: np.ndarray
    score: np.ndarray
    maps: dict[str, np.ndarray]

    def weight(self, arm: _Arm) -> np.ndarray:
        """The weights of an arm, float32 [H, W], of mean 1."""
        if not arm.map:
            return np.ones_like(self.score)
        return mixed_weight(self.maps[arm.map], arm.uniform_share)


def _pictures(paths: list[Path]) -> list[_Picture]:
    """Reads the images and makes their maps."""
    plain = dict.fromkeys(name.removeprefix(_SHUFFLED) for name in FLAGS.maps)
    sources = {name: map_sources.from_spec(name, "maps") for name in plain}
    scorer = map_sources.from_spec(FLAGS.score_saliency, "score_saliency")
    found = []
    for path in Progress(paths, "maps", unit="image"):
        image = images.read_image(path)
        maps = {name: one.of(path, image).saliency for name, one in sources.items()}
        score = scorer.of(path, image).saliency
        found.append(_Picture(path.name, image.rgb, score, maps))
    for name in FLAGS.maps:
        if name.startswith(_SHUFFLED):
            _shuffle(found, name)
    return found


def _shuffle(pictures: list[_Picture], name: str) -> None:
    """Gives each picture the map of the one before it, the first that of the last."""
    maps = [picture.maps[name.removeprefix(_SHUFFLED)] for picture in pictures]
    for picture, other in zip(pictures, maps[-1:] + maps):
        if other.shape != picture.score.shape:
            raise InputError(f"--maps={name}: {picture.name} differs in size")
        picture.maps[name] = other


def _arms() -> list[_Arm]:
    """The control and the refinements under maps."""
    found = [_Arm(_UNIFORM, None, 1.0, 1.0)]
    shares = cli.numbers(FLAGS, "uniform_shares")
    for name, share in itertools.product(FLAGS.maps, shares):
        label = f"{name}, share {share:g}" if len(shares) > 1 else name
        found.append(_Arm(label, name, share, FLAGS.lambda_factor))
    return found


def _code(
    pictures: list[_Picture], codec: Codec, refiner: Refiner, arm: _Arm | None
) -> Iterator[dict[str, float]]:
    """Rate and qualities of each picture, in order; no arm is no refinement."""

    def work(picture: _Picture) -> dict[str, float]:
        if arm:
            data = _refined(picture, refiner, arm)
        else:
            data = codec.encode(picture.rgb, picture.score).data
        decoded = codec.decode(data)
        return {
            "bpp": 8 * len(data) / picture.score.size,
            "psnr": metrics.psnr(picture.rgb, decoded),
            "ewpsnr": metrics.ewpsnr(picture.rgb, decoded, picture.score),
        }

    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield from pool.map(work, pictures)
    finally:  # drops what has not begun
        pool.shutdown(cancel_futures=True)


def _refined(picture: _Picture, refiner: Refiner, arm: _Arm) -> bytes:
    refinement = Refinement(refiner, lambda _: picture.weight(arm))
    lmbda = arm.lambda_factor * refiner.codec.lmbda
    return refinement.encode(picture.rgb, picture.score, lmbda).data


def _measure(
    pictures: list[_Picture], models: dict[str, Codec], table: Path
) -> list[dict]:
    """Codes every picture in every way that the table has not, and adds to it."""
    rows = []
    if table.exists():
        with table.open(newline="") as file:
            rows = list(csv.DictReader(file))
    known = {tuple(row[key] for key in _KEYS) for row in rows}
    # Models in the outer loop: a refiner is compiled once for each.
    ways = list(itertools.product(models, [None, *_arms()]))
    refiners = {
        model: Refiner(codec, FLAGS.refine_steps, None, FLAGS.seed)
        for model, codec in models.items()
    }
    with Progress(total=len(ways) * len(pictures), unit="file") as bar:
        for model, arm in ways:
            name = arm.name if arm else _NONE
            bar.set_postfix_str(f"{name}, {model}")
            todo = [p for p in pictures if (name, model, p.name) not in known]
            bar.skip(len(pictures) - len(todo))
            coded = _code(todo, models[model], refiners[model], arm)
            # Ends `coded` here: a Ctrl-C while a forgotten generator ends is lost.
            for values, picture in zip(coded, todo):
                key = name, model, picture.name
                rows.append({**dict(zip(_KEYS, key)), **values})
                write_csv(table, rows)
                bar.update()
    return rows


def _curves(rows: list[dict], arm: str, models, pictures) -> dict[str, np.ndarray]:
    """Of one arm bpp, psnr and ewpsnr, [models, pictures] each."""
    found = {(row["model"], row["image"]): row for row in rows if row["arm"] == arm}
    return {
        column: np.array(
            [[float(found[m, p.name][column]) for p in pictures] for m in models]
        )
        for column in ("bpp", *_METRICS)
    }


def _truths(pictures: list[_Picture], elasticity: float) -> list[dict]:
    """How true the weights of each arm are for each picture: rows of a table.

    The elasticity is that of the rate over lambda.
    """
    rows = []
    for arm, picture in itertools.product(_arms(), pictures):
        weight = picture.weight(arm)
        truth = map_truth.information(weight, picture.score)
        saving = map_truth.expected_saving(weight, picture.score, elasticity)
        keys = {"arm": arm.name, "image": picture.name}
        rows.append({**keys, "information": truth, "expected_log_ratio": saving})
    return rows


def _mean(values: list[float]) -> dict[str, float]:
    """A mean over pictures, and its 95 % interval, by the normal distribution."""
    mean = np.mean(values)
    margin = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values))
    return {"value": mean, "low": mean - margin, "high": mean + margin}


def _compare(rows: list[dict], truths: list[dict], models, pictures) -> dict[str, dict]:
    """The mean rates and qualities of each arm, and its BD-rates against uniform."""
    control = _curves(rows, _UNIFORM, models, pictures)
    found = {}
    for arm in (_NONE, *(arm.name for arm in _arms())):
        curves = _curves(rows, arm, models, pictures)
        found[arm] = {name: values.mean(1).tolist() for name, values in curves.items()}
        for metric in _METRICS if arm != _UNIFORM else ():
            given = control["bpp"], control[metric], curves["bpp"], curves[metric]
            delta = bd_rate.compare(*given, FLAGS.resamples)
            cells = delta.rate._asdict() | {"overlap": delta.overlap}
            found[arm][f"bd_rate_{metric}"] = cells
        own = [row for row in truths if row["arm"] == arm]
        for column in _TRUTHS if own else ():
            found[arm][column] = _mean([row[column] for row in own])
    return found


def _print_table(found: dict[str, dict], pictures: int) -> None:
    print(f"BD-rate in % against refinement with uniform weights, {pictures} images")
    print(f"{'latents':30}" + "".join(f"{title:>26}" for title in _METRICS.values()))
    for arm, values in found.items():
        deltas = [values.get(f"bd_rate_{metric}") for metric in _METRICS]
        cells = [
            "{value:+.1f} [{low:+.1f}, {high:+.1f}]".format(**one) if one else "0"
            for one in deltas
        ]
        print(f"{arm:30}" + "".join(f"{cell:>26}" for cell in cells))


def _check_settings(path: Path, settings: dict) -> None:
    """Makes sure that a table that is there was made with the same settings."""
    if path.exists():
        made = json.loads(path.read_text())
        for name, value in settings.items():
            if made.get(name) != value:
                raise InputError(
                    f"{path.parent} was made with {name} {made.get(name)}, not {value};"
                    " give another --output_dir"
                )
    disk.write_file(path, (json.dumps(settings, indent=2) + "\n").encode())


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.images:
        raise InputError("--images is needed")
    paths = disk.expand_inputs([FLAGS.images])
    named = FLAGS.models or [f"baseline-{i}" for i in range(1, 5)]
    models = {Path(name).name: Codec.load(name) for name in named}
    for name, codec in models.items():
        if codec.config.condition_encoder:
            raise InputError(f"--models: {name} sees the map; give baselines")
    output = disk.make_folder("output_dir", FLAGS.output_dir)
    settings = {name: FLAGS[name].value for name in _SETTINGS}
    _check_settings(output / "settings.json", settings)
    pictures = _pictures(paths)
    rows = _measure(pictures, models, output / "per_image.csv")
    control = _curves(rows, _UNIFORM, models, pictures)
    curve = control["bpp"].mean(1), control["ewpsnr"].mean(1)
    truths = _truths(pictures, map_truth.elasticity(*curve))
    write_csv(output / "maps.csv", truths)
    found = _compare(rows, truths, models, pictures)
    summary = {"pictures": len(pictures), "arms": found}
    settings["uniform_shares"] = cli.numbers(FLAGS, "uniform_shares")
    write_record(output / "summary.json", "refinement", argv, **settings, **summary)
    _print_table(found, len(pictures))


if __name__ == "__main__":
    cli.run(main)
