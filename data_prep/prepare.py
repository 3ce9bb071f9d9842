"""Turns pictures into the RGBA PNGs that the codec trains on.

    python -m data_prep.prepare --input_glob='leftImg8bit/*/*/*.png' \\
        --output_dir=frames --weights=sam-resnet_salicon2017_weights.pkl
    python -m data_prep.prepare --tfds_name=cityscapes --tfds_manual_dir=zips ...
    python -m data_prep.prepare --input_glob='gtsdb/*.ppm' --crop=4,120,1356,796 ...

Resizes each picture, predicts where people look, and packs the map into the alpha
channel. Beside the frames lies `manifest.jsonl`, a line per frame. The same command
goes on where a stopped one was.
"""

from __future__ import annotations

import math
import os

from absl import logging

from data_prep.pipeline import geometry, local, sources
from data_prep.pipeline.packing import Recipe
from data_prep.readout import CONSTANTS
from salcomp import cli
from salcomp.errors import InputError, SalcompError
from salcomp.files import disk, images, predictors
from salcomp.files.predictors import Predictor
from salcomp.flags import Flags

FLAGS = Flags()
FLAGS.string(
    "input_glob",
    None,
    "Pattern of the pictures (quote it; ** for any depth), or a folder. Outputs keep "
    "the folders below its fixed part.",
)
FLAGS.string(
    "tfds_name",
    None,
    "Set of tensorflow-datasets to take instead, such as cityscapes, of which only "
    "leftImg8bit_trainvaltest.zip is needed.",
)
FLAGS.string(
    "tfds_manual_dir",
    None,
    "Folder of the zip files of --tfds_name; tensorflow-datasets' own by default.",
)
FLAGS.string(
    "tfds_data_dir",
    None,
    "Folder where tensorflow-datasets keeps sets; its own by default.",
)
FLAGS.string("output_dir", None, "Folder of the frames and the manifest.")
FLAGS.integer(
    "width",
    512,
    "Width of the frames in pixels; the default is that of 2019.",
    lower_bound=1,
)
FLAGS.integer(
    "height",
    256,
    "Height of the frames in pixels; the default is that of 2019.",
    lower_bound=1,
)
FLAGS.string(
    "crop",
    "none",
    "What to keep of each picture before resizing: `none` keeps all, and stretches it "
    "if its aspect differs; `aspect` the largest centred part of the frames' aspect; "
    "or a box left,top,right,bottom in pixels. Predictors see what is kept.",
)
FLAGS.enum(
    "resize",
    "area",
    geometry.FILTERS,
    "Filter that makes pictures smaller: the mean over each new pixel's area, or "
    "Lanczos, which is sharper and costs the codec more bits.",
)
FLAGS.string(
    "predictor",
    "sam-resnet",
    "Where the saliency map comes from; the default is that of 2019. One of "
    f"{', '.join(predictors.names())}.",
)
FLAGS.string(
    "weights",
    None,
    "What the predictor reads: "
    + "; ".join(f"{name}: {what}" for name, what in predictors.needs().items())
    + ".",
)
FLAGS.boolean(
    "readout",
    True,
    "Whether maps become calibrated densities of fixations, for the predictors that "
    f"have a readout: {', '.join(CONSTANTS)}.",
)
FLAGS.float(
    "blur",
    0,
    "Standard deviation of a Gaussian over the map, in pixels of the frame; 0: none.",
    lower_bound=0,
)
FLAGS.integer(
    "batch_size",
    8,
    "Frames that the predictor gets at a time; matters to the networks of SAM.",
    lower_bound=1,
)
FLAGS.integer(
    "num_workers",
    os.cpu_count() or 1,
    "Batches in work at a time; by default as many as there are processors.",
    lower_bound=1,
)
FLAGS.integer(
    "max_pixels",
    images.MAX_PIXELS,
    "Refuse pictures with more pixels; the default is 2^26.",
    lower_bound=1,
)
FLAGS.boolean(
    "overwrite",
    False,
    "Whether to replace frames that were made in another way, and files that have the "
    "name of a frame.",
)
FLAGS.string(
    "runner",
    None,
    "Runner of Apache Beam (extra `beam`) to work on many machines: DirectRunner, "
    "FlinkRunner, DataflowRunner, ... Paths may then be those of Beam's file systems. "
    "By default the work is done here, without Beam.",
)
FLAGS.string(
    "beam_options",
    "",
    "Further options for the runner in one string, such as "
    "'--flink_master=host:8081 --environment_type=LOOPBACK'.",
)


