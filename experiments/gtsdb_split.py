"""Sorts the frames of GTSDB into the sets of the study: 574 to train on, 96 to test.

    python -m experiments.gtsdb_split --source=FullIJCNN2013 --output_dir=gtsdb

Makes links `gtsdb/train/gtsdb_00001.ppm`, ... to the frames of the German Traffic Sign
Detection Benchmark (Houben et al., IJCNN 2013) for data_prep.prepare. Near-duplicates,
of which the benchmark's drives hold many, are left out; `gtsdb_split.json` beside this
module lists what is kept.
"""

from __future__ import annotations

import json
from pathlib import Path

from absl import flags

from salcomp import cli, folders
from salcomp.errors import InputError

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "source",
    None,
    "Folder of the benchmark's 900 frames, 00000 to 00899, as PPM, PNG or JPEG.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output_dir", None, "Folder for the links, one folder per set.", flag_values=FLAGS
)

_SUFFIXES = (".ppm", ".png", ".jpg")


def frame_numbers() -> dict[str, list[int]]:
    """The numbers of the benchmark's frames in each set of the study."""
    return json.loads(Path(__file__).with_suffix(".json").read_text())


def _find(folder: Path, number: int) -> Path:
    for suffix in _SUFFIXES:
        path = folder / f"{number:05}{suffix}"
        if path.exists():
            return path
    raise InputError(
        f"{folder} has no frame {number:05}.ppm; --source is the folder of all 900 "
        "frames of FullIJCNN2013.zip"
    )


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not (FLAGS.source and FLAGS.output_dir):
        raise InputError("--source and --output_dir are needed")
    source = Path(FLAGS.source).expanduser().resolve()
    found = {
        name: [_find(source, number) for number in numbers]
        for name, numbers in frame_numbers().items()
    }
    for name, paths in found.items():
        folder = folders.make("output_dir", Path(FLAGS.output_dir) / name)
        for path in paths:
            link = folder / f"gtsdb_{path.name}"
            if link.is_symlink():
                link.unlink()
            elif link.exists():
                raise InputError(f"{link} is no link; choose another --output_dir")
            link.symlink_to(path)
        print(f"{folder}: {len(paths)} frames")


if __name__ == "__main__":
    cli.run(main)
