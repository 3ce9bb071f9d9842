"""Converts published weights of SAM to a file that loads faster and needs no HDF5.

    python -m data_prep.convert_sam --weights=sam-resnet_salicon2017_weights.pkl \\
        --output=sam-resnet.npz

Maps are the same to the bit. The file states the SHA-256 of the original, which goes on
identifying the weights.
"""

from __future__ import annotations

from pathlib import Path

from absl import logging

from data_prep.predictors.sam import model as sam
from data_prep.predictors.sam import weights
from salcomp import cli
from salcomp.errors import InputError
from salcomp.flags import Flags

FLAGS = Flags()
FLAGS.string(
    "weights", None, "The authors' sam-vgg_*_weights.pkl or sam-resnet_*_weights.pkl."
)
FLAGS.string("output", None, "File to write, best named *.npz.")
FLAGS.boolean("overwrite", False, "Whether to replace an output that exists.")


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    for name in ("weights", "output"):
        if not FLAGS[name].value:
            raise InputError(f"--{name} is needed: {FLAGS[name].help}")
    output = Path(FLAGS.output).expanduser()
    if output.exists() and not FLAGS.overwrite:
        raise InputError(f"{output}: exists; give --overwrite to replace it")
    stored = weights.read(str(Path(FLAGS.weights).expanduser()))
    # Refuses what does not fit, before it is written.
    weights.assign(sam.build(stored.network), stored)
    weights.save_converted(output, stored)
    logging.info("%s: %s, original %s", output, stored.network, stored.sha256)


if __name__ == "__main__":
    cli.run(main)
