"""Brings the published weights of a predictor.

    python -m data_prep.get_weights unisal
    python -m data_prep.get_weights unisal --wheel=pyautoflip-0.2.1-py3-none-any.whl

Downloads the package that carries them, by pip and by SHA-256, and puts them and their
licences where the predictor finds them: $XDG_CACHE_HOME/salcomp, or ~/.cache/salcomp.
Nothing of the package is installed or run.
"""

from __future__ import annotations

from pathlib import Path

from data_prep.predictors import published
from salcomp import cli
from salcomp.errors import InputError
from salcomp.flags import Flags

# Where those are to be had that no package carries.
_ELSEWHERE = {
    "attention-center": "take model/center.tflite (Apache-2.0) from "
    "https://github.com/google/attention-center and name it by --weights"
}

FLAGS = Flags()
FLAGS.string(
    "output",
    None,
    "Folder for the files instead, for you to name to the predictor by its --weights.",
)
FLAGS.string(
    "wheel",
    None,
    "The wheel of the package, where it was downloaded elsewhere: `pip download "
    "--no-deps --only-binary=:all: pyautoflip==0.2.1`.",
)


def main(argv):
    names = cli.parse(FLAGS, argv, __doc__, files=True)
    known = ", ".join([*published.NETWORKS, *_ELSEWHERE])
    if len(names) != 1:
        raise InputError(f"name one predictor to bring the weights of: {known}")
    (name,) = names
    if name in _ELSEWHERE:
        raise InputError(f"no package carries {name}: {_ELSEWHERE[name]}")
    if name not in published.NETWORKS:
        raise InputError(f"there are no weights of {name} to bring; there are {known}")
    network = published.NETWORKS[name]
    folder = Path(FLAGS.output or published.cache_folder(name)).expanduser()
    there = network.is_whole(folder)
    if not there:
        wheel = Path(FLAGS.wheel).expanduser() if FLAGS.wheel else None
        published.bring(network, folder, wheel)
    size = sum((folder / file).stat().st_size for file in network.files)
    print(f"{folder}: {name}, {size / 1e6:.0f} MB{', there already' * there}")
    print(f"licence: {network.licence}; its texts are beside it")
    print(f"to cite: {network.citation}")


if __name__ == "__main__":
    cli.run(main)
