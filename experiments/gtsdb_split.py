"""Sorts the frames of GTSDB into the sets of the study: 574 to train on, 96 to test.

    python -m experiments.gtsdb_split --source=FullIJCNN2013 --output_dir=gtsdb

Makes links `gtsdb/train/gtsdb_00001.ppm`, ... to the frames of the German Traffic Sign
Detection Benchmark (Houben et al., IJCNN 2013) for data_prep.prepare. Near-duplicates,
of which the benchmark's drives hold many, are left out; `gtsdb_split.json` beside this
module lists what is kept. Where the benchmark's `gt.txt` lies among the frames,
`gtsdb/signs_train.json` and `signs_test.json` get its boxes of traffic signs, in the
pixels of frames that are cropped and resized as experiments/README.md tells.
"""

from __future__ import annotations

import json
from pathlib import Path

from absl import flags

from salcomp import cli
from salcomp.errors import InputError
from salcomp.files import disk
from salcomp.files.disk import write_file

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
_ANNOTATIONS = "gt.txt"  # 00000.ppm;left;top;right;bottom;class
# The crop and the width of the study's frames.
_LEFT, _TOP, _RIGHT, _BOTTOM = 4, 120, 1356, 796
_WIDTH = 512


def frame_numbers() -> dict[str, list[int]]:
    """The numbers of the benchmark's frames in each set of the study."""
    return json.loads(Path(__file__).with_suffix(".json").read_text())


def _find(folder: Path, number: int) -> Path:
    paths = [folder / f"{number:05}{suffix}" for suffix in _SUFFIXES]
    for path in filter(Path.exists, paths):
        return path
    raise InputError(
        f"{folder} has no frame {number:05}.ppm; --source is the folder of all 900 "
        "frames of FullIJCNN2013.zip"
    )


def boxes(annotations: str) -> dict[int, list[dict]]:
    """Signs by the number of the frame, as `salcomp.evaluate --roi_boxes` takes them.

    Args:
      annotations: lines "00000.ppm;left;top;right;bottom;class" in the benchmark's
        pixels.

    Returns:
      Rows {"box": [left, top, right, bottom], "class_id"} in those of the frames;
      what lies outside the crop is cut off, or left out.

    Raises:
      InputError: a line is of another form.
    """
    found: dict[int, list[dict]] = {}
    scale = _WIDTH / (_RIGHT - _LEFT)
    for line in annotations.split():
        name, *cells = line.split(";")
        try:
            number = int(Path(name).stem)
            left, top, right, bottom, kind = map(int, cells)
        except ValueError as error:
            raise InputError(
                f"{_ANNOTATIONS}: {line!r} is not 00000.ppm;left;top;right;bottom;class"
            ) from error
        columns = [min(max(edge, _LEFT), _RIGHT) - _LEFT for edge in (left, right)]
        rows = [min(max(edge, _TOP), _BOTTOM) - _TOP for edge in (top, bottom)]
        if columns[0] < columns[1] and rows[0] < rows[1]:
            corners = columns[0], rows[0], columns[1], rows[1]
            box = [round(scale * edge, 1) for edge in corners]
            found.setdefault(number, []).append({"box": box, "class_id": kind})
    return found


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
        folder = disk.make_folder("output_dir", Path(FLAGS.output_dir) / name)
        for path in paths:
            link = folder / f"gtsdb_{path.name}"
            if link.is_symlink():
                link.unlink()
            elif link.exists():
                raise InputError(f"{link} is no link; choose another --output_dir")
            link.symlink_to(path)
        print(f"{folder}: {len(paths)} frames")
    if (source / _ANNOTATIONS).is_file():
        _write_boxes(boxes((source / _ANNOTATIONS).read_text()))


def _write_boxes(signs: dict[int, list[dict]]) -> None:
    for name, numbers in frame_numbers().items():
        path = Path(FLAGS.output_dir) / f"signs_{name}.json"
        frames = {f"gtsdb_{n:05}.png": signs.get(n, []) for n in numbers}
        write_file(path, (json.dumps(frames, indent=1) + "\n").encode())
        print(f"{path}: signs in {sum(map(bool, frames.values()))} frames")


if __name__ == "__main__":
    cli.run(main)
