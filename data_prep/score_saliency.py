"""Scores saliency predictors against recorded eye fixations.

Each predictor's map of each image is resized to the image and compared with its
fixations; the centre prior, which knows nothing of the image, is scored beside them.
A predictor that has a readout is scored without it, as "NAME, raw", and with it. AUC-J
and NSS are taken at the fixated pixels, CC, KL and SIM against their density; IG is the
information gain over the centre prior and over a uniform map.

    python -m data_prep.score_saliency --predictor=spectral-residual \\
        --images='osie/stimuli/*.jpg' --fixations=osie/fixations.mat
    python -m data_prep.score_saliency --predictor=attention-center,spectral-residual \\
        --weights=attention-center:center.tflite ...
"""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep import saliency_metrics
from data_prep.predictors import fixations
from salcomp import cli
from salcomp.errors import InputError
from salcomp.files import disk, images, predictors, saliency_maps
from salcomp.files import results as results_files
from salcomp.flags import Flags
from salcomp.progress import Progress

# The metrics, and which values of each are better.
_METRICS = ("auc-j", "nss", "cc", "kl", "sim", "ig-center", "ig-uniform")
_BETTER = dict.fromkeys(_METRICS, "higher") | {"kl": "lower"}
_BASELINE = "center"
_NAMED_AT_MOST = 5
# Of the bootstrap over images behind the intervals.
_DRAWS = 1000

FLAGS = Flags()
FLAGS.list(
    "predictor",
    None,
    f"Predictors to score, separated by commas, of {', '.join(predictors.names())}.",
)
FLAGS.multi_string(
    "weights",
    None,
    "File or folder that a predictor reads, if it needs one, as NAME:PATH, separated "
    "by commas or in several such flags; of one predictor the PATH is enough.",
)
FLAGS.boolean(
    "readout",
    True,
    "Whether predictors that have a readout, which makes densities of their maps, are "
    "scored with it as well as without it.",
)
FLAGS.string("images", None, "Pattern, or folder, of the images that were shown.")
FLAGS.string(
    "fixations",
    None,
    "The .mat file of the fixations, laid out as OSIE's and in pixels of the images.",
)
FLAGS.float(
    "blur",
    0,
    "Standard deviation of a Gaussian that the predictors' maps are blurred with "
    "first, in pixels of the image; 0 for none.",
    lower_bound=0,
)
FLAGS.float(
    "degree",
    fixations.PIXELS_PER_DEGREE,
    "Pixels of the image per degree of visual angle, which is the standard deviation "
    "of the density's Gaussian; the default is OSIE's.",
    lower_bound=0.1,
)
FLAGS.string("output", None, "CSV file with a row per image and map.")


def score(
    saliency: np.ndarray, counts: np.ndarray, density: np.ndarray
) -> dict[str, float]:
    """Computes all metrics of one map, by name.

    Args:
      saliency: float32 [H, W], not negative, as large as the image.
      counts: integers [H, W], the fixations of each pixel.
      density: float32 [H, W], the smooth density of fixations.
    """
    fixated = counts > 0
    center, uniform = saliency_maps.center_prior(*counts.shape), np.ones(counts.shape)
    return {
        "auc-j": saliency_metrics.auc_judd(saliency, fixated),
        "nss": saliency_metrics.nss(saliency, fixated),
        "cc": saliency_metrics.cc(saliency, density),
        "kl": saliency_metrics.kl(saliency, density),
        "sim": saliency_metrics.sim(saliency, density),
        "ig-center": saliency_metrics.information_gain(saliency, center, counts),
        "ig-uniform": saliency_metrics.information_gain(saliency, uniform, counts),
    }


class _Maps(NamedTuple):
    """A source of maps to score: a predictor, and the blur of its maps in pixels."""

    predictor: predictors.Predictor
    blur: float

    def of(self, path: Path, rgb: np.ndarray) -> np.ndarray:
        """The map of an image, as large as the image."""
        frame = predictors.Frame.whole(rgb, str(path))
        (predicted,) = self.predictor.predict([frame])
        predicted = saliency_maps.resize(predicted, *rgb.shape[:2])
        return saliency_maps.blur(predicted, self.blur)


def _maps_of(name: str, weights: str | None, blur: float) -> dict[str, _Maps]:
    """By label, a predictor's maps: without its readout, if it has one, and with it."""
    predictor = predictors.load(name, weights, option=f"--weights={name}:PATH")
    found = {name: predictor}
    if predictor.raw is not None:
        found = {f"{name}, raw": predictor.raw} | (found if FLAGS.readout else {})
    suffix = f", blur {blur:g}" if blur else ""
    return {label + suffix: _Maps(maps, blur) for label, maps in found.items()}


