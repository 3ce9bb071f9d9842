"""Decompresses a GAN's .salc files to PNG. Needs the file and the model, nothing else.

    python -m salcomp.extreme_gan.decompress photo.salc --model=runs/gan-repaired
"""

from __future__ import annotations

from absl import flags

from salcomp import cli, decompress
from salcomp.extreme_gan.codec import MAX_PIXELS, GanCodec

FLAGS = flags.FlagValues()
decompress.define_flags(FLAGS, MAX_PIXELS)


def main(argv):
    arguments = cli.parse(FLAGS, argv, __doc__, files=True)
    decompress.run(FLAGS, arguments, GanCodec.load)


if __name__ == "__main__":
    cli.run(main)
