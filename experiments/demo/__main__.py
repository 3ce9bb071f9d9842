"""The method at work in minutes: what telling the encoder where people look changes.

Codes a photograph by a trained model, with uniform weights and weighted by where people
look, and by AVIF and WebP, all at the same bytes; draws a figure, and a page to compare
them on. Then trains a baseline and a saliency arm from a model that comes with salcomp,
with the same frames, steps, seed and schedule; compresses held-out frames to files and
back with both; prints a table and draws a figure.

    python -m experiments.demo                     trains on built-in drawn scenes
    python -m experiments.demo --data='DIR/*.png'  on RGBA PNGs, the map as alpha
"""

from __future__ import annotations

from pathlib import Path

from experiments.demo import photograph, training
from experiments.record import write_record
from salcomp import cli
from salcomp.errors import InputError
from salcomp.files import disk
from salcomp.flags import Flags

FLAGS = Flags()
FLAGS.list(
    "acts",
    ["photograph", "training"],
    "What to show: photograph, in about a minute, and training, in about four.",
)
FLAGS.string(
    "photo",
    None,
    "A photograph to show in the place of the one that matplotlib brings, a portrait "
    "of Grace Hopper.",
)
FLAGS.float("bpp", 0.15, "Rate of the photograph's files, in bit per pixel.")
FLAGS.string(
    "data",
    None,
    "Pattern or folder of RGBA PNGs to train on, the saliency map as alpha; built-in "
    "scenes by default.",
)
FLAGS.string("output_dir", "demo", "Folder for the runs, files, figures and page.")
FLAGS.string(
    "start",
    "baseline-2",
    "What both arms start from: the name of a model that comes with salcomp, a run, or "
    "an exported model.",
)
FLAGS.string("preset", "cpu", "Preset of the trainings.")
FLAGS.integer("steps", 1000, "Steps of each arm.", lower_bound=1)
FLAGS.float("lambda", 0.0015, "Lambda of both arms; the default is the start's.")
FLAGS.float(
    "saliency_floor",
    0.1,
    "Smallest weight of the saliency arm, 0 to 1; the preset's 0.1.",
)
FLAGS.integer("num_scenes", 96, "Built-in scenes to train on.", lower_bound=2)
FLAGS.integer("seed", 0, "Seed of the trainings.")
FLAGS.integer(
    "figure_frame",
    0,
    "Which held-out frame the figure shows; the first by default.",
    lower_bound=0,
)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    odd = set(FLAGS.acts) - {"photograph", "training"}
    if odd or not FLAGS.acts:
        raise InputError("--acts: give photograph, training, or both")
    data = FLAGS.data
    if data and Path(data).is_dir():
        data = str(Path(data) / "*.png")
    if data:
        training.check_maps(data)
    output = disk.make_folder("output_dir", FLAGS.output_dir)
    found = {}
    if "photograph" in FLAGS.acts:
        found["photograph"] = photograph.show(FLAGS.photo, FLAGS.bpp, output)
    if "training" in FLAGS.acts:
        plan = training.Plan(
            data,
            FLAGS.start,
            FLAGS.preset,
            FLAGS.steps,
            FLAGS["lambda"].value,
            FLAGS.saliency_floor,
            FLAGS.num_scenes,
            FLAGS.seed,
        )
        held_out = training.show(plan, FLAGS.figure_frame, output)
        made_of = FLAGS.data or f"{FLAGS.num_scenes} built-in scenes"
        found |= {"seed": FLAGS.seed, "data": made_of, "held_out": held_out}
    write_record(output / "record.json", "demo", argv, **found)
    print(f"what was made is in {output}")


if __name__ == "__main__":
    cli.run(main)
