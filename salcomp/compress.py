"""Compresses images with a trained model.

    python -m salcomp.compress photo.jpg --model=runs/cpu-saliency
    python -m salcomp.compress photos/*.png --model=DIR --saliency=masks/
    python -m salcomp.compress photo.png --model=DIR --refine_steps=150
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags, logging
from tqdm import tqdm

from salcomp import cli, file_jobs, images, saliency_maps
from salcomp.codec import Codec
from salcomp.errors import InputError
from salcomp.range_codec import RangeCodec
from salcomp.refine import Refinement, Refiner


def define_flags(flag_values: flags.FlagValues, max_pixels: int) -> None:
    """Defines the flags that do not depend on the kind of model.

    Args:
      flag_values: to define them in.
      max_pixels: default of the flag of that name.
    """
    flags.DEFINE_string(
        "model",
        None,
        "Workdir of a run, or exported model folder, to compress with.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "output_dir",
        None,
        "Folder of the .salc files; by default each goes beside its image.",
        flag_values=flag_values,
    )
    flags.DEFINE_boolean(
        "overwrite",
        False,
        "Whether to replace outputs that exist.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "saliency",
        "auto",
        f"Where the saliency map comes from. {saliency_maps.CHOICES}",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "max_pixels",
        max_pixels,
        "Refuse images with more pixels. Pillow opens none over 178,956,970.",
        lower_bound=1,
        flag_values=flag_values,
    )
    flags.DEFINE_boolean(
        "reconstruction",
        False,
        "Whether to write beside each .salc file a .salc.png of what it decodes to.",
        flag_values=flag_values,
    )


FLAGS = flags.FlagValues()
define_flags(FLAGS, images.MAX_PIXELS)
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


def compress_files(
    codec: RangeCodec,
    jobs: Sequence[file_jobs.Job],
    saliency_spec: str = "auto",
    refinement: Refinement | None = None,
    reconstruction: bool = False,
    max_pixels: int = images.MAX_PIXELS,
) -> None:
    """Compresses image files.

    Args:
      codec: of the model.
      jobs: images to read and .salc files to write.
      saliency_spec: where the maps come from, as `saliency_maps.CHOICES` tells.
      refinement: of the latents; None for those of the encoder.
      reconstruction: whether to write what each file decodes to, as .salc.png.
      max_pixels: most pixels of an image.

    Raises:
      SalcompError: at least one image failed; the reasons have been logged.
    """

    def encode(name: str, rgb, saliency):
        if refinement is None:
            return codec.encode(rgb, saliency)
        weight = refinement.weight(codec.config, saliency)
        steps = refinement.refiner.steps
        with tqdm(total=steps, desc=name, leave=False, disable=None) as bar:
            latents = refinement.refiner.refine(rgb, saliency, weight, bar.update)
        return codec.encode_latents(latents, rgb.shape[:2])

    def work(job: file_jobs.Job):
        image = images.read_image(job.source, max_pixels)
        saliency, origin = saliency_maps.saliency_for(
            saliency_spec, job.source, image
        )
        if image.alpha is not None and saliency_spec != "auto":
            origin += " (alpha channel dropped)"
        if not codec.config.condition_encoder and refinement is None:
            origin = "not used by this model"
        encoded = encode(job.source.name, image.rgb, saliency)
        if reconstruction:
            png = job.output.with_name(job.output.name + ".png")
            images.write_png(png, encoded.reconstruction)
        images.write_file(job.output, encoded.data)
        size = len(encoded.data)
        bpp = 8 * size / saliency.size
        logging.info("%s: %d bytes, %.4f bpp, map: %s", job.output, size, bpp, origin)

    # A refiner works on one image at a time.
    workers = file_jobs.WORKERS if refinement is None else 1
    file_jobs.run(jobs, work, "compress", workers)


def plan(args: flags.FlagValues, arguments: list[str]) -> list[file_jobs.Job]:
    """What the flags of `define_flags` and the arguments beside them ask for.

    Raises:
      InputError: an image or the model is not named, or two images would become one
        file.
    """
    sources = images.expand_inputs(arguments)
    if not args.model:
        raise InputError("--model is needed: a run's workdir or an exported model")
    return file_jobs.plan(sources, ".salc", args.output_dir, args.overwrite)


def main(argv):
    arguments = cli.parse(FLAGS, argv, __doc__, files=True)
    lmbda = FLAGS["lambda"].value
    if not FLAGS.refine_steps:
        for name in ("lambda", "saliency_floor", "refine_weighting", "seed"):
            if FLAGS[name].present:
                raise InputError(
                    f"--{name} only matters to refinement; add --refine_steps=150"
                )
    jobs = plan(FLAGS, arguments)
    if not jobs:
        return
    codec = Codec.load(FLAGS.model)
    refinement = None
    if FLAGS.refine_steps:
        refiner = Refiner(codec, FLAGS.refine_steps, lmbda, FLAGS.seed)
        refinement = Refinement(refiner, FLAGS.refine_weighting, FLAGS.saliency_floor)
    compress_files(
        codec,
        jobs,
        FLAGS.saliency,
        refinement,
        FLAGS.reconstruction,
        FLAGS.max_pixels,
    )


if __name__ == "__main__":
    cli.run(main)
