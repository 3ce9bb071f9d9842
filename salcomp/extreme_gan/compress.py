"""Compresses images with a trained GAN.

    python -m salcomp.extreme_gan.compress photo.jpg --model=runs/gan-repaired
"""

from __future__ import annotations

from absl import flags

from salcomp import cli, compress
from salcomp.extreme_gan.codec import MAX_PIXELS, GanCodec

FLAGS = flags.FlagValues()
compress.define_flags(FLAGS, MAX_PIXELS)


def main(argv):
    jobs = compress.plan(FLAGS, cli.parse(FLAGS, argv, __doc__, files=True))
    if jobs:
        compress.compress_files(
            GanCodec.load(FLAGS.model),
            jobs,
            FLAGS.saliency,
            reconstruction=FLAGS.reconstruction,
            max_pixels=FLAGS.max_pixels,
        )


if __name__ == "__main__":
    cli.run(main)
