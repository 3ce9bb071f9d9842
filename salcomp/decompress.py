"""Decompresses .salc files to PNG. Needs the file and the model, nothing else.

python -m salcomp.decompress photo.salc
python -m salcomp.decompress photo.salc --model=runs/cpu-saliency
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import flags, logging

from salcomp import cli
from salcomp.codec import bitstream
from salcomp.codec import files as file_jobs
from salcomp.codec.base import RangeCodec
from salcomp.codec.codec import Codec
from salcomp.errors import BitstreamError, InputError
from salcomp.files import disk, images
from salcomp.zoo import shipped


def define_flags(flag_values: flags.FlagValues, max_pixels: int) -> None:
    """Defines the flags that do not depend on the kind of model.

    Args:
      flag_values: to define them in.
      max_pixels: default of the flag of that name.
    """
    outputs = (
        "the PNG files, named NAME.png. By default each goes beside its file as "
        "NAME.salc.png, which is never the original."
    )
    file_jobs.define_flags(flag_values, outputs, max_pixels)


FLAGS = flags.FlagValues()
define_flags(FLAGS, images.MAX_PIXELS)
flags.DEFINE_string(
    "model",
    None,
    "What compressed the files: the workdir of a run, an exported model folder, or the "
    "name of a model that comes with salcomp. By default each file is decompressed by "
    "the one of these that its header tells of.",
    flag_values=FLAGS,
)


class _ZooCodecs:
    """The codecs of the models that come with salcomp, each loaded when needed."""

    def __init__(self):
        self._codecs: dict[bytes, Codec] = {}
        self._lock = threading.Lock()

    def codec_for(self, data: bytes) -> Codec:
        """The codec of the model that a file's header tells of.

        Raises:
          BitstreamError: the file is damaged, or of a model from elsewhere.
        """
        fingerprint = bitstream.read_whole(data).fingerprint
        with self._lock:
            if fingerprint not in self._codecs:
                folder = shipped.with_fingerprint(fingerprint)
                if folder is None:
                    raise BitstreamError(
                        f"written by model {fingerprint.hex()}, which is none of those "
                        "that come with salcomp; give --model that one"
                    )
                self._codecs[fingerprint] = Codec.load(folder)
            return self._codecs[fingerprint]


def _read(path: Path) -> bytes:
    """A file up to a byte more than its header says, enough to tell that it is longer.

    Raises:
      InputError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            header = file.read(bitstream.HEADER_BYTES)
            return header + file.read(bitstream.payload_bytes(header) + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error


def plan(args: flags.FlagValues, arguments: list[str]) -> list[file_jobs.Job]:
    """The .salc files to read and the PNG files to write.

    Args:
      args: the flags of `define_flags`.
      arguments: what stands beside the flags.

    Raises:
      InputError: no file is named, or two would become one.
    """
    sources = disk.expand_inputs(arguments, (".salc",))
    # Beside its file, photo.png may well be the original of photo.salc.
    suffix = ".salc.png" if args.output_dir is None else ".png"
    return file_jobs.plan(sources, suffix, args.output_dir, args.overwrite)


def decompress_files(
    codec_for: Callable[[bytes], RangeCodec],
    jobs: Sequence[file_jobs.Job],
    max_pixels: int,
) -> None:
    """Decompresses files.

    Args:
      codec_for: the codec of a file's bytes.
      jobs: .salc files to read and PNG files to write.
      max_pixels: most pixels of an image.

    Raises:
      SalcompError: at least one file failed; the reasons have been logged.
    """

    def work(job: file_jobs.Job):
        data = _read(job.source)
        images.write_png(job.output, codec_for(data).decode(data, max_pixels))
        logging.info("%s", job.output)

    file_jobs.run(jobs, work, "decompress")


def main(argv):
    jobs = plan(FLAGS, cli.parse(FLAGS, argv, __doc__, files=True))
    if not jobs:
        return
    if FLAGS.model:
        given = Codec.load(FLAGS.model)
        decompress_files(lambda data: given, jobs, FLAGS.max_pixels)
    else:
        decompress_files(_ZooCodecs().codec_for, jobs, FLAGS.max_pixels)


if __name__ == "__main__":
    cli.run(main)
