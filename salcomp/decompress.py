"""Decompresses .salc files to PNG. Needs the file and the model, nothing else.

python -m salcomp.decompress photo.salc
python -m salcomp.decompress photo.salc --model=runs/cpu-saliency
python -m salcomp.decompress photo.salc --model=runs/cpu-recurrent --iterations=2
"""

from __future__ import annotations

from salcomp import cli
from salcomp.codec import files
from salcomp.files import disk
from salcomp.flags import Flags

FLAGS = Flags()
cli.define_output_flags(
    FLAGS,
    "the PNG files, named NAME.png. By default each goes beside its file as "
    "NAME.salc.png, which is never the original.",
)
FLAGS.string(
    "model",
    None,
    "What compressed the files: the workdir of a run, an exported model folder, or the "
    "name of a model that comes with salcomp. By default each file is decompressed by "
    "the one of these that its header tells of.",
)
FLAGS.integer(
    "iterations",
    None,
    "How many iterations to decode of the files of a recurrent model, which may be cut "
    "after them; all by default, of whole files.",
    lower_bound=1,
)


def main(argv):
    arguments = cli.parse(FLAGS, argv, __doc__, files=True)
    sources = disk.find_inputs(arguments, (".salc",))
    # Beside its file, photo.png may well be the original of photo.salc.
    suffix = ".salc.png" if FLAGS.output_dir is None else ".png"
    jobs = files.plan(sources, suffix, FLAGS.output_dir, FLAGS.overwrite)
    if not jobs:
        return
    codec_for = files.ShippedCodecs().codec_for
    if FLAGS.model:
        from salcomp.codec import base  # imports TensorFlow, which takes seconds

        given = base.load(FLAGS.model)

        def codec_for(fingerprint):
            return given

    files.decompress_files(codec_for, jobs, FLAGS.max_pixels, FLAGS.iterations)


if __name__ == "__main__":
    cli.run(main)
