"""Draws a contact sheet of prepared frames, and tells what their maps can give.

    python -m data_prep.preview --input_glob='frames/train/*.png' --output=sheet.png

Prints the mean saliency of the whole set and, for several floors, the bound
10 log10(AM/GM) of the weights max(s, floor): the weighted PSNR that a codec that knows
them gains, at high rate, over one that does not (after Martinian, Wornell and Zamir,
"Source Coding with Distortion Side Information", IEEE T-IT 2008). At the low rates of
practice most coefficients are zero, and the gain is well below it.
"""

from __future__ import annotations

import numpy as np

from data_prep import contact_sheet
from data_prep.pipeline import manifest
from salcomp import cli
from salcomp.errors import InputError
from salcomp.files import disk, images, saliency_maps
from salcomp.flags import Flags
from salcomp.progress import Progress

FLAGS = Flags()
FLAGS.string("input_glob", None, "Pattern or folder of the frames.")
FLAGS.string("output", None, "PNG file of the sheet.")
FLAGS.integer(
    "num_frames",
    8,
    "Frames to draw, at equal distances through the set.",
    lower_bound=1,
)
FLAGS.list(
    "floors",
    ["0.5", "0.2", "0.1", "0.05", "0.01"],
    "Smallest weights, over 0 and up to 1, to print the bound for.",
)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not (FLAGS.input_glob and FLAGS.output):
        raise InputError("--input_glob and --output are needed")
    floors = cli.numbers(FLAGS, "floors")
    if not all(0 < floor <= 1 for floor in floors):
        raise InputError("--floors: each must be over 0 and at most 1")
    paths = disk.expand_inputs([FLAGS.input_glob])
    counts = sum(
        saliency_maps.level_counts(images.read_frame(path)[..., 3])
        for path in Progress(paths, "frames", unit="frame")
    )
    share = counts / counts.sum()
    levels = np.arange(256) / 255
    origin = manifest.origins(paths)
    summary = (
        f"{len(paths)} frames, maps: {origin}; mean saliency {share @ levels:.4f}; "
        f"{share[levels < 0.05].sum():.1%} of the pixels under 0.05, "
        f"{share[levels > 0.5].sum():.1%} over 0.5"
    )
    print(summary)
    print("floor   bound 10 log10(AM/GM) of max(s, floor)")
    for floor in floors:
        print(f"{floor:5g}   {saliency_maps.weighting_bound(counts, floor):.2f} dB")
    shown = disk.spread(paths, FLAGS.num_frames)
    contact_sheet.draw(FLAGS.output, shown, summary)
    print(f"the sheet is {disk.printable(FLAGS.output)}")


if __name__ == "__main__":
    cli.run(main)
