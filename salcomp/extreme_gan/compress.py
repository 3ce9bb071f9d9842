"""Compresses images with a trained GAN.

python -m salcomp.extreme_gan.compress photo.jpg --model=runs/gan-repaired
"""

from __future__ import annotations

from absl import flags

from salcomp import cli, compress
from salcomp.codec import encoders
from salcomp.errors import InputError
from salcomp.extreme_gan.codec import MAX_PIXELS, GanCodec

FLAGS = flags.FlagValues()
compress.define_flags(FLAGS, MAX_PIXELS)
flags.DEFINE_string(
    "model",
    None,
    "Workdir of the run, or exported model folder, of the GAN to compress with.",
    flag_values=FLAGS,
)


def main(argv):
    arguments = cli.parse(FLAGS, argv, __doc__, files=True)
    if not FLAGS.model:
        raise InputError("--model is needed: a GAN's workdir or exported model")
    jobs = compress.plan(FLAGS, arguments)
    if jobs:
        compress.compress_files(
            encoders.Plain(GanCodec.load(FLAGS.model)),
            jobs,
            FLAGS.saliency,
            FLAGS.reconstruction,
            FLAGS.max_pixels,
        )


if __name__ == "__main__":
    cli.run(main)
