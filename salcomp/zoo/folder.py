"""The folder of an exported model as bytes: read and checked, written whole.

config.json       the configuration, the step, and the version of salcomp
weights.npz       the variables by name, float32 or float16
tables.npz        the range coder's integer tables and the rounding offsets
fingerprint.txt   SHA-256 over the three, in hexadecimal
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from salcomp.errors import InputError, OutputError

CONFIG, WEIGHTS, TABLES = PARTS = ("config.json", "weights.npz", "tables.npz")
_FINGERPRINT = "fingerprint.txt"


def is_model(folder: Path) -> bool:
    """Whether a folder is that of an exported model; its files may be damaged."""
    return (folder / _FINGERPRINT).is_file()


def fingerprint(files: Mapping[str, bytes]) -> bytes:
    """32 bytes that tell a model, by the contents of `PARTS`, from every other."""
    digest = hashlib.sha256()
    for name in PARTS:
        digest.update(hashlib.sha256(files[name]).digest())
    return digest.digest()


def stated_fingerprint(folder: Path) -> str:
    """What fingerprint.txt says, unchecked: 64 hexadecimal digits if it is whole."""
    return (folder / _FINGERPRINT).read_bytes().strip().decode(errors="replace")


def read(folder: Path) -> dict[str, bytes]:
    """The contents of `PARTS` by name.

    Raises InputError if a file is missing, or they are not those of the fingerprint.
    """
    files = {}
    for name in PARTS:
        try:
            files[name] = (folder / name).read_bytes()
        except OSError as error:
            raise InputError(f"{folder / name}: {error.strerror}") from error
    if fingerprint(files).hex() != stated_fingerprint(folder):
        raise InputError(
            f"{folder} does not match its fingerprint.txt: a file is damaged or was "
            "altered; export or install the model again"
        )
    return files


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes a model folder, whole or not at all, in the place of one that is there.

    `files` are contents by name, `PARTS` among them. Raises InputError if the folder
    exists and is something else, OutputError if it cannot be written.
    """
    if folder.exists() and not is_model(folder):
        raise InputError(f"{folder} exists and is no exported model; not replaced")
    scratch = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        fresh, old = scratch / "new", scratch / "old"
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        (fresh / _FINGERPRINT).write_text(fingerprint(files).hex() + "\n")
        # Two renames: killed between them, a run's model is exported again on use.
        if folder.exists():
            os.rename(folder, old)
        os.rename(fresh, folder)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror}); make room, or choose "
            "another place"
        ) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
