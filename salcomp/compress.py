"""Compresses images with a trained model.

python -m salcomp.compress photo.jpg
python -m salcomp.compress photos/*.png --model=NAME --saliency=masks/
python -m salcomp.compress photo.png --target_bpp=0.3
python -m salcomp.compress photo.png --model=DIR --refine_steps=150
python -m salcomp.compress --list_models
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags, logging

from salcomp import cli
from salcomp.codec import files as file_jobs
from salcomp.errors import InputError
from salcomp.files import disk, images, saliency_maps
from salcomp.zoo import card as model_card
from salcomp.zoo import shipped

if TYPE_CHECKING:  # they import TensorFlow, which takes seconds
    from salcomp.codec import encoders


def define_flags(flag_values: flags.FlagValues, max_pixels: int) -> None:
    """Defines the flags that do not depend on the kind of model.

    Args:
      flag_values: to define them in.
      max_pixels: default of the flag of that name.
    """
    outputs = "the .salc files; by default each goes beside its image."
    file_jobs.define_flags(flag_values, outputs, max_pixels)
    flags.DEFINE_string(
        "saliency",
        "auto",
        f"Where the saliency map comes from. {saliency_maps.CHOICES}",
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
flags.DEFINE_string(
    "model",
    None,
    "What to compress with: the workdir of a run, an exported model folder, or the "
    "name of a model that comes with salcomp (--list_models). "
    f"{shipped.DEFAULT} by default.",
    flag_values=FLAGS,
)
flags.DEFINE_boolean(
    "list_models",
    False,
    "Print the models that come with salcomp, with their rates and qualities on test "
    "frames, and exit.",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "target_bpp",
    None,
    "Rate of the whole file, in bit per pixel, to come close to: each image is "
    "compressed with the model that comes closest, above or below, among those of the "
    "arm that --model is of. With --refine_steps the refinement's lambda then comes "
    "closer still, in five refinements an image.",
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
    "What refinement weights the distortion by: the map, weighted as in the model's "
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
    encoder: encoders.Plain | encoders.Refined | encoders.AtRate,
    jobs: Sequence[file_jobs.Job],
    saliency_spec: str = "auto",
    reconstruction: bool = False,
    max_pixels: int = images.MAX_PIXELS,
) -> None:
    """Compresses image files.

    Args:
      encoder: of the images.
      jobs: images to read and .salc files to write.
      saliency_spec: where the maps come from, as `saliency_maps.CHOICES` tells.
      reconstruction: whether to write what each file decodes to, as .salc.png.
      max_pixels: most pixels of an image.

    Raises:
      SalcompError: at least one image failed; the reasons have been logged.
    """

    def work(job: file_jobs.Job):
        image = images.read_image(job.source, max_pixels)
        saliency, origin = saliency_maps.saliency_for(saliency_spec, job.source, image)
        if image.alpha is not None and saliency_spec != "auto":
            origin += " (alpha channel dropped)"
        if not encoder.uses_map:
            origin = "not used by this model"
        encoded = encoder.encode(job.source.name, image.rgb, saliency)
        if reconstruction:
            png = job.output.with_name(job.output.name + ".png")
            images.write_png(png, encoded.reconstruction)
        disk.write_file(job.output, encoded.data)
        size = len(encoded.data)
        logging.info(
            "%s: %d bytes, %.4f bpp, map: %s", job.output, size, encoded.bpp, origin
        )

    file_jobs.run(jobs, work, "compress", encoder.workers)


def _encoder() -> encoders.Plain | encoders.Refined | encoders.AtRate:
    """The encoder that the flags ask for, with its models loaded."""
    model = FLAGS.model or shipped.default()
    target = FLAGS.target_bpp
    arm = [] if target is None else shipped.arm_of(model)
    from salcomp.codec import encoders
    from salcomp.codec.codec import Codec
    from salcomp.codec.refine import Refinement, Refiner

    def refinement_of(codec: Codec) -> Refinement:
        lmbda = FLAGS["lambda"].value
        refiner = Refiner(codec, FLAGS.refine_steps, lmbda, FLAGS.seed)
        return Refinement(refiner, FLAGS.refine_weighting, FLAGS.saliency_floor)

    if target is not None:
        codecs = {folder.name: Codec.load(folder) for folder in arm}
        refine = refinement_of if FLAGS.refine_steps else None
        return encoders.AtRate(codecs, target, refine)
    codec = Codec.load(model)
    if FLAGS.refine_steps:
        return encoders.Refined(refinement_of(codec))
    return encoders.Plain(codec)


def _check_flags() -> None:
    """Refuses flags that have no effect, or not together."""
    if not FLAGS.refine_steps:
        for name in ("lambda", "saliency_floor", "refine_weighting", "seed"):
            if FLAGS[name].present:
                raise InputError(
                    f"--{name} only matters to refinement; add --refine_steps=150"
                )
    target = FLAGS.target_bpp
    if target is not None:
        if not 0 < target < float("inf"):
            raise InputError(f"--target_bpp must be more than 0, not {target}")
        if FLAGS["lambda"].present:
            raise InputError("--target_bpp finds the lambda; leave out --lambda")


def plan(args: flags.FlagValues, arguments: list[str]) -> list[file_jobs.Job]:
    """The images to read and the .salc files to write.

    Args:
      args: the flags of `define_flags`.
      arguments: what stands beside the flags.

    Raises:
      InputError: no image is named, or two would become one file.
    """
    sources = disk.expand_inputs(arguments)
    return file_jobs.plan(sources, ".salc", args.output_dir, args.overwrite)


def main(argv):
    arguments = cli.parse(FLAGS, argv, __doc__, files=True)
    if FLAGS.list_models:
        print(model_card.table(shipped.cards()))
        return
    _check_flags()
    jobs = plan(FLAGS, arguments)
    if jobs:
        compress_files(
            _encoder(), jobs, FLAGS.saliency, FLAGS.reconstruction, FLAGS.max_pixels
        )


if __name__ == "__main__":
    cli.run(main)
