"""Decompresses .salc files to PNG. Needs the file and the model, nothing else.

    python -m salcomp.decompress photo.salc --model=runs/cpu-saliency
"""

from __future__ import annotations

from collections.abc import Callable

from absl import flags, logging

from salcomp import bitstream, cli, file_jobs, images
from salcomp.codec import Codec
from salcomp.errors import InputError
from salcomp.range_codec import RangeCodec


def define_flags(flag_values: flags.FlagValues, max_pixels: int) -> None:
    """Defines the flags of the tool, for any kind of model.

    Args:
      flag_values: to define them in.
      max_pixels: default of the flag of that name.
    """
    flags.DEFINE_string(
        "model",
        None,
        "Workdir of the run, or exported model folder, that compressed the files.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "output_dir",
        None,
        "Folder of the PNG files, named NAME.png. By default each goes beside its file "
        "as NAME.salc.png, which is never the original.",
        flag_values=flag_values,
    )
    flags.DEFINE_boolean(
        "overwrite",
        False,
        "Whether to replace outputs that exist.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "max_pixels",
        max_pixels,
        "Refuse files of images with more pixels.",
        lower_bound=1,
        flag_values=flag_values,
    )


FLAGS = flags.FlagValues()
define_flags(FLAGS, images.MAX_PIXELS)


def run(
    args: flags.FlagValues,
    arguments: list[str],
    load: Callable[[str], RangeCodec],
) -> None:
    """Does what the flags of `define_flags` and the arguments beside them say.

    Args:
      args: the flags.
      arguments: files to decompress.
      load: the codec of a folder.

    Raises:
      SalcompError: nothing could be done, or a file failed; the reasons have been
        logged.
    """
    sources = images.expand_inputs(arguments, (".salc",))
    if not args.model:
        raise InputError("--model is needed: a run's workdir or an exported model")
    # Beside its file, photo.png may well be the original of photo.salc.
    suffix = ".salc.png" if args.output_dir is None else ".png"
    jobs = file_jobs.plan(sources, suffix, args.output_dir, args.overwrite)
    if not jobs:
        return
    codec = load(args.model)

    def work(job: file_jobs.Job):
        try:
            with open(job.source, "rb") as file:
                data = file.read(bitstream.HEADER_BYTES)
                data += file.read(bitstream.payload_bytes(data) + 1)
        except OSError as error:
            raise InputError(f"{job.source}: {error.strerror}") from error
        images.write_png(job.output, codec.decode(data, args.max_pixels))
        logging.info("%s", job.output)

    file_jobs.run(jobs, work, "decompress")


def main(argv):
    run(FLAGS, cli.parse(FLAGS, argv, __doc__, files=True), Codec.load)


if __name__ == "__main__":
    cli.run(main)
