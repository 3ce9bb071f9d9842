"""Files and folders: found, written whole, made, and held by one process."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath

import numpy as np

from salcomp.errors import InputError, OutputError

_LOCK = ".lock"
# What `write_file` calls a file that is not whole yet.
_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp")

# What counts as an image where a folder is given: what Pillow opens of photographs. A
# file named by itself, or by a pattern, may have any suffix.
SUFFIXES = tuple(
    ".png .apng .jpg .jpeg .jpe .jfif .mpo .webp .avif .avifs .jp2 .j2k .jpx .tif "
    ".tiff .bmp .dib .gif .ppm .pgm .pnm .pbm".split()
)
# What `compress --save_saliency` adds to the stem of an image.
SAVED_MAP = ".saliency.png"
# Of files that `compress` and `decompress` write beside others: no input, unless named.
_DERIVED = (".salc.png", SAVED_MAP)


def write_file(path: str | os.PathLike, data: bytes) -> None:
    """Writes a file whole or not at all: a failure leaves what was there before.

    Raises OutputError if the folder is missing or not writable, or the disk is full.
    """
    # Not tempfile's: those are private to the user, whatever the umask says. The same
    # folder, since a rename is atomic only within a file system.
    temporary = Path(path).parent / f".{secrets.token_hex(8)}.tmp"
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); make room, or choose "
            "another place"
        ) from error
    finally:
        remove([temporary])


def remove(paths: Iterable[Path]) -> None:
    """Removes files and folders, as far as that goes: what cleans up hides no error."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def remove_temporaries(folder: Path) -> None:
    """Removes what `write_file` left below a folder where a process was killed."""
    for path in folder.rglob(".*.tmp"):
        if _TEMPORARY.fullmatch(path.name):
            remove([path])


def expand_inputs(
    arguments: Sequence[str], suffixes: tuple[str, ...] = SUFFIXES
) -> list[Path]:
    """Finds the files that a user names, sorted, each once, as `find_inputs` does."""
    return list(find_inputs(arguments, suffixes))


def find_inputs(
    arguments: Sequence[str],
    suffixes: tuple[str, ...] = SUFFIXES,
    output_dir: str | None = None,
) -> dict[Path, Path]:
    """Finds the files that a user names, sorted, and where their outputs belong.

    Args:
      arguments: paths of files, which are taken as they are; of folders, for the files
        at any depth in them that have one of the suffixes; and glob patterns (`**` for
        any depth). Hidden files and folders are left out, and so are decompressed
        images and saved maps, unless they are named.
      suffixes: with the dot, in lower case; upper case matches too.
      output_dir: of the outputs, which no folder is searched for if it lies within.

    Returns:
      For each file its place below the folder, or below the fixed part of the pattern,
      that it was found by. Of files that are named it is the name alone; where two
      would have the same output, the path from the folder that all have in common.

    Raises:
      InputError: there is no argument, one names no file, or a folder cannot be read.
    """
    if not arguments:
        raise InputError("no input; name a file, a folder or a pattern")
    places: dict[Path, Path] = {}
    named = []
    for argument in arguments:
        path = Path(argument).expanduser()
        root = path if path.is_dir() else fixed_part(path)
        if path.is_file():
            root, found = path.parent, [path]
            named.append(path)
        elif path.is_dir():
            found = _files_below(path, suffixes, output_dir)
        else:
            # A link to nothing is kept, for the reader to name.
            found = [match for match in map(Path, matches(path)) if not match.is_dir()]
            if not path.name.endswith(_DERIVED):
                found = [match for match in found if not match.name.endswith(_DERIVED)]
        if not found:
            kinds = f" with a {', '.join(suffixes)} file" if path.is_dir() else ""
            raise InputError(f"{argument}: no such file or folder{kinds}")
        for file in found:
            places.setdefault(file, file.relative_to(root))
    if len({path.stem for path in named}) < len(set(named)):
        common = os.path.commonpath([path.parent.absolute() for path in named])
        places.update({path: path.absolute().relative_to(common) for path in named})
    return dict(sorted(places.items()))


