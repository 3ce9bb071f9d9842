"""Scores a saliency predictor against recorded eye fixations.

The predictor's map of each image is resized to the image and compared with its
fixations; the centre prior, which knows nothing of the image, is scored beside it.
AUC-J and NSS are taken at the fixated pixels, CC, KL and SIM against their density.

    python -m data_prep.score_saliency --predictor=spectral-residual \\
        --images='osie/stimuli/*.jpg' --fixations=osie/fixations.mat
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_prep import saliency_metrics
from data_prep.predictors import fixations
from salcomp import cli
from salcomp.errors import InputError
from salcomp.files import disk, images, predictors, saliency_maps
from salcomp.files import results as results_files
from salcomp.flags import Flags

# The metrics, and which values of each are better.
_BETTER = dict.fromkeys(("auc-j", "nss", "cc", "kl", "sim"), "higher") | {"kl": "lower"}
_BASELINE = "center"
_NAMED_AT_MOST = 5

FLAGS = Flags()
FLAGS.string(
    "predictor", None, f"Predictor to score: one of {', '.join(predictors.names())}."
)
FLAGS.string(
    "weights", None, "File or folder that the predictor reads, if it needs one."
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
    "Standard deviation of a Gaussian that the predictor's maps are blurred with "
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
    saliency: np.ndarray, fixated: np.ndarray, density: np.ndarray
) -> dict[str, float]:
    """All metrics of one map, by name.

    Args:
      saliency: float32 [H, W], not negative, as large as the image.
      fixated: bool [H, W], the pixels that somebody fixated.
      density: float32 [H, W], the smooth density of fixations.
    """
    return {
        "auc-j": saliency_metrics.auc_judd(saliency, fixated),
        "nss": saliency_metrics.nss(saliency, fixated),
        "cc": saliency_metrics.cc(saliency, density),
        "kl": saliency_metrics.kl(saliency, density),
        "sim": saliency_metrics.sim(saliency, density),
    }


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


def _maps(name: str, predictor, path: Path, rgb: np.ndarray, blur: float) -> dict:
    """By name, the predictor's map and the baseline's, float32 [H, W]."""
    height, width = rgb.shape[:2]
    (predicted,) = predictor.predict([predictors.Frame.whole(rgb, str(path))])
    predicted = saliency_maps.resize(predicted, height, width)
    predicted = saliency_maps.blur(predicted, blur)
    if blur:
        name = f"{name}, blur {blur:g}"
    return {name: predicted, _BASELINE: saliency_maps.center_prior(height, width)}


def _rows_of(path: Path, maps: dict, points: np.ndarray, degree: float) -> list[dict]:
    height, width = maps[_BASELINE].shape
    counts = fixations.counts(points, height, width)
    if not counts.any():
        raise InputError(
            f"{path}: all its fixations lie outside its {width}x{height} pixels; give "
            "it in the size in which it was shown"
        )
    density = fixations.density(points, height, width, degree)
    facts = {"image": path.name, "fixations": int(counts.sum())}
    return [
        {**facts, "map": name, **score(saliency, counts > 0, density)}
        for name, saliency in maps.items()
    ]


def _print_table(rows: list[dict]) -> None:
    maps = list(dict.fromkeys(row["map"] for row in rows))
    first = [row for row in rows if row["map"] == maps[0]]
    total = sum(row["fixations"] for row in first)
    print(f"means over {len(first)} images, with {total} fixations")
    lines = {"map": [name.upper() for name in _BETTER]}
    lines["better is"] = list(_BETTER.values())
    for name in maps:
        of_map = [row for row in rows if row["map"] == name]
        means = [np.mean([row[metric] for row in of_map]) for metric in _BETTER]
        lines[name] = [f"{np.round(mean, 4) + 0:.4f}" for mean in means]  # no "-0"
    for label, cells in lines.items():
        print(f"{label:30}" + "".join(f"{cell:>9}" for cell in cells))


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not (FLAGS.predictor and FLAGS.images and FLAGS.fixations):
        raise InputError("--predictor, --images and --fixations are needed")
    sources = disk.expand_inputs([FLAGS.images])
    recorded = fixations.read(Path(FLAGS.fixations).expanduser())
    points = _points_of(sources, recorded)
    predictor = predictors.load(FLAGS.predictor, FLAGS.weights)
    rows = []
    for path in tqdm(sources, "maps", unit="image", disable=None):
        rgb = images.read_image(path).rgb
        maps = _maps(FLAGS.predictor, predictor, path, rgb, FLAGS.blur)
        rows += _rows_of(path, maps, points[path], FLAGS.degree)
    _print_table(rows)
    if FLAGS.output:
        results_files.write_csv(FLAGS.output, rows)


if __name__ == "__main__":
    cli.run(main)
