"""Compresses images with a trained model.

    python -m salcomp.compress photo.jpg --model=runs/cpu-saliency
    python -m salcomp.compress photos/*.png --model=DIR --saliency=masks/
    python -m salcomp.compress photo.png --model=DIR --refine_steps=150
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from absl import flags, logging
from tqdm import tqdm

from salcomp import cli, file_jobs, images, saliency_maps
from salcomp.codec import Codec
from salcomp.errors import InputError
from salcomp.refine import Refiner
from salcomp.weighting import raw_weight

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "model",
    None,
    "Workdir of a run, or exported model folder, to compress with.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output_dir",
    None,
    "Folder of the .salc files; by default each goes beside its image.",
    flag_values=FLAGS,
)
flags.DEFINE_boolean(
    "overwrite", False, "Whether to replace outputs that exist.", flag_values=FLAGS
)
flags.DEFINE_string(
    "saliency",
    "auto",
    f"Where the saliency map comes from. {saliency_maps.CHOICES}",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "max_pixels",
    images.MAX_PIXELS,
    "Refuse images with more pixels; the default is 2^26.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_boolean(
    "reconstruction",
    False,
    "Whether to write beside each .salc file a .salc.png of what it decodes to.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "refine_steps",
    0,
    "Steps of gradient descent that improve the latents of each image; 0 does none, "
    "150 gain most of what there is.",
    lower_bound=0,
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "refine_weighting",
    "saliency",
    ["saliency", "uniform"],
    "What refinement weights the squared error by: the map, weighted as in the model's "
    "training and divided by its mean over the image, or nothing.",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "lambda",
    None,
    "Trade-off lambda of the refinement, in bit per pixel per squared 8-bit level: "
    "less makes smaller files. The model's own by default.",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "saliency_floor",
    None,
    "Smallest weight of the refinement (clip and affine weightings), 0 to 1. That of "
    "the model's training by default.",
    lower_bound=0,
    upper_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "seed",
    0,
    "Seed of the noise of the refinement.",
    lower_bound=0,
    upper_bound=2**31 - 1,
    flag_values=FLAGS,
)


def refinement_weight(config, saliency: np.ndarray, weighting: str, floor=None):
    """The weight that refinement minimises under, float32 [H, W].

    Args:
      config: of the model.
      saliency: float32 [H, W], 0..1.
      weighting: "saliency" or "uniform".
      floor: smallest weight; the model's if None.
    """
    if weighting == "uniform":
        return np.ones_like(saliency)
    floor = config.saliency_floor if floor is None else floor
    weight = raw_weight(saliency, config.saliency_weighting, floor, config.saliency_gain)
    return weight if weight.any() else np.ones_like(saliency)


def main(argv):
    sources = images.expand_inputs(cli.parse(FLAGS, argv))
    if not FLAGS.model:
        raise InputError("--model is needed: a run's workdir or an exported model")
    jobs = file_jobs.plan(sources, ".salc", FLAGS.output_dir, FLAGS.overwrite)
    if not jobs:
        return
    codec = Codec.load(FLAGS.model)
    refiner = None
    if FLAGS.refine_steps:
        refiner = Refiner(codec, FLAGS.refine_steps, FLAGS["lambda"].value, FLAGS.seed)
    elif FLAGS["lambda"].value is not None:
        raise InputError("--lambda only scales refinement; add --refine_steps=150")

    def read(path: Path):
        image = images.read_image(path, FLAGS.max_pixels)
        saliency, description = saliency_maps.saliency_for(FLAGS.saliency, path, image)
        dropped = image.alpha is not None and FLAGS.saliency != "auto"
        return image.rgb, saliency, description, dropped

    def work(job: file_jobs.Job, content):
        rgb, saliency, description, dropped = content
        if refiner is None:
            encoded = codec.encode(rgb, saliency)
        else:
            weight = refinement_weight(
                codec.config, saliency, FLAGS.refine_weighting, FLAGS.saliency_floor
            )
            with tqdm(
                total=FLAGS.refine_steps, desc=job.source.name, leave=False, disable=None
            ) as bar:
                latents = refiner.refine(rgb, saliency, weight, bar.update)
            encoded = codec.encode_latents(latents, rgb.shape[:2])
        if FLAGS.reconstruction:
            png = job.output.with_name(job.output.name + ".png")
            images.write_png(png, encoded.reconstruction)
        images.write_file(job.output, encoded.data)
        logging.info(
            "%s: %d bytes, %.4f bpp, map: %s%s",
            job.output,
            len(encoded.data),
            8 * len(encoded.data) / (rgb.shape[0] * rgb.shape[1]),
            description,
            " (alpha channel dropped)" if dropped else "",
        )

    file_jobs.run(jobs, read, work, "compress")


if __name__ == "__main__":
    cli.run(main)
