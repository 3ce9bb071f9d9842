"""Fits the readout of a saliency predictor to recorded eye fixations.

Prints what each part of the readout is worth in bit per fixation over the uniform
density, and the constants with their standard errors, as data_prep/readout.py holds
them. Fit on pictures that judge nothing afterwards.

    python -m data_prep.fit_readout --predictor=spectral-residual \\
        --images='eyecrowd/stimuli/*.jpg' --fixations=eyecrowd/fixations.mat
"""

from __future__ import annotations

from pathlib import Path

from data_prep import likelihood, readout
from data_prep.predictors import fixations
from salcomp import cli
from salcomp.errors import InputError
from salcomp.files import disk, images, predictors
from salcomp.flags import Flags
from salcomp.progress import Progress

FLAGS = Flags()
FLAGS.string(
    "predictor", None, f"Predictor to fit to: one of {', '.join(predictors.names())}."
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
FLAGS.integer(
    "resamples",
    100,
    "Draws of the bootstrap over images behind the standard errors; 100 settle them to "
    "about 7 %.",
    lower_bound=2,
)
FLAGS.integer("seed", 0, "Seed of the bootstrap.", lower_bound=0)


def _scenes(predictor, sources, recorded) -> list[likelihood.Scene]:
    """What the likelihood needs of each image."""
    found = []
    for path in Progress(sources, "maps", unit="image"):
        rgb = images.read_image(path).rgb
        (saliency,) = predictor.predict([predictors.Frame.whole(rgb, str(path))])
        _, points = fixations.of_image(recorded, path)
        counts = fixations.counts(points, *rgb.shape[:2])
        if not counts.any():
            raise InputError(f"{path}: no fixation lies in its pixels; leave it out")
        found.append(likelihood.Scene.of(saliency, counts))
    return found


def _print_constants(name: str, fit: likelihood.Fit, errors: list[float]) -> None:
    named = zip(readout.Readout._fields, fit.readout, [*errors, 0.0])
    for field, value, error in named:
        deviation = f" +- {error:.4f}" if error else ""
        print(f"{field:10}{value:8.3f}{deviation}")
    print(f'"{name}": {fit.readout},')
    held = readout.CONSTANTS.get(name)
    if held is not None:
        print("as in the code" if held == fit.readout else f"the code has {held}")


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not (FLAGS.predictor and FLAGS.images and FLAGS.fixations):
        raise InputError("--predictor, --images and --fixations are needed")
    sources = disk.expand_inputs([FLAGS.images])
    recorded = fixations.read(Path(FLAGS.fixations).expanduser())
    predictor = predictors.load(FLAGS.predictor, FLAGS.weights, readout=False)
    scenes = _scenes(predictor, sources, recorded)
    total = sum(scene.fixations.sum() for scene in scenes)
    print(f"{len(scenes)} images, {total} fixations; bit per fixation over uniform:")
    fits = likelihood.variants(scenes)
    for label, fit in fits.items():
        print(f"{label:34}{fit.bits:8.4f}")
    best = likelihood.best(fits)
    draws = Progress(range(FLAGS.resamples), "bootstrap")
    errors = likelihood.standard_errors(scenes, best, draws, FLAGS.seed)
    _print_constants(FLAGS.predictor, best, errors)


if __name__ == "__main__":
    cli.run(main)
