"""Exported models, which compress and decompress, and the tool that makes them.

`salcomp.zoo.folder` tells of their files. Tables are stored, and never
computed on the decoding side, where another machine's rounding could give other tables
(Balle, Johnston, Minnen, ICLR 2019).

    python -m salcomp.export --workdir=RUN [--step=1000] [--output=DIR]
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import flags, logging

from salcomp import __version__, cli
from salcomp.config.config import Config
from salcomp.errors import InputError
from salcomp.files import npz
from salcomp.model.prior import Tables
from salcomp.model.saliency_codec import Model, SaliencyCodec, named_variables
from salcomp.runs import checkpoints
from salcomp.runs.folder import read_config
from salcomp.runs.warm_start import fitted
from salcomp.zoo import folder as model_folder
from salcomp.zoo import shipped


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines which checkpoint of which run to export, and where to."""
    flags.DEFINE_string(
        "workdir",
        None,
        "Folder of the run, as given to the trainer.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "step",
        None,
        "Step of the checkpoint to export; the newest by default.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "output",
        None,
        "Folder to write; by default the run's own model/, which --model=WORKDIR uses.",
        flag_values=flag_values,
    )


FLAGS = flags.FlagValues()
define_flags(FLAGS)


class Export(NamedTuple):
    """A loaded model folder.

    Attributes:
      model: with its weights.
      tables: of the range coder.
      fingerprint: 32 bytes that tell this model from every other.
      step: of training that the weights are of.
    """

    model: Model
    tables: Tables
    fingerprint: bytes
    step: int


def save(model: Model, step: int, folder: str | os.PathLike) -> None:
    """Builds the tables and writes a model folder, whole or not at all.

    Args:
      model: trained; its variables are finite.
      step: of training.
      folder: to write; replaced if it is a model folder.

    Raises:
      InputError: the folder exists and is something else.
    """
    config = {
        "config": dataclasses.asdict(model.config),
        "step": step,
        "version": __version__,
    }
    weights = {name: v.numpy() for name, v in model.exported_variables().items()}
    files = {
        model_folder.CONFIG: (json.dumps(config, indent=2) + "\n").encode(),
        model_folder.WEIGHTS: npz.dumps(weights),
        model_folder.TABLES: npz.dumps(model.tables()._asdict()),
    }
    model_folder.write(Path(folder), files)


def load(model: str | os.PathLike) -> Export:
    """Loads a codec: a model folder, the export of a run, or a model by its name.

    Args:
      model: path, or name, as `shipped.folder_of` takes it.

    Raises:
      InputError: as of `load_folder`.
    """
    return load_folder(shipped.folder_of(model), SaliencyCodec)


def load_folder(folder: str | os.PathLike, kind: type[Model]) -> Export:
    """Loads a model folder, or the export of a run's workdir.

    A run that was killed before its export is exported from its newest checkpoint.

    Args:
      folder: of either.
      kind: of model.

    Raises:
      InputError: there is no model, or its files are damaged, altered, of another kind
        of model, or of another version of salcomp.
    """
    folder = Path(folder).expanduser()
    newest = None
    if (folder / checkpoints.FOLDER).is_dir():
        if not model_folder.is_model(folder / "model"):
            export_run(folder, kind=kind)
        newest = tf.train.latest_checkpoint(folder / checkpoints.FOLDER)
        folder = folder / "model"
    if not model_folder.is_model(folder):
        raise InputError(
            f"{folder} is neither an exported model nor the workdir of a run with a "
            "checkpoint"
        )
    files = model_folder.read(folder)
    config = json.loads(files[model_folder.CONFIG])
    arrays = {
        name: npz.loads(files[name], str(folder / name))
        for name in (model_folder.WEIGHTS, model_folder.TABLES)
    }
    loaded = kind(kind.config_class.from_dict(config["config"]))
    assign(loaded, arrays[model_folder.WEIGHTS])
    tables = Tables(**arrays[model_folder.TABLES])
    renewable = newest and not loaded.config.exports_best
    if renewable and checkpoints.step_of(newest) > config["step"]:
        logging.info(
            "%s is of step %d and its run has come to step %d; export the run again "
            "to renew it",
            folder,
            config["step"],
            checkpoints.step_of(newest),
        )
    return Export(loaded, tables, model_folder.fingerprint(files), config["step"])


def assign(model: Model, weights: dict[str, np.ndarray]) -> None:
    """Gives a model the weights of another one, as `warm_start.fitted` makes them fit.

    Args:
      model: to change.
      weights: by variable name.

    Raises:
      InputError: they do not fit.
    """
    variables = model.exported_variables()
    current = {name: variable.numpy() for name, variable in variables.items()}
    for name, value in fitted(weights, current).items():
        variables[name].assign(value)


def initial_model(config: Config, init_from: str | None) -> SaliencyCodec:
    """The model that a run begins with, the same for every run of a seed.

    Args:
      config: of the run.
      init_from: model to take weights from, as `load` takes it; None for fresh ones.

    Raises:
      InputError: there is no such model, or its weights do not fit.
    """
    tf.keras.utils.set_random_seed(config.seed)
    model = SaliencyCodec(config)
    if init_from:
        other = load(init_from).model
        assign(model, {k: v.numpy() for k, v in named_variables(other).items()})
    return model


def export_run(
    workdir: str | os.PathLike,
    step: int | None = None,
    output: str | os.PathLike | None = None,
    kind: type[Model] = SaliencyCodec,
) -> Path:
    """Exports a checkpoint of a run.

    Args:
      workdir: of the run.
      step: of the checkpoint; the newest if None.
      output: folder to write; the run's `model` if None.
      kind: of model.

    Returns:
      The folder written.

    Raises:
      InputError: there is no run or no such checkpoint; or its `model` is the best on
        held-out frames, which nothing could bring back.
    """
    model = kind(read_config(workdir, kind.config_class))
    default = Path(workdir) / "model"
    if not output and model.config.exports_best and model_folder.is_model(default):
        raise InputError(
            f"{default} is the run's best model on held-out frames; name another "
            "folder with --output"
        )
    saved = checkpoints.Checkpoints(workdir, model)
    if not saved.steps():
        raise InputError(f"{workdir} has no checkpoint yet; train longer")
    restored = saved.restore(step)
    output = Path(output or default)
    save(model, restored, output)
    return output


def run(args: flags.FlagValues, kind: type[Model] = SaliencyCodec) -> None:
    """Does what the flags of `define_flags` say, and prints the folder written."""
    if not args.workdir:
        raise InputError("--workdir is needed: the folder of the run")
    print(export_run(args.workdir, args.step, args.output, kind))


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    run(FLAGS)


if __name__ == "__main__":
    cli.run(main)
