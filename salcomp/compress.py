"""Compresses images with a trained model.

python -m salcomp.compress photo.jpg
python -m salcomp.compress photos/*.png --model=NAME --saliency=masks/
python -m salcomp.compress photos/*.png --saliency=unisal --save_saliency
python -m salcomp.compress photo.png --target_bpp=0.3
python -m salcomp.compress photo.png --model=HYPER --quality=40
python -m salcomp.compress photo.png --model=DIR --refine_steps=150
python -m salcomp.compress photo.png --model=RECURRENT --lambda=0.01
python -m salcomp.compress --list_models
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from salcomp import cli
from salcomp.codec import files
from salcomp.config.weighting import UNIFORM_SHARE, mixed_weight
from salcomp.errors import InputError
from salcomp.files import disk, map_sources
from salcomp.flags import Flags
from salcomp.zoo import card as model_card
from salcomp.zoo import kinds, shipped

if TYPE_CHECKING:  # most import TensorFlow, which takes seconds
    import numpy as np

    from salcomp.codec import encoders
    from salcomp.recurrent import stopping


FLAGS = Flags()
cli.define_output_flags(
    FLAGS, "the .salc files; by default each goes beside its image."
)
FLAGS.string(
    "saliency", "auto", f"Where the saliency map comes from. {map_sources.choices()}"
)
FLAGS.boolean(
    "reconstruction",
    False,
    "Whether to write beside each .salc file a .salc.png of what it decodes to.",
)
FLAGS.boolean(
    "save_saliency",
    False,
    "Whether to write the map of each image beside its .salc file, as a grey "
    "NAME.saliency.png of the image's size, which a later --saliency=FOLDER finds. A "
    "model that is told of no map has its file written all the same.",
)
FLAGS.string(
    "model",
    None,
    "What to compress with: the workdir of a run, an exported model folder, or the "
    "name of a model that comes with salcomp (--list_models). "
    f"{shipped.DEFAULT} by default.",
)
FLAGS.boolean(
    "list_models",
    False,
    "Print the models that come with salcomp, with their rates and qualities on test "
    "frames, and exit.",
)
FLAGS.float(
    "target_bpp",
    None,
    "Rate of the whole file, in bit per pixel, to come close to: each image is "
    "compressed with the model that comes closest, above or below, among those of the "
    "arm that --model is of. With --refine_steps the refinement's lambda then comes "
    "within about 1 %, in six refinements with a model at most. A model of several "
    "rates comes as close by its quality, a recurrent model by the lambda at which its "
    "blocks stop.",
)
FLAGS.float(
    "quality",
    None,
    "Quality, 0 to 100, of a model of several rates; 50 by default. The trade-off "
    "lambda rises with it geometrically.",
    lower_bound=0,
    upper_bound=100,
)
FLAGS.integer(
    "refine_steps",
    0,
    "Steps of gradient descent that improve the latents of each image; 0 does none, "
    "150 gain most of what there is.",
    lower_bound=0,
)
FLAGS.enum(
    "refine_weighting",
    "saliency",
    ["saliency", "uniform"],
    "What refinement, or the stopping of a recurrent model's blocks, weights the "
    "distortion by: the map, for which the model need not have been trained, or "
    "nothing. On 100 photographs of OSIE the map of unisal saves "
    "17.5 % of the bits of refinement at equal quality where people looked, and costs "
    "21 % at equal PSNR.",
)
FLAGS.float(
    "lambda",
    None,
    "Trade-off lambda of the refinement, in bit per pixel per squared 8-bit level: "
    "less makes smaller files. The model's own by default, with which files become "
    "larger than without refinement; with the map, two thirds of it about keep the "
    "rate. With a model of several rates it chooses the quality, too. Of a recurrent "
    "model, the one at which blocks stop: as soon as what follows "
    "gains less than its bits are worth. By default none stops.",
)
FLAGS.float(
    "block_error",
    None,
    "In the place of --lambda: each block of a recurrent model stops when its weighted "
    "mean squared error, in squared 8-bit levels, is at most this.",
    lower_bound=0,
)
FLAGS.integer(
    "iterations",
    None,
    "Most iterations of each block of a recurrent model; all that it was trained for "
    "by default.",
    lower_bound=1,
)
FLAGS.float(
    "uniform_share",
    UNIFORM_SHARE,
    "Share of the weight of refinement, or stopping, that is the same everywhere, 0 to "
    "1; the rest follows the map. The default was chosen for refinement on photographs "
    "of EyeCrowd, where 0.05 saves 14.0 instead of 13.6 % of the bits at equal quality "
    "where people looked, and costs 36 instead of 20 % at equal PSNR.",
    lower_bound=0,
    upper_bound=1,
)
FLAGS.integer(
    "seed",
    0,
    "Seed of the noise of the refinement.",
    lower_bound=0,
    upper_bound=2**31 - 1,
)


def _weight_of() -> Callable[[np.ndarray], np.ndarray] | None:
    """The weight of refinement, or stopping, at a map; None if uniform."""
    if FLAGS.refine_weighting == "uniform":
        return None
    return functools.partial(mixed_weight, uniform_share=FLAGS.uniform_share)


def _iterates() -> bool:
    """Whether the model's files have iterations; the default one's have not."""
    if not FLAGS.model:
        return False
    try:
        return kinds.of(shipped.folder_of(FLAGS.model)).iterates
    except InputError:  # told where the model is loaded, after other mistakes
        return False


def _adaptive_encoder() -> stopping.Adaptive:
    """The encoder of a recurrent model that the flags ask for."""
    from salcomp.recurrent import stopping
    from salcomp.recurrent.codec import RecurrentCodec
    from salcomp.zoo import exported

    codec = RecurrentCodec.load(exported.ready(FLAGS.model))
    weight_of, iterations = _weight_of(), FLAGS.iterations
    if FLAGS.target_bpp is not None:
        return stopping.AtRate(codec, FLAGS.target_bpp, weight_of, iterations)
    rule = None
    if FLAGS["lambda"].value is not None:
        rule = stopping.by_gain(FLAGS["lambda"].value)
    elif FLAGS.block_error is not None:
        rule = stopping.by_error(FLAGS.block_error)
    return stopping.Adaptive(codec, rule, weight_of, iterations)


def _encoder() -> encoders.Plain | encoders.Refined | encoders.AtRate:
    """The encoder that the flags ask for, with its models loaded."""
    model = FLAGS.model or shipped.default()
    target = FLAGS.target_bpp
    several = kinds.has_rates(shipped.folder_of(model))
    arm = [model] if target is None or several else shipped.arm_of(model)
    from salcomp.codec import base, encoders
    from salcomp.codec.refine import Refinement, Refiner
    from salcomp.zoo import exported

    def refinement_of(codec: base.RangeCodec) -> Refinement:
        lmbda = FLAGS["lambda"].value
        refiner = Refiner(codec, FLAGS.refine_steps, lmbda, FLAGS.seed)
        return Refinement(refiner, _weight_of())

    if target is not None:
        ready = map(exported.ready, arm)
        codecs = {folder.name: base.load(folder) for folder in ready}
        refine = refinement_of if FLAGS.refine_steps else None
        return encoders.AtRate(codecs, target, refine)
    codec = base.load(exported.ready(model))
    if FLAGS.quality is not None:
        codec = codec.at(FLAGS.quality)
    if FLAGS.refine_steps:
        return encoders.Refined(refinement_of(codec))
    return encoders.Plain(codec)


def _check_flags() -> None:
    """Refuses flags that have no effect, or not together."""
    if FLAGS.quality is not None:
        model = FLAGS.model or shipped.default()
        if not kinds.has_rates(shipped.folder_of(model)):
            raise InputError(
                f"--quality is for models of several rates, and {model} has one; leave "
                "it out"
            )
        if FLAGS["lambda"].present:
            raise InputError("--lambda and --quality exclude each other; give one")
    if _iterates():
        _check_adaptive()
    else:
        for name in ("block_error", "iterations"):
            if FLAGS[name].present:
                raise InputError(f"--{name} is for recurrent models; leave it out")
        if not FLAGS.refine_steps:
            for name in ("lambda", "uniform_share", "refine_weighting", "seed"):
                if FLAGS[name].present:
                    raise InputError(
                        f"--{name} only matters to refinement; add --refine_steps=150"
                    )
    target = FLAGS.target_bpp
    if target is not None:
        if not 0 < target < float("inf"):
            raise InputError(f"--target_bpp must be more than 0, not {target}")
        if FLAGS.quality is not None:
            raise InputError("--target_bpp finds the quality; leave out --quality")
        if FLAGS["lambda"].present:
            raise InputError("--target_bpp finds the lambda; leave out --lambda")


def _check_adaptive() -> None:
    """Does so for a recurrent model."""
    for name in ("refine_steps", "seed"):
        if FLAGS[name].present:
            raise InputError(
                f"--{name} is for refinement, which a recurrent model has none of; "
                "leave it out"
            )
    knobs = ("lambda", "block_error", "target_bpp")
    given = [f"--{name}" for name in knobs if FLAGS[name].value is not None]
    if len(given) > 1:
        raise InputError(f"{given[0]} and {given[1]} exclude each other; give one")
    for name in ("uniform_share", "refine_weighting"):
        if FLAGS[name].present and not given:
            raise InputError(
                f"--{name} only matters where blocks stop; add --lambda=0.01"
            )
    lmbda = FLAGS["lambda"].value
    if lmbda is not None and not 0 < lmbda < float("inf"):
        raise InputError(f"lambda must be more than 0 and finite, not {lmbda}")


def main(argv):
    arguments = cli.parse(FLAGS, argv, __doc__, files=True)
    if FLAGS.list_models:
        print(model_card.table(shipped.cards()))
        return
    _check_flags()
    maps = map_sources.from_spec(FLAGS.saliency)
    sources = disk.find_inputs(arguments, output_dir=FLAGS.output_dir)
    jobs = files.plan(sources, ".salc", FLAGS.output_dir, FLAGS.overwrite)
    if jobs:
        encoder = _adaptive_encoder() if _iterates() else _encoder()
        files.compress_files(
            encoder,
            jobs,
            maps,
            FLAGS.reconstruction,
            FLAGS.save_saliency,
            FLAGS.max_pixels or encoder.max_pixels,
        )


if __name__ == "__main__":
    cli.run(main)
