"""Decompresses a GAN's .salc files to PNG. Needs the file and the model, nothing else.

python -m salcomp.extreme_gan.decompress photo.salc --model=runs/gan-repaired
"""

from __future__ import annotations

from absl import flags

from salcomp import cli, decompress
from salcomp.errors import InputError
from salcomp.extreme_gan.codec import MAX_PIXELS, GanCodec

FLAGS = flags.FlagValues()
decompress.define_flags(FLAGS, MAX_PIXELS)
flags.DEFINE_string(
    "model",
    None,
    "Workdir of the run, or exported model folder, of the GAN that compressed the "
    "files.",
    flag_values=FLAGS,
)


def main(argv):
    arguments = cli.parse(FLAGS, argv, __doc__, files=True)
    if not FLAGS.model:
        raise InputError("--model is needed: a GAN's workdir or exported model")
    jobs = decompress.plan(FLAGS, arguments)
    if jobs:
        codec = GanCodec.load(FLAGS.model)
        decompress.decompress_files(lambda data: codec, jobs, FLAGS.max_pixels)


if __name__ == "__main__":
    cli.run(main)