def _weights_of(names: list[str], values: list[str]) -> dict[str, str]:
    """The path that each predictor is to read, by its name, from --weights."""
    # A comma may also belong to a path.
    comma = f",(?=(?:{'|'.join(map(re.escape, names))}):)"
    found: dict[str, str] = {}
    for part in (part for value in values for part in re.split(comma, value)):
        name, _, path = part.partition(":")
        if name not in names:
            if len(names) > 1:
                raise InputError(
                    f"--weights={part}: does not say which predictor reads it; give "
                    f"NAME:PATH, with the name {' or '.join(names)}"
                )
            name, path = names[0], part
        if name in found:
            raise InputError(
                f"--weights has {found[name]} and {path} for {name}; give one"
            )
        found[name] = path
    return found


def _points_of(sources: list[Path], recorded: dict) -> dict[Path, np.ndarray]:
    """The fixations of all images, or an error that names those which have none."""
    found, missing = {}, []
    for source in sources:
        try:
            _, found[source] = fixations.of_image(recorded, source)
        except InputError:
            missing.append(source.name)
    if missing:
        more = len(missing) - _NAMED_AT_MOST
        raise InputError(
            f"--fixations={FLAGS.fixations}: has none for {len(missing)} of the "
            f"{len(sources)} images: {', '.join(missing[:_NAMED_AT_MOST])}"
            + (f" and {more} more" if more > 0 else "")
            + "; leave them out of --images"
        )
    return found


def _rows_of(
    path: Path, sources: dict[str, _Maps], points: np.ndarray, degree: float
) -> list[dict]:
    """The scores of all maps of one image."""
    rgb = images.read_image(path).rgb
    height, width = rgb.shape[:2]
    counts = fixations.counts(points, height, width)
    if not counts.any():
        raise InputError(
            f"{path}: all its fixations lie outside its {width}x{height} pixels; give "
            "it in the size in which it was shown"
        )
    density = fixations.density(points, height, width, degree)
    facts = {"image": path.name, "fixations": int(counts.sum())}
    return [
        {**facts, "map": label, **score(maps.of(path, rgb), counts, density)}
        for label, maps in sources.items()
    ]


def interval(values: np.ndarray) -> list[float]:
    """Returns the mean of values of images, [N], and the ends of its 95 % interval."""
    rng = np.random.default_rng(0)  # so that all values are of the same draws
    draws = values[rng.integers(len(values), size=(_DRAWS, len(values)))].mean(1)
    return [values.mean(), *np.percentile(draws, (2.5, 97.5))]


def _cell(values: np.ndarray) -> str:
    """The mean over images, and its interval where there is more than one."""
    mean, low, high = interval(values)
    cell = f"{np.round(mean, 3) + 0:.3f}"  # no "-0"
    if len(values) > 1:
        cell += f" [{np.round(low, 2) + 0:.2f}, {np.round(high, 2) + 0:.2f}]"
    return cell


def _print_table(rows: list[dict]) -> None:
    labels = list(dict.fromkeys(row["map"] for row in rows))
    first = [row for row in rows if row["map"] == labels[0]]
    total = sum(row["fixations"] for row in first)
    print(
        f"means over {len(first)} images, with {total} fixations, and their 95 % "
        "intervals; KL in nats, IG in bit per fixation"
    )
    lines = [["map", *(name.upper() for name in _BETTER)]]
    lines.append(["better is", *_BETTER.values()])
    for label in labels:
        of_map = [row for row in rows if row["map"] == label]
        values = (np.array([row[metric] for row in of_map]) for metric in _BETTER)
        lines.append([label, *map(_cell, values)])
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths))
        print("  ".join(cells).rstrip())


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not (FLAGS.predictor and FLAGS.images and FLAGS.fixations):
        raise InputError("--predictor, --images and --fixations are needed")
    paths = disk.expand_inputs([FLAGS.images])
    recorded = fixations.read(Path(FLAGS.fixations).expanduser())
    points = _points_of(paths, recorded)
    names = list(dict.fromkeys(FLAGS.predictor))
    weights = _weights_of(names, FLAGS.weights or [])
    sources: dict[str, _Maps] = {}
    for name in names:
        sources |= _maps_of(name, weights.get(name), FLAGS.blur)
    sources |= _maps_of(_BASELINE, None, blur=0)

    def work(path: Path) -> list[dict]:
        return _rows_of(path, sources, points[path], FLAGS.degree)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = Progress(pool.map(work, paths), "maps", len(paths), unit="image")
        rows = [row for of_image in found for row in of_image]
    _print_table(rows)
    if FLAGS.output:
        results_files.write_csv(FLAGS.output, rows)


if __name__ == "__main__":
    cli.run(main)
