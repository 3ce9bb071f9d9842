"""Exports: the codec as a model folder, and the tool for it.

    python -m salcomp.export --workdir=RUN [--step=1000] [--output=DIR]
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import flags

from salcomp import cli, model_folder
from salcomp.checkpoints import Checkpoints
from salcomp.config import Config
from salcomp.errors import InputError
from salcomp.model import Model, SaliencyCodec, named_variables
from salcomp.model_folder import Export
from salcomp.run_folder import read_config
from salcomp.warm_start import fitted


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


def save(model: Model, step: int, folder: str | os.PathLike) -> None:
    """Builds the tables and writes a model folder, whole or not at all.

    Args:
      model: trained; its variables are finite.
      step: of training.
      folder: to write; replaced if it is a model folder.

    Raises:
      InputError: the folder exists and is something else.
    """
    variables = model.exported_variables()
    model_folder.write(folder, model.config, step, variables, model.tables())


def load(folder: str | os.PathLike, kind: type[Model] = SaliencyCodec) -> Export:
    """Loads a model folder, or the export of a run's workdir.

    A run that was killed before its export is exported from its newest checkpoint.

    Args:
      folder: of either.
      kind: of model.

    Raises:
      InputError: there is no model, or its files are damaged, altered, of another kind
        of model, or of another version of salcomp.
    """
    found = model_folder.read(folder, lambda workdir: export_run(workdir, kind=kind))
    model = kind(kind.config_class.from_dict(found.config))
    assign(model, found.weights)
    return Export(model, found.tables, found.fingerprint, found.step)


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
      init_from: workdir or exported model to take weights from; None for fresh ones.

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
      InputError: there is no run or no such checkpoint.
    """
    model = kind(read_config(workdir, kind.config_class))
    checkpoints = Checkpoints(workdir, model)
    if not checkpoints.steps():
        raise InputError(f"{workdir} has no checkpoint yet; train longer")
    restored = checkpoints.restore(step)
    output = Path(output or Path(workdir) / "model")
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
