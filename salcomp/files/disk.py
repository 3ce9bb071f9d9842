"""Files and folders: found, written whole, made, and held by one process."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from salcomp.errors import InputError

# What `write_file` calls a file that is not whole yet.
_LOCK = ".lock"
_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp")

# What counts as an image where a folder is given. A file named by itself, or by a
# pattern, may have any suffix.
SUFFIXES = tuple(
    ".png .jpg .jpeg .webp .avif .jp2 .tif .tiff .bmp .gif .ppm .pgm".split()
)


def write_file(path: str | os.PathLike, data: bytes) -> None:
    """Writes a file whole or not at all: a failure leaves what was there before.

    Raises:
      InputError: the folder is missing or not writable, or the disk is full.
    """
    # Not tempfile's: those are private to the user, whatever the umask says. The same
    # folder, since a rename is atomic only within a file system.
    temporary = Path(path).parent / f".{secrets.token_hex(8)}.tmp"
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); choose another place"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporaries(folder: Path) -> None:
    """Removes what `write_file` left below a folder where a process was killed."""
    for path in folder.rglob(".*.tmp"):
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)


def expand_inputs(
    arguments: list[str], suffixes: tuple[str, ...] = SUFFIXES
) -> list[Path]:
    """The files that a user names: files, folders and patterns, sorted, each once.

    Args:
      arguments: paths of files, which are taken as they are; of folders, for the files
        in them that have one of the suffixes; and glob patterns (`**` for any depth).
      suffixes: with the dot, in lower case; upper case matches too.

    Raises:
      InputError: there is no argument, or one names no file.
    """
    if not arguments:
        raise InputError("no input; name a file, a folder or a pattern")
    files = set()
    for argument in arguments:
        path = Path(argument).expanduser()
        if path.is_file():
            found = [path]
        elif path.is_dir():
            found = files_in(path, suffixes)
        else:
            matches = map(Path, glob.glob(str(path), recursive=True))
            # A link to nothing is kept, for the reader to name.
            found = [match for match in matches if not match.is_dir()]
        if not found:
            kinds = f" with a {', '.join(suffixes)} file" if path.is_dir() else ""
            raise InputError(f"{argument}: no such file or folder{kinds}")
        files.update(found)
    return sorted(files)


def files_in(folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """The files right in a folder that have one of the suffixes, hidden ones not."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in suffixes
        and not path.name.startswith(".")
        and not path.is_dir()  # a link to nothing is kept, for the reader to name
    )


def spread(paths: Sequence, count: int) -> list:
    """Picks at most `count` of the paths, from first to last at equal distances."""
    chosen = np.linspace(0, len(paths) - 1, min(count, len(paths)))
    return [paths[round(i)] for i in chosen]


def make_folder(flag: str, folder: str | os.PathLike) -> Path:
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
    """Holds a folder for one process, also among machines that share it.

    The lock, on a hidden file in the folder, goes with the process. On a file system
    that has no locks there is none.

    Raises:
      InputError: another process holds it, or nothing can be written there.
    """
    path = Path(folder) / _LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); choose another place"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"{folder}: another process is at work there; wait for it, or choose "
                "another folder"
            ) from error
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
