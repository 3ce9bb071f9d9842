"""Compares models and classical codecs: per-image metrics, RD curves, BD-rates.

    python -m salcomp.evaluate --images='kodak/*.png' --codecs=jpeg,webp \\
        --models=ours='runs/saliency_*' --models=base='runs/base_*' \\
        --anchor=base --output_dir=results/kodak

writes into the output folder

    per_image.csv    a row per image and operating point: all metrics, bytes, seconds
    SERIES.json      averages per operating point, as CompressAI writes them
    bd_rate.csv      each series against the anchor, with 95 % intervals
    METRIC.png       a rate-distortion figure per metric

Rates are those of whole files; quality is that of the decoded file. Averages are
over images at one setting, dB averaged in dB, and over the same images for all series
and their rates: those with a finite value of the metric at every point of every
series (a flat picture has an infinite PSNR where a codec is exact there; a small one
has no MS-SSIM), or in JSON, where one list of rates serves all, of every metric. A
metric that would leave JSON no image is left out there. Titles, JSON and the log say
how many images count. An image that one codec cannot code is left out of the averages
of all, and the exit status is then 1.
"""

from __future__ import annotations

from collections import Counter

from absl import logging

from salcomp import cli
from salcomp.errors import InputError, SalcompError
from salcomp.evaluation import classical, comparison, outputs, series
from salcomp.evaluation import subjects as scorers
from salcomp.files import disk, map_sources
from salcomp.flags import Flags

FLAGS = Flags()
FLAGS.multi_string(
    "images", [], "Images to code: a file, a folder or a glob pattern; may be repeated."
)
FLAGS.multi_string(
    "models",
    [],
    "LABEL=PATTERN: runs or exported models whose folders match make one series, a "
    "point each; where none do, the models that come with salcomp whose names match. "
    "Without LABEL= each folder is a series named after it. May be repeated; all of "
    "one LABEL are points of one series.",
)
FLAGS.list(
    "codecs", [], f"Classical codecs to compare with, of {', '.join(classical.CODECS)}."
)
FLAGS.multi_string(
    "qualities",
    [],
    "CODEC=QUALITY,QUALITY,...: the settings of a classical codec, in place of a "
    "sweep from about 0.1 to 2 bit/pixel; for jpeg2000 they are target rates in "
    "bit/pixel. May be repeated.",
)
FLAGS.string(
    "output_dir",
    None,
    "Folder for the results; made if missing, files of the same names replaced.",
)
FLAGS.string(
    "saliency",
    "auto",
    f"The map that the models' encoders get. {map_sources.choices()}",
)
FLAGS.string(
    "score_saliency",
    None,
    "The map that the weighted and region metrics score with, chosen as in "
    "--saliency, whose value is the default. Scoring with the encoder's own map is "
    "circular: give one from elsewhere, such as human fixations (fixations:FILE.mat, "
    "which go by the names of the images), to test for that.",
)
FLAGS.string(
    "roi_boxes",
    None,
    "JSON file of annotated regions for the boxes metrics, in pixels: {image file "
    'name: [[left, top, right, bottom], ...]}, or {name: [{"box": [...]}, ...]}.',
)
FLAGS.string(
    "roi_masks",
    None,
    "Folder of masks for the mask metrics, named as the images are, grey and of any "
    "size: the region of an image is where its mask is half white or more.",
)
FLAGS.string(
    "anchor",
    None,
    "Series that the others' BD-rates refer to; the first by default, models first.",
)
FLAGS.integer(
    "resamples",
    1000,
    "Draws of the bootstrap over images behind the intervals; 1000 settles the "
    "ends of the 95 % interval to about a fiftieth of its width.",
    lower_bound=1,
)
FLAGS.integer(
    "max_images",
    None,
    "Code only this many images, the first by path; all by default.",
    lower_bound=1,
)
FLAGS.boolean("figures", True, "Draw the figures.")


def main(argv: list[str]) -> None:
    """Runs the tool; see the module's docstring.

    Raises:
      InputError: a flag, file or model is unusable, which is found before anything is
        coded; or an image vanished or a result cannot be written, later.
      SalcompError: a codec failed on an image. Results are those of the other images.
    """
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.output_dir:
        raise InputError("no place for the results: give --output_dir")
    if not FLAGS.images:
        raise InputError("nothing to code: give --images")
    codecs = [name.strip() for name in FLAGS.codecs]
    compared = series.classical_series(codecs, FLAGS.qualities)
    compared = series.model_series(FLAGS.models, _load) + compared
    anchor = _check_labels(compared, FLAGS.anchor)
    weigher = next((one for one in compared if one.training_weight), None)
    subjects, scoring = scorers.scored(
        list(disk.find_inputs(FLAGS.images, output_dir=FLAGS.output_dir))[
            : FLAGS.max_images
        ],
        FLAGS.saliency,
        FLAGS.score_saliency or FLAGS.saliency,
        FLAGS.roi_boxes,
        FLAGS.roi_masks,
        weigher and weigher.label,
    )
    output_dir = disk.make_folder("output_dir", FLAGS.output_dir)

    training_weight = weigher and weigher.training_weight
    measured = outputs.keep(
        comparison.measure(compared, subjects, training_weight),
        output_dir / "per_image.csv",
    )
    rows = comparison.of_whole_images(measured, compared)
    left_out = len(subjects) - comparison.count_images(rows)
    if rows:
        deltas = outputs.write(
            output_dir,
            rows,
            compared,
            anchor,
            scoring._replace(left_out=left_out),
            FLAGS.resamples,
            FLAGS.figures,
        )
        if deltas:
            print(outputs.delta_table(deltas))
    logging.info("results are in %s", output_dir)
    if left_out:
        raise SalcompError(
            f"{left_out} of {len(subjects)} images are left out of the averages: a "
            "codec failed on them, as logged above"
        )


def _load(folder: str):
    from salcomp.codec import base  # imports TensorFlow, which takes seconds
    from salcomp.zoo import exported

    return base.load(exported.ready(folder))


def _check_labels(compared: list[series.Series], anchor: str | None) -> str:
    """Finds the anchor's label; labels must be distinct, also as file names."""
    if not compared:
        raise InputError("nothing to compare: give --models or --codecs")
    names = Counter(outputs.file_name(one.label) for one in compared)
    name, count = names.most_common(1)[0]
    if count > 1:
        raise InputError(
            f"{count} series are called {name}: give the models another name by "
            "--models=LABEL=PATTERN"
        )
    labels = [one.label for one in compared]
    if anchor is not None and anchor not in labels:
        raise InputError(f"--anchor={anchor} is not among {', '.join(labels)}")
    return anchor or labels[0]


if __name__ == "__main__":
    cli.run(main)
