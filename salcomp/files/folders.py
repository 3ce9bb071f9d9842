"""Folders of outputs: made, held by one process, and cleared of what a kill left."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from salcomp.errors import InputError


def make(flag: str, folder: str | os.PathLike) -> Path:
    """Makes the folder that `--FLAG` names, if need be.

    Returns:
      Its path, with ~ expanded.

    Raises:
      InputError: it cannot be made.
    """
    path = Path(folder).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "there is a file of that name"
        if not isinstance(error, FileExistsError):
            reason = error.strerror
        raise InputError(
            f"--{flag}={folder}: no folder can be made there ({reason}); choose "
            "another place"
        ) from error
    return path


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder for one process, where the file system has locks.

    The lock goes with the process.

    Raises:
      InputError: another process holds it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"{folder}: another process is at work there; wait for it, or choose "
                "another folder"
            ) from error
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(descriptor)
