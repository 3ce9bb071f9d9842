"""Exports the training step for accelerators that TensorFlow 2.14 cannot drive.

    python -m salcomp.export_step --output=step --preset=blog

Writes the step as a program of XLA, which `python -m salcomp.run_step` runs where JAX
is and TensorFlow is not. One export serves every lambda, weighting, learning rate,
schedule, number of steps and seed; whether the encoder sees the map, N, dilation,
distortion, crops and batch size are part of the program.
"""

from __future__ import annotations

from salcomp import cli
from salcomp.accelerator import exported_step
from salcomp.accelerator.program import export_step
from salcomp.errors import InputError
from salcomp.files import disk
from salcomp.flags import Flags
from salcomp.training import flags
from salcomp.training.run import initial_model
from salcomp.zoo import exported

FLAGS = Flags()
flags.define_config_flags(FLAGS)
FLAGS.string("output", None, "Folder of the exported step.")
FLAGS.string(
    "init_from",
    None,
    "Workdir, exported model, or name of a model that comes with salcomp, to take the "
    "initial weights from.",
)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.output:
        raise InputError("--output is needed: a folder for the exported step")
    config = flags.config_from_flags(FLAGS)
    if config.layers != "2019":
        raise InputError(
            f"the layers {config.layers}, which --preset=stock_v2 has, are there to "
            "compare with, and are not exported; take another preset"
        )
    output = disk.make_folder("output", FLAGS.output)
    if FLAGS.init_from:
        exported.ready(FLAGS.init_from)
    model = initial_model(config, FLAGS.init_from)
    exported_step.save(output, export_step(model))
    print(output)


if __name__ == "__main__":
    cli.run(main)
