"""Trains a recurrent codec.

    python -m salcomp.recurrent.train --preset=cpu --train_glob='frames/*.png'
    python -m salcomp.recurrent.train --preset=cpu --saliency --cell=lstm

A command that is given again goes on from the run's last checkpoint.
"""

from __future__ import annotations

import os

from salcomp import cli
from salcomp.flags import Flags
from salcomp.recurrent.config import RECURRENT
from salcomp.recurrent.model import RecurrentCoder
from salcomp.training import flags, run

FLAGS = Flags()
flags.define_config_flags(FLAGS, RECURRENT)
flags.define_run_flags(FLAGS)
FLAGS.string("workdir", None, "Folder of the run; by default runs/recurrent-PRESET.")


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    config = flags.config_from_flags(FLAGS, presets=RECURRENT)
    training, validation = flags.training_and_validation(FLAGS, config)
    workdir = FLAGS.workdir or os.path.join("runs", f"recurrent-{config.preset}")
    print(
        run.train(
            config,
            training,
            validation,
            os.path.expanduser(workdir),
            schedule=flags.schedule(FLAGS),
            kind=RecurrentCoder,
        )
    )


if __name__ == "__main__":
    cli.run(main)
