"""The folder of an exported model: written whole, and read only if nothing is amiss.

    config.json       the configuration, the step, and the version of salcomp
    weights.npz       the variables by name, float32
    tables.npz        the range coder's integer tables and the rounding offsets
    fingerprint.txt   SHA-256 over the three, in hexadecimal

Tables are stored, and never computed on the decoding side, where another machine's
rounding could give other tables (Balle, Johnston, Minnen, ICLR 2019).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

from salcomp import __version__, checkpoints, npz
from salcomp.errors import InputError
from salcomp.prior import Tables
from salcomp.settings import Settings

_PARTS = ("config.json", "weights.npz", "tables.npz")
_FINGERPRINT = "fingerprint.txt"


class Contents(NamedTuple):
    """What a model folder holds.

    Attributes:
      config: fields of the configuration.
      step: of training that the weights are of.
      weights: arrays by variable name.
      tables: of the range coder.
      fingerprint: 32 bytes that tell this model from every other.
    """

    config: dict
    step: int
    weights: dict[str, np.ndarray]
    tables: Tables
    fingerprint: bytes


class Export(NamedTuple):
    """A loaded model.

    Attributes:
      model: with its weights.
      tables: of the range coder.
      fingerprint: 32 bytes that tell this model from every other.
      step: of training that the weights are of.
    """

    model: tf.keras.Model
    tables: Tables
    fingerprint: bytes
    step: int


def write(
    folder: str | os.PathLike,
    config: Settings,
    step: int,
    variables: dict[str, tf.Variable],
    tables: Tables,
) -> None:
    """Writes a model folder, whole or not at all.

    Args:
      folder: to write; replaced if it is a model folder.
      config: of the model.
      step: of training.
      variables: by name; finite.
      tables: of the range coder.

    Raises:
      InputError: the folder exists and is something else.
    """
    folder = Path(folder)
    if folder.exists() and not (folder / _FINGERPRINT).exists():
        raise InputError(f"{folder} exists and is no exported model; not replaced")
    about = {
        "config": dataclasses.asdict(config),
        "step": step,
        "version": __version__,
    }
    contents = (
        (json.dumps(about, indent=2) + "\n").encode(),
        npz.dumps({name: v.numpy() for name, v in variables.items()}),
        npz.dumps(tables._asdict()),
    )
    scratch = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        fresh, old = scratch / "new", scratch / "old"
        fresh.mkdir()
        for name, content in zip(_PARTS, contents):
            (fresh / name).write_bytes(content)
        (fresh / _FINGERPRINT).write_text(fingerprint_of(contents).hex() + "\n")
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


def read(
    folder: str | os.PathLike, export_run: Callable[[Path], object]
) -> Contents:
    """Reads a model folder, or the export of a run's workdir.

    Args:
      folder: of either.
      export_run: exports the run in a folder, if it was killed before its export.

    Raises:
      InputError: there is no model, or its files are damaged or altered.
    """
    folder = Path(folder).expanduser()
    newest = None
    if (folder / checkpoints.FOLDER).is_dir():
        if not (folder / "model" / _FINGERPRINT).is_file():
            export_run(folder)
        newest = tf.train.latest_checkpoint(folder / checkpoints.FOLDER)
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
    fingerprint = fingerprint_of(contents)
    stated = (folder / _FINGERPRINT).read_bytes().strip()
    if fingerprint.hex().encode() != stated:
        raise InputError(
            f"{folder} does not match its fingerprint.txt: a file is damaged or was "
            "altered; export the model again"
        )
    about = json.loads(contents[0])
    if newest and checkpoints.step_of(newest) > about["step"]:
        logging.info(
            "%s is of step %d and its run has come to step %d; export the run again "
            "to renew it",
            folder,
            about["step"],
            checkpoints.step_of(newest),
        )
    return Contents(
        about["config"],
        about["step"],
        npz.loads(contents[1], str(folder / _PARTS[1])),
        Tables(**npz.loads(contents[2], str(folder / _PARTS[2]))),
        fingerprint,
    )


def fingerprint_of(contents) -> bytes:
    """SHA-256 over the SHA-256 of each of a model folder's files."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.digest()
