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
over images at one setting, dB averaged in dB. An image that one codec cannot code
is left out of the averages of all, and the exit status is then 1.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from absl import flags, logging

from salcomp import cli
from salcomp.errors import InputError, SalcompError
from salcomp.evaluation import classical, comparison, rd_figure, series
from salcomp.evaluation import subjects as scorers
from salcomp.files import disk, saliency_maps
from salcomp.files import results as results_files

# The metrics that have a figure and a BD-rate.
AXIS_LABELS = {
    **rd_figure.AXIS_LABELS,
    "mask-psnr": "PSNR inside the masks (dB)",
    "non-mask-psnr": "PSNR outside the masks (dB)",
}

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string(
    "images",
    [],
    "Images to code: a file, a folder or a glob pattern; may be repeated.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "models",
    [],
    "LABEL=PATTERN: runs or exported models whose folders match make one series, a "
    "point each; where none do, the models that come with salcomp whose names match. "
    "Without LABEL= each folder is a series named after it. May be repeated.",
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "codecs",
    [],
    f"Classical codecs to compare with, of {', '.join(classical.CODECS)}.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "qualities",
    [],
    "CODEC=QUALITY,QUALITY,...: the settings of a classical codec, in place of a "
    "sweep from about 0.1 to 2 bit/pixel; for jpeg2000 they are target rates in "
    "bit/pixel. May be repeated.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output_dir",
    None,
    "Folder for the results; made if missing, files of the same names replaced.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "saliency",
    "auto",
    f"The map that the models' encoders get. {saliency_maps.CHOICES}",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "score_saliency",
    None,
    "The map that the weighted and region metrics score with, chosen as in "
    "--saliency, whose value is the default. Scoring with the encoder's own map is "
    "circular: give one from elsewhere, such as human fixations, to test for that.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "roi_boxes",
    None,
    "JSON file of annotated regions for the boxes metrics, in pixels: {image file "
    'name: [[left, top, right, bottom], ...]}, or {name: [{"box": [...]}, ...]}.',
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "roi_masks",
    None,
    "Folder of masks for the mask metrics, named as the images are, grey and of any "
    "size: the region of an image is where its mask is half white or more.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "anchor",
    None,
    "Series that the others' BD-rates refer to; the first by default, models first.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "resamples",
    1000,
    "Draws of the bootstrap over images behind the intervals; 1000 settles the "
    "ends of the 95 % interval to about a fiftieth of its width.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "max_images",
    None,
    "Code only this many images, the first by path; all by default.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_boolean("figures", True, "Draw the figures.", flag_values=FLAGS)


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
    compared = series.model_series(FLAGS.models) + compared
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

    measured = _measure(
        output_dir, compared, subjects, weigher and weigher.training_weight
    )
    rows = comparison.of_whole_images(measured, compared)
    counted = len({row["image"] for row in rows})
    scoring = scoring._replace(left_out=len(subjects) - counted)
    if rows:
        _write_results(output_dir, rows, compared, anchor, scoring)
    logging.info("results are in %s", output_dir)
    if scoring.left_out:
        raise SalcompError(
            f"{scoring.left_out} of {len(subjects)} images are left out of the "
            "averages: a codec failed on them, as logged above"
        )


def _measure(output_dir: Path, compared, subjects, training_weight) -> list[dict]:
    """The rows, kept in per_image.csv whatever ends the work, Ctrl-C included."""
    rows = []
    try:
        for row in comparison.measure(compared, subjects, training_weight):
            rows.append(row)
    finally:
        if rows:
            results_files.write_csv(output_dir / "per_image.csv", rows)
    return rows


def _write_results(
    output_dir: Path,
    rows: list[dict],
    compared: list[series.Series],
    anchor: str,
    scoring: scorers.Scoring,
) -> None:
    """Averages, BD-rates and figures."""
    for one in compared:
        results_files.write_json(
            output_dir / f"{_file_name(one.label)}.json",
            one.label,
            scoring.description(one.parameter),
            comparison.averages(rows, one),
        )
    labels = [one.label for one in compared]
    deltas = comparison.against_anchor(
        rows, labels, anchor, list(AXIS_LABELS), FLAGS.resamples
    )
    if deltas:
        results_files.write_csv(output_dir / "bd_rate.csv", deltas)
        _print_deltas(deltas)
    if FLAGS.figures:
        _draw_figures(output_dir, rows, labels, scoring)


def _check_labels(compared: list[series.Series], anchor: str | None) -> str:
    """The anchor's label, the labels being distinct, also as file names."""
    if not compared:
        raise InputError("nothing to compare: give --models or --codecs")
    for label, count in Counter(_file_name(one.label) for one in compared).items():
        if count > 1:
            raise InputError(f"two series are called {label}: use --models=LABEL=...")
    labels = [one.label for one in compared]
    if anchor is not None and anchor not in labels:
        raise InputError(f"--anchor={anchor} is not among {', '.join(labels)}")
    return anchor or labels[0]


def _draw_figures(
    output_dir: Path, rows: list[dict], labels: list[str], scoring: scorers.Scoring
) -> None:
    for metric, axis_label in AXIS_LABELS.items():
        curves = {label: comparison.mean_curve(rows, label, metric) for label in labels}
        curves = {label: c for label, c in curves.items() if c[0].size}
        if curves:
            rd_figure.draw(
                output_dir / f"{metric}.png", curves, axis_label, scoring.title(metric)
            )


def _print_deltas(deltas: list[dict]) -> None:
    print(f"BD-rate against {deltas[0]['anchor']}, with 95 % interval over images")
    for row in deltas:
        print(
            f"{row['series']:16} {row['metric']:20} {row['bd_rate_percent']:+7.2f} % "
            f"[{row['bd_rate_low']:+.2f}, {row['bd_rate_high']:+.2f}], "
            f"{row['bd_quality_db']:+.2f} dB, overlap {row['overlap']:.0%}"
        )


def _file_name(label: str) -> str:
    return re.sub(r"[^\w.-]+", "_", label)


if __name__ == "__main__":
    cli.run(main)
