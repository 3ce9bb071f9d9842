"""Trains the GAN baseline of 2019, as published or repaired.

    python -m salcomp.extreme_gan.train --train_glob='frames/*.png'
    python -m salcomp.extreme_gan.train --preset=repaired --train_glob='frames/*.png'
    python -m salcomp.extreme_gan.train --preset=repaired --width=0.125 --saliency

At width 1 it wants a GPU; --width=0.125 trains on a CPU. A command that is given again
goes on from the run's last checkpoint.
"""

from __future__ import annotations

import os

from salcomp import cli
from salcomp.extreme_gan import run
from salcomp.extreme_gan.config import GAN
from salcomp.flags import Flags
from salcomp.training import flags

FLAGS = Flags()
flags.define_config_flags(FLAGS, GAN)
flags.define_run_flags(FLAGS)
FLAGS.string("workdir", None, "Folder of the run; by default runs/gan-PRESET.")
FLAGS.integer(
    "sample_every",
    1000,
    "Steps between samples of the generator, PNG files in samples/ of the workdir.",
    lower_bound=1,
)
FLAGS.integer(
    "sample_images",
    4,
    "Frames to sample: held-out ones if the run holds frames out, else training "
    "frames.",
    lower_bound=1,
)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    config = flags.config_from_flags(FLAGS, presets=GAN)
    training, held_out = flags.training_and_validation(FLAGS, config, config.held_out)
    workdir = FLAGS.workdir or os.path.join("runs", f"gan-{config.preset}")
    print(
        run.train(
            config,
            training,
            held_out,
            os.path.expanduser(workdir),
            flags.schedule(FLAGS),
            run.Sampling(FLAGS.sample_every, FLAGS.sample_images),
        )
    )


if __name__ == "__main__":
    cli.run(main)
