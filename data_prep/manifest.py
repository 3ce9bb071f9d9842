"""`manifest.jsonl`: what each frame of a folder was made of, a JSON line per frame.

A line is written before its frame appears, so that a frame without one is another's
file, and a frame that a killed process did not finish does not match its line.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from salcomp.errors import InputError
from salcomp.images import write_file

NAME = "manifest.jsonl"


def dumps(records: Iterable[dict]) -> bytes:
    """The manifest of some records, in the order of their outputs."""
    ordered = sorted(records, key=lambda record: record["output"])
    return "".join(_line(record) for record in ordered).encode()


def loads(data: bytes, name: str) -> dict[str, dict]:
    """The records of a manifest by their outputs; of several, the last counts.

    Args:
      data: of the file; half a line at its end, of a killed process, is passed over.
      name: of the file, for messages.

    Raises:
      InputError: a line is not a record.
    """
    records = {}
    lines = data.split(b"\n")
    for number, line in enumerate(lines[:-1], 1):
        try:
            record = json.loads(line)
            records[record["output"]] = record
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{name}: line {number} is no record of a frame; mend or delete it"
            ) from error
    return records


def origin(path: Path) -> str:
    """What the manifest above a frame tells of its map, for captions."""
    for folder in path.resolve().parents:
        if (folder / NAME).exists():
            records = loads((folder / NAME).read_bytes(), str(folder / NAME))
            record = records.get(path.resolve().relative_to(folder).as_posix())
            if record:
                blur = f", blurred by {record['blur']:g} px" if record["blur"] else ""
                return f"{record['predictor']}{blur}"
    return "unknown"


def _line(record: dict) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


class Manifest:
    """The manifest of a folder, to be read, added to by several threads, and closed."""

    def __init__(self, folder: Path):
        """Opens the manifest of a folder; begins an empty one if there is none.

        Raises:
          InputError: it cannot be read or written.
        """
        self._path = folder / NAME
        data = self._path.read_bytes() if self._path.exists() else b""
        self.records = loads(data, str(self._path))
        write_file(self._path, dumps(self.records.values()))
        self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115 - see close
        self._lock = threading.Lock()

    def add(self, record: dict) -> None:
        """Adds the record of a frame that is about to be written."""
        with self._lock:
            self._file.write(_line(record).encode())
            self.records[record["output"]] = record

    def close(self) -> None:
        """Closes the file, its lines in the order of the outputs."""
        self._file.close()
        write_file(self._path, dumps(self.records.values()))


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder for one process; the lock goes with the process.

    Raises:
      InputError: another process holds it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise InputError(
            f"{folder}: another process is preparing frames there; wait for it, or "
            "choose another --output_dir"
        ) from error
    finally:
        os.close(descriptor)
