"""Checks weights of SAM against maps that the original code made.

    python -m data_prep.verify_sam --weights=sam-resnet_salicon_weights.pkl \\
        --images=sam/sample_images --expected=sam/predictions

The folders are of marcellacornia/sam, where each map has the name and the size of its
image. Prints Pearson's correlation with the map here, per image; the maps being JPEG
files, over 0.99 is as good as equal. The status is 0 if every image is over it, else 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data_prep.predictors.sam.predict import SamPredictor
from salcomp import cli
from salcomp.errors import InputError
from salcomp.files import disk, images, masks
from salcomp.flags import Flags

_NEEDED = 0.99

FLAGS = Flags()
FLAGS.string(
    "weights",
    None,
    "The authors' weights, or converted ones; which network is found out.",
)
FLAGS.string("images", None, "Folder of photographs: sample_images.")
FLAGS.string("expected", None, "Folder of their maps: predictions.")


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two maps of a size; 0 if one is the same everywhere."""
    a, b = (x.astype(np.float64) - x.mean(dtype=np.float64) for x in (a, b))
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / scale) if scale > 0 else 0.0


def _expected_map(path: Path, folder: str) -> np.ndarray:
    """The map of an image's name: float32 [H, W]."""
    expected = Path(folder).expanduser() / path.name
    if not expected.is_file():
        raise InputError(f"{expected}: no such map for {path}; see --expected")
    return masks.read_mask(expected)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    for name in ("weights", "images", "expected"):
        if not FLAGS[name].value:
            raise InputError(f"--{name} is needed: {FLAGS[name].help}")
    if not Path(FLAGS.expected).expanduser().is_dir():
        raise InputError(f"--expected={FLAGS.expected}: no such folder")
    paths = disk.expand_inputs([FLAGS.images])
    expected = [_expected_map(path, FLAGS.expected) for path in paths]
    sam = SamPredictor.load(str(Path(FLAGS.weights).expanduser()))
    found = []
    for path, theirs in zip(paths, expected):
        rgb = images.read_image(path).rgb
        if rgb.shape[:2] != theirs.shape:
            raise InputError(
                f"{path}: {rgb.shape[1]}x{rgb.shape[0]}, but its map has "
                f"{theirs.shape[1]}x{theirs.shape[0]}; give the map at original size"
            )
        found.append(correlation(sam.predict([rgb])[0], theirs))
        print(f"{disk.printable(path.name)} {found[-1]:.5f}")
    print(f"lowest {min(found):.5f}, mean {np.mean(found):.5f}")
    if min(found) > _NEEDED:
        print(f"{sam.network} makes the maps that the original made.")
        return 0
    print(
        f"{sam.network} with these weights makes other maps than the original made: "
        f"over {_NEEDED} is expected. Are they of other weights?"
    )
    return 1


if __name__ == "__main__":
    cli.run(main)