def _loaded(crop: str) -> tuple[Recipe, Predictor]:
    """The recipe of the frames, and its predictor."""
    predictor = predictors.load(FLAGS.predictor, FLAGS.weights, FLAGS.readout)
    how = crop, FLAGS.resize, FLAGS.predictor, FLAGS.blur, predictor.readout
    return Recipe(FLAGS.width, FLAGS.height, *how), predictor


def _run_here(crop: str, **options) -> list[InputError]:
    """Prepares the frames in this process; returns why some could not be."""
    if "://" in FLAGS.output_dir:
        raise InputError(f"--output_dir={FLAGS.output_dir} needs a --runner of Beam")
    recipe, predictor = _loaded(crop)
    if FLAGS.tfds_name:
        folders = FLAGS.tfds_manual_dir, FLAGS.tfds_data_dir
        found = sources.TfdsSource(FLAGS.tfds_name, *folders)
    else:
        found = sources.from_pattern(FLAGS.input_glob)
    folder = disk.make_folder("output_dir", FLAGS.output_dir)
    options |= {"batch_size": FLAGS.batch_size, "workers": FLAGS.num_workers}
    return local.run(found, recipe, predictor, folder, **options)


def _run_on_beam(crop: str, **options) -> list[InputError]:
    """Prepares the frames by a Beam runner; returns why some could not be."""
    if FLAGS.tfds_name:
        raise InputError("--runner reads files: give --input_glob, not --tfds_name")
    for name in ("num_workers", "batch_size"):
        if FLAGS[name].present:
            raise InputError(f"--{name} is not for --runner; see --beam_options")
    try:
        from data_prep.pipeline import beam
    except ImportError as error:
        raise InputError(
            "--runner needs Apache Beam: pip install 'salcomp[beam]' (Python 3.10 or "
            "later)"
        ) from error
    how = FLAGS.weights, FLAGS.output_dir, FLAGS.runner, FLAGS.beam_options
    return beam.run(FLAGS.input_glob, *_loaded(crop), *how, **options)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if bool(FLAGS.input_glob) == bool(FLAGS.tfds_name):
        raise InputError("give --input_glob or --tfds_name: where the pictures are")
    if not FLAGS.output_dir:
        raise InputError("--output_dir is needed: a folder for the frames")
    if not (math.isfinite(FLAGS.blur) and FLAGS.blur <= max(FLAGS.width, FLAGS.height)):
        raise InputError(f"--blur={FLAGS.blur} is wider than the frames")
    for name in ("tfds_manual_dir", "tfds_data_dir"):
        if FLAGS[name].present and not FLAGS.tfds_name:
            raise InputError(f"--{name} is of use to --tfds_name only")
    crop = geometry.parse_crop(FLAGS.crop)
    crop = crop if isinstance(crop, str) else ",".join(map(str, crop))
    run = _run_on_beam if FLAGS.runner else _run_here
    failures = run(crop, max_pixels=FLAGS.max_pixels, overwrite=FLAGS.overwrite)
    for failure in failures:  # all together, wherever they came among the others
        logging.error("not prepared: %s", failure)
    if failures:
        raise SalcompError(
            f"{len(failures)} of the pictures could not be prepared, listed above; the "
            f"other frames are in {FLAGS.output_dir}"
        )


if __name__ == "__main__":
    cli.run(main)
