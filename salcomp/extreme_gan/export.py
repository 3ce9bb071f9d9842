"""The tool that makes a model that can be used of any checkpoint of a GAN's run.

python -m salcomp.extreme_gan.export --workdir=RUN [--step=1000] [--output=DIR]
"""

from __future__ import annotations

from absl import flags

from salcomp import cli, export
from salcomp.extreme_gan.model import ExtremeGan

FLAGS = flags.FlagValues()
export.define_flags(FLAGS)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    export.run(FLAGS, ExtremeGan)


if __name__ == "__main__":
    cli.run(main)
