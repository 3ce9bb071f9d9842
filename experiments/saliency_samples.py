"""Frames beside their saliency masks, as the write-up of 2019 shows them.

    python -m experiments.saliency_samples --images='frames/test/*.png'

Takes frames that data_prep.prepare made; the caption names the predictor that the
manifest beside them records.
"""

from __future__ import annotations

from data_prep import contact_sheet
from data_prep.pipeline import manifest
from experiments.record import write_record
from salcomp import cli
from salcomp.errors import InputError
from salcomp.files import disk
from salcomp.flags import Flags

FLAGS = Flags()
FLAGS.string("images", None, "Pattern or folder of RGBA frames.")
FLAGS.integer(
    "num_frames",
    4,
    "Frames to show, at equal distances through the set.",
    lower_bound=1,
)
FLAGS.string(
    "output_dir", "results/saliency_samples", "Folder for the figure and its record."
)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.images:
        raise InputError("--images is needed: frames that data_prep.prepare made")
    paths = disk.expand_inputs([FLAGS.images])
    shown = disk.spread(paths, FLAGS.num_frames)
    origin = manifest.origins(paths)
    output = disk.make_folder("output_dir", FLAGS.output_dir)
    caption = (
        f"Frames and saliency masks (0 to 1; predictor: {origin}). "
        f"{len(shown)} of {len(paths)} frames, at equal distances through the set."
    )
    contact_sheet.draw(output / "figure.png", shown, caption, overlay=False)
    found = {"predictor": origin, "frames": [path.name for path in shown]}
    write_record(output / "record.json", "saliency_samples", argv, **found)
    print(f"the figure is {output / 'figure.png'}")


if __name__ == "__main__":
    cli.run(main)