def matches(pattern: str | os.PathLike) -> list[str]:
    """Lists what a pattern matches; a folder in it may be named as patterns are."""
    root = fixed_part(Path(pattern))
    rest = Path(pattern).relative_to(root)
    return glob.glob(os.path.join(glob.escape(str(root)), rest), recursive=True)


def fixed_part(pattern: PurePath) -> PurePath:
    """Takes the folders of a pattern before its first wildcard."""
    fixed = type(pattern)()
    for part in pattern.parts[:-1]:
        if glob.escape(part) != part and not os.path.isdir(fixed / part):
            break
        fixed /= part
    return fixed


def _files_below(
    folder: Path, suffixes: tuple[str, ...], output_dir: str | None
) -> list[Path]:
    def refuse(error: OSError):
        raise InputError(
            f"{error.filename}: cannot be read ({error.strerror}); make it readable, "
            "or leave it out by a pattern"
        ) from error

    outputs = os.path.realpath(os.path.expanduser(output_dir or ""))
    seen = {outputs} - {os.path.realpath(folder)} if output_dir else set()
    found, roots = [], [folder]
    for root in roots:
        for top, folders, names in os.walk(root, onerror=refuse):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            if os.path.realpath(top) in seen:
                folders.clear()
                continue
            seen.add(os.path.realpath(top))
            found += [Path(top, name) for name in names if _counts(name, suffixes)]
            # Links wait: they may go round in a circle, or to a folder that is here.
            within = [Path(top, name) for name in folders]
            roots += [path for path in within if path.is_symlink()]
    return found


def files_in(folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """Lists the files right in a folder that count in it, as in `find_inputs`."""
    counted = (path for path in folder.iterdir() if _counts(path.name, suffixes))
    return sorted(path for path in counted if not path.is_dir())


def _counts(name: str, suffixes: tuple[str, ...]) -> bool:
    hidden, lower = name.startswith("."), name.lower()
    return lower.endswith(suffixes) and not (hidden or lower.endswith(_DERIVED))


def spread(paths: Sequence, count: int) -> list:
    """Picks at most `count` of the paths, from first to last at equal distances."""
    chosen = np.linspace(0, len(paths) - 1, min(count, len(paths)))
    return [paths[round(i)] for i in chosen]


def printable(name: str | os.PathLike) -> str:
    """Makes a file name text: bytes of it that are not UTF-8 are written as \\xNN."""
    data = os.fspath(name).encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "backslashreplace")


def make_folder(flag: str, folder: str | os.PathLike) -> Path:
    """Makes the folder that `--FLAG` names, if need be; raises InputError if it cannot.

    The result is its path, with ~ expanded.
    """
    path = Path(folder).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        exists = isinstance(error, FileExistsError)
        reason = "there is a file of that name" if exists else error.strerror
        raise InputError(
            f"--{flag}={folder}: no folder can be made there ({reason}); choose "
            "another place"
        ) from error
    return path


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder for one process, also among machines that share it.

    The lock, on a hidden file in the folder, goes with the process. On a file system
    that has no locks there is none. Raises InputError if another process holds it, or
    nothing can be written there.
    """
    path = Path(folder, _LOCK)
    descriptor = _lock(path)
    while not os.fstat(descriptor).st_nlink:  # removed by its holder in this moment
        os.close(descriptor)
        descriptor = _lock(path)
    try:
        yield
    finally:
        remove([path])
        os.close(descriptor)


def _lock(path: Path) -> int:
    """Opens a file and locks it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(
            f"{path.parent}: cannot be written ({error.strerror}); choose another place"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise InputError(
            f"{path.parent}: another process is at work there; wait for it, or choose "
            "another folder"
        ) from error
    except OSError:
        pass  # of a file system without locks
    return descriptor


def sha256(*paths: str | Path) -> str:
    """Computes the SHA-256 of a file, or of several on end, as hexadecimal digits."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
