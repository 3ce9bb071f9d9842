"""Exported models, made of checkpoints, saved and loaded.

`zoo.folder` tells of their files. Tables are stored, and never computed on the decoding
side, where another machine's rounding could give other tables (Balle, Johnston, Minnen,
ICLR 2019). Loading is exact, and writes nothing.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

from salcomp import __version__
from salcomp.errors import InputError
from salcomp.files import npz
from salcomp.model.base import Model
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.runs import checkpoints
from salcomp.runs.folder import read_config
from salcomp.zoo import folder as model_folder
from salcomp.zoo import kinds, shipped

# Name of the export within the folder of its run.
_EXPORT = "model"


class Export(NamedTuple):
    """A loaded model folder.

    Attributes:
      model: with its weights.
      tables: of the range coder, a `Model.tables_class`.
      fingerprint: 32 bytes that tell this model from every other.
      step: of training that the weights are of.
    """

    model: Model
    tables: NamedTuple
    fingerprint: bytes
    step: int


def save(
    model: Model, step: int, folder: str | os.PathLike, dtype: np.dtype = np.float32
) -> None:
    """Builds the tables and writes a model folder, whole or not at all.

    The model is trained; its variables are finite, and rounded to `dtype` if that is
    float16, for half the size. The folder is replaced if it is a model folder; raises
    InputError if it is something else.
    """
    config = {
        "config": dataclasses.asdict(model.config),
        "step": step,
        "version": __version__,
    }
    variables = model.exported_variables()
    weights = {name: v.numpy().astype(dtype) for name, v in variables.items()}
    assign(model, weights)  # the tables are of the rounded ones
    files = {
        model_folder.CONFIG: (json.dumps(config, indent=2) + "\n").encode(),
        model_folder.WEIGHTS: npz.dumps(weights),
        model_folder.TABLES: npz.dumps(model.tables()._asdict()),
    }
    model_folder.write(Path(folder), files)


def load(model: str | os.PathLike, kind: type[Model] = SaliencyCodec) -> Export:
    """Loads a model folder, the export of a run's workdir, or a model by its name.

    Args:
      model: path, or name, as `shipped.folder_of` takes it.

    Raises:
      InputError: there is no model, or its files are damaged, altered, of another kind
        of model, or of another version of salcomp.
    """
    folder, newest = shipped.folder_of(model), None
    if _is_run(folder):
        newest = tf.train.latest_checkpoint(folder / checkpoints.FOLDER)
        folder = folder / _EXPORT
        if newest and not model_folder.is_model(folder):
            raise InputError(
                f"{folder.parent} is a run without an export yet; python -m "
                f"salcomp.export --workdir={folder.parent} makes it"
            )
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
    tables = loaded.tables_class(**arrays[model_folder.TABLES])
    step = config["step"]
    renewable = newest and not loaded.config.exports_best
    if renewable and checkpoints.step_of(newest) > step:
        logging.info(
            f"{folder} is of step {step} and its run has come to step "
            f"{checkpoints.step_of(newest)}; export the run again to renew it"
        )
    return Export(loaded, tables, model_folder.fingerprint(files), step)


def _is_run(folder: Path) -> bool:
    return (folder / checkpoints.FOLDER).is_dir()


def ready(model: str | os.PathLike) -> Path:
    """The folder of a model, as `load` takes it, with an export if it is a run's.

    A run that was killed before its export is exported from its newest checkpoint.
    Raises InputError if there is none, or its run cannot be exported.
    """
    folder = shipped.folder_of(model)
    if _is_run(folder) and not model_folder.is_model(folder / _EXPORT):
        export_run(folder, kind=kinds.of(folder).model)
    return folder


def assign(model: Model, weights: dict[str, np.ndarray]) -> None:
    """Gives a model weights by variable name: all of its own, and no others.

    Raises InputError, and names the tensor, if one is missing, left over, or of another
    shape.
    """
    variables = model.exported_variables()
    for name in sorted(set(weights) ^ set(variables)):
        over, missing = "has no place in this model", "of this model is missing"
        raise InputError(f"tensor {name!r} {over if name in weights else missing}")
    for name, value in weights.items():
        if value.shape != variables[name].shape:
            raise InputError(
                f"tensor {name!r} is {value.shape}, and {variables[name].shape} in "
                "this model"
            )
        variables[name].assign(value.astype(variables[name].dtype.as_numpy_dtype))


def export_run(
    workdir: str | os.PathLike,
    step: int | None = None,
    output: str | os.PathLike | None = None,
    kind: type[Model] = SaliencyCodec,
) -> Path:
    """Exports a checkpoint of a run, and gives the folder written.

    Args:
      step: of the checkpoint; the newest if None.
      output: folder to write; the run's `model` if None.

    Raises:
      InputError: there is no run or no such checkpoint; or its `model` is the best on
        held-out frames, which nothing could bring back.
    """
    model = kind(read_config(workdir, kind.config_class))
    default = Path(workdir) / _EXPORT
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
