"""Decompresses .salc files to PNG. Needs the file and the model, nothing else.

    python -m salcomp.decompress photo.salc --model=runs/cpu-saliency
"""

from __future__ import annotations

from absl import flags, logging

from salcomp import bitstream, cli, file_jobs, images
from salcomp.codec import Codec
from salcomp.errors import InputError

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "model",
    None,
    "Workdir of the run, or exported model folder, that compressed the files.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output_dir",
    None,
    "Folder of the PNG files, named NAME.png. By default each goes beside its file as "
    "NAME.salc.png, which is never the original.",
    flag_values=FLAGS,
)
flags.DEFINE_boolean(
    "overwrite", False, "Whether to replace outputs that exist.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "max_pixels",
    images.MAX_PIXELS,
    "Refuse files of images with more pixels; the default is 2^26.",
    lower_bound=1,
    flag_values=FLAGS,
)


def main(argv):
    arguments = cli.parse(FLAGS, argv, __doc__, files=True)
    sources = images.expand_inputs(arguments, (".salc",))
    if not FLAGS.model:
        raise InputError("--model is needed: a run's workdir or an exported model")
    # Beside its file, photo.png may well be the original of photo.salc.
    suffix = ".salc.png" if FLAGS.output_dir is None else ".png"
    jobs = file_jobs.plan(sources, suffix, FLAGS.output_dir, FLAGS.overwrite)
    if not jobs:
        return
    codec = Codec.load(FLAGS.model)

    def work(job: file_jobs.Job):
        try:
            with open(job.source, "rb") as file:
                data = file.read(bitstream.HEADER_BYTES)
                data += file.read(bitstream.payload_bytes(data) + 1)
        except OSError as error:
            raise InputError(f"{job.source}: {error.strerror}") from error
        images.write_png(job.output, codec.decode(data, FLAGS.max_pixels))
        logging.info("%s", job.output)

    file_jobs.run(jobs, work, "decompress")


if __name__ == "__main__":
    cli.run(main)
