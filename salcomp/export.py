"""Exported models: the folder that compresses and decompresses, and the tool for it.

    config.json       the configuration, the step, and the version of salcomp
    weights.npz       the variables by name, float32
    tables.npz        the range coder's integer tables and the rounding offsets
    fingerprint.txt   SHA-256 over the three, in hexadecimal

Tables are stored, and never computed on the decoding side, where another machine's
rounding could give other tables (Balle, Johnston, Minnen, ICLR 2019).

    python -m salcomp.export --workdir=RUN [--step=1000] [--output=DIR]
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import flags, logging

from salcomp import __version__, cli, npz
from salcomp.checkpoints import Checkpoints, step_of
from salcomp.config import Config
from salcomp.errors import InputError
from salcomp.model import SaliencyCodec, named_variables
from salcomp.prior import Tables
from salcomp.run_folder import read_config
from salcomp.warm_start import fitted

_PARTS = ("config.json", "weights.npz", "tables.npz")
_FINGERPRINT = "fingerprint.txt"

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "workdir", None, "Folder of the run, as given to salcomp.train.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "step",
    None,
    "Step of the checkpoint to export; the newest by default.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output",
    None,
    "Folder to write; by default the run's own model/, which --model=WORKDIR uses.",
    flag_values=FLAGS,
)


class Export(NamedTuple):
    """A loaded model folder.

    Attributes:
      model: with its weights.
      tables: of the range coder.
      fingerprint: 32 bytes that tell this model from every other.
      step: of training that the weights are of.
    """

    model: SaliencyCodec
    tables: Tables
    fingerprint: bytes
    step: int


def save(model: SaliencyCodec, step: int, folder: str | os.PathLike) -> None:
    """Builds the tables and writes a model folder, whole or not at all.

    Args:
      model: trained; its variables are finite.
      step: of training.
      folder: to write; replaced if it is a model folder.

    Raises:
      InputError: the folder exists and is something else.
    """
    folder = Path(folder)
    if folder.exists() and not (folder / _FINGERPRINT).exists():
        raise InputError(f"{folder} exists and is no exported model; not replaced")
    config = {
        "config": dataclasses.asdict(model.config),
        "step": step,
        "version": __version__,
    }
    weights = {name: v.numpy() for name, v in named_variables(model).items()}
    contents = (
        (json.dumps(config, indent=2) + "\n").encode(),
        npz.dumps(weights),
        npz.dumps(model.prior.tables()._asdict()),
    )
    scratch = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        fresh, old = scratch / "new", scratch / "old"
        fresh.mkdir()
        for name, content in zip(_PARTS, contents):
            (fresh / name).write_bytes(content)
        (fresh / _FINGERPRINT).write_text(_fingerprint(contents).hex() + "\n")
        # Two renames: killed between them, a run's model is exported again on use.
        if folder.exists():
            os.rename(folder, old)
        os.rename(fresh, folder)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); choose another place"
        ) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def load(folder: str | os.PathLike) -> Export:
    """Loads a model folder, or the export of a run's workdir.

    A run that was killed before its export is exported from its newest checkpoint.

    Raises:
      InputError: there is no model, or its files are damaged, altered, or of another
        version of salcomp.
    """
    folder = Path(folder).expanduser()
    newest = None
    if (folder / "checkpoints").is_dir():
        if not (folder / "model" / _FINGERPRINT).is_file():
            export_run(folder)
        newest = tf.train.latest_checkpoint(folder / "checkpoints")
        folder = folder / "model"
    if not (folder / _FINGERPRINT).is_file():
        raise InputError(
            f"{folder} is neither an exported model nor the workdir of a run with a "
            "checkpoint"
        )
    contents = []
    for name in _PARTS:
        try:
            contents.append((folder / name).read_bytes())
        except OSError as error:
            raise InputError(f"{folder / name}: {error.strerror}") from error
    fingerprint = _fingerprint(contents)
    stated = (folder / _FINGERPRINT).read_bytes().strip()
    if fingerprint.hex().encode() != stated:
        raise InputError(
            f"{folder} does not match its fingerprint.txt: a file is damaged or was "
            "altered; export the model again"
        )
    config = json.loads(contents[0])
    model = SaliencyCodec(Config.from_dict(config["config"]))
    assign(model, npz.loads(contents[1], str(folder / _PARTS[1])))
    tables = Tables(**npz.loads(contents[2], str(folder / _PARTS[2])))
    if newest and step_of(newest) > config["step"]:
        logging.info(
            "%s is of step %d and its run has come to step %d; python -m "
            "salcomp.export renews it",
            folder,
            config["step"],
            step_of(newest),
        )
    return Export(model, tables, fingerprint, config["step"])


def assign(model: SaliencyCodec, weights: dict[str, np.ndarray]) -> None:
    """Gives a model the weights of another one, as `warm_start.fitted` makes them fit.

    Args:
      model: to change.
      weights: by variable name.

    Raises:
      InputError: they do not fit.
    """
    variables = named_variables(model)
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


def export_run(workdir: str | os.PathLike, step=None, output=None) -> Path:
    """Exports a checkpoint of a run.

    Args:
      workdir: of the run.
      step: of the checkpoint; the newest if None.
      output: folder to write; the run's `model` if None.

    Returns:
      The folder written.

    Raises:
      InputError: there is no run or no such checkpoint.
    """
    model = SaliencyCodec(read_config(workdir))
    checkpoints = Checkpoints(workdir, model)
    if not checkpoints.steps():
        raise InputError(f"{workdir} has no checkpoint yet; train longer")
    restored = checkpoints.restore(step)
    output = Path(output or Path(workdir) / "model")
    save(model, restored, output)
    return output


def _fingerprint(contents) -> bytes:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.digest()


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.workdir:
        raise InputError("--workdir is needed: the folder of the run")
    print(export_run(FLAGS.workdir, FLAGS.step, FLAGS.output))


if __name__ == "__main__":
    cli.run(main)
