"""Why the GAN baseline of 2019 did well on its training set and badly on the test set.

    python -m experiments.gan_overfitting --data=frames

Trains the GAN as published; with each remedy that the write-up of 2019 tried; with each
repair of the published code, one at a time; and repaired: each at a reduced width, on
the same reduced frames, for the same number of steps, with several seeds; and, as a
control, as published and repaired on all frames there are. Which changes count is
decided by the rule in `table`. The same command goes on where a stopped one was.
"""

from __future__ import annotations

import tensorflow as tf
from absl import flags, logging

from experiments.gan_overfitting import figures, reduced_frames
from experiments.gan_overfitting import table as gan_table
from experiments.gan_overfitting.arms import (
    ARMS,
    ON_ALL_FRAMES,
    ON_LARGE_FRAMES,
    PUBLISHED,
    Training,
)
from experiments.gan_overfitting.reduced_frames import Sets
from experiments.record import write_record
from salcomp import cli
from salcomp.data import frame_files, frames
from salcomp.errors import InputError
from salcomp.extreme_gan import evaluation, run
from salcomp.extreme_gan.codec import GanCodec
from salcomp.extreme_gan.config import GAN, GanConfig
from salcomp.files import disk
from salcomp.files import results as results_files
from salcomp.metrics import ms_ssim
from salcomp.training.run import Schedule

_SHOWN = (PUBLISHED, "repaired")
_EVALUATIONS = 10
_FRAMES_SHOWN = 3

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "data",
    None,
    "Folder of RGBA PNGs, the saliency map as alpha: those in its train/ are trained "
    "on, those in its test/ held out. Without these two, a tenth of its own PNGs is "
    "held out.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output_dir",
    "results/gan_overfitting",
    "Folder for table, figures and record.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "runs_dir",
    "runs/gan_overfitting",
    "Folder for the reduced frames and the trainings.",
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "arms",
    None,
    f"What to train, among {', '.join(ARMS)}; by default all, but for ms_ssim on "
    f"reduced frames of less than {ms_ssim.MIN_SIDE} pixels.",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "width",
    0.125,
    "Factor on the channels of the published networks.",
    lower_bound=1e-3,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "steps",
    1200,
    "Steps of each training; with all other defaults, the generator sees each frame 50 "
    "times; in the published example, 27 times.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "train_frames",
    24,
    "Frames to train on, at equal distances through the set.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "validation_frames",
    48,
    "Frames to validate on, from the same set: those of the learning curves.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "test_frames",
    96,
    "Most frames to test on: those of the table.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "reduction",
    4,
    "Factor by which height and width of the frames are reduced; 4 makes 128x64 of "
    "512x256.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "seeds",
    ["0", "1", "2"],
    "Seeds, with each of which all is trained, in 20 to 25 minutes on two cores.",
    flag_values=FLAGS,
)


def _config(arm: str, seed: int, sets: Sets) -> GanConfig:
    """What a training of an arm computes."""
    height, aspect = sets.crop
    changes = dict(width=FLAGS.width, seed=seed, patchsize=height, patch_aspect=aspect)
    changes.update(ARMS[arm], last_step=FLAGS.steps)
    return GAN.make(changes.pop("preset", PUBLISHED), **changes)


def _train(training: Training, config: GanConfig, sets: Sets) -> None:
    """Trains a GAN; it goes on where it was left."""
    every = max(1, FLAGS.steps // _EVALUATIONS)
    source = "all" if training.arm in ON_ALL_FRAMES else "train"
    files = [frame_files.find(sets.pattern(name)) for name in (source, "validation")]
    found, validation = (
        frames.from_files(paths, config.uses_saliency, config.crop) for paths in files
    )
    schedule = Schedule(validate_every=every, validation_images=FLAGS.validation_frames)
    sampling = run.Sampling(every=every)
    run.train(config, found, validation, training.workdir, schedule, sampling)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.data:
        raise InputError("--data is needed: a folder of RGBA frames")
    if FLAGS.arms == []:
        raise InputError("--arms names none")
    for arm in FLAGS.arms or ():
        if arm not in ARMS:
            raise InputError(f"--arms: {arm!r} is none of {', '.join(ARMS)}")
    seeds = cli.numbers(FLAGS, "seeds", int)
    output = disk.make_folder("output_dir", FLAGS.output_dir)
    runs = disk.make_folder("runs_dir", FLAGS.runs_dir)
    counts = FLAGS.train_frames, FLAGS.validation_frames, FLAGS.test_frames
    sets = reduced_frames.prepare(FLAGS.data, runs, FLAGS.reduction, *counts)
    small = sets.crop[0] < ms_ssim.MIN_SIDE
    arms = FLAGS.arms or [a for a in ARMS if not (small and a in ON_LARGE_FRAMES)]
    each = [(arm, seed) for seed in seeds for arm in arms]
    trainings = [Training(runs / f"{arm}-seed{seed}", arm, seed) for arm, seed in each]
    # Finds mistakes before any training.
    configs = {one: _config(one.arm, one.seed, sets) for one in trainings}
    rows, curves, codecs = [], [], {}
    for one, config in configs.items():
        logging.info("training %s", one.workdir)
        _train(one, config, sets)
        tf.keras.backend.clear_session()
        codec = GanCodec.load(one.workdir)
        rows.append(gan_table.row(one, codec, sets))
        key = {"arm": one.arm, "seed": one.seed}
        curves += [{**key, **row} for row in evaluation.history(one.workdir)]
        if one.arm in _SHOWN:
            codecs.setdefault(one.arm, codec)  # of the first seed
    results_files.write_csv(output / "runs.csv", rows)
    table = gan_table.over_seeds(rows)
    results_files.write_csv(output / "table.csv", table)
    results_files.write_csv(output / "curves.csv", curves)
    figures.draw_curves(output / "curves.png", curves)
    for title, paths in (("Training set", sets.train), ("Test set", sets.test)):
        if codecs:
            file = output / f"{title.lower().replace(' ', '_')}.png"
            figures.draw_pairs(file, title, paths[:_FRAMES_SHOWN], codecs)
    found = {"seeds": seeds, "steps": FLAGS.steps, "width": FLAGS.width}
    found["train_frames"] = len(sets.train)
    found["validation_frames"] = FLAGS.validation_frames
    found["test_frames"] = len(sets.test)
    found["crop"] = f"{sets.crop[0] * sets.crop[1]}x{sets.crop[0]}"
    found["mean_colour"] = gan_table.mean_colour(sets)
    found["arms"] = {arm: ARMS[arm] for arm in arms}
    write_record(output / "record.json", "gan_overfitting", argv, **found)
    for row in table:
        print(
            "{arm:26}{train MSE:10.1f}{test MSE:10.1f}{gap dB:8.2f} dB  gradient "
            "{encoder gradient norm:<10.3g}{codes:12}{bpp:8.4f} bpp".format(**row)
        )
    print(f"tables and figures are in {output}")


if __name__ == "__main__":
    cli.run(main)
