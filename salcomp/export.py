"""Makes a model that can be used of any checkpoint of a run.

python -m salcomp.export --workdir=RUN [--step=1000] [--output=DIR]
"""

from __future__ import annotations

from pathlib import Path

from salcomp import cli
from salcomp.errors import InputError
from salcomp.flags import Flags
from salcomp.zoo import kinds

FLAGS = Flags()
FLAGS.string("workdir", None, "Folder of the run, as given to the trainer.")
FLAGS.integer("step", None, "Step of the checkpoint to export; the newest by default.")
FLAGS.string(
    "output",
    None,
    "Folder to write; by default the run's own model/, which --model=WORKDIR uses.",
)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.workdir:
        raise InputError("--workdir is needed: the folder of the run")
    kind = kinds.of(Path(FLAGS.workdir).expanduser())
    from salcomp.zoo import exported  # imports TensorFlow, which takes seconds

    print(exported.export_run(FLAGS.workdir, FLAGS.step, FLAGS.output, kind.model))


if __name__ == "__main__":
    cli.run(main)
