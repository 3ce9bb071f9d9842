"""`manifest.jsonl`: what each frame of a folder was made of, a JSON line per frame.

A line is written before its frame appears, so that a frame without one is another's
file, and a frame that a killed process did not finish does not match its line.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from salcomp.errors import InputError
from salcomp.files.disk import write_file

NAME = "manifest.jsonl"
_TEXTS = ("output", "source", "source_sha256", "output_sha256", "predictor")
_OTHERS = ("weights_sha256", "blur")


def dumps(records: Iterable[dict]) -> bytes:
    """Writes the manifest of some records, in the order of their outputs."""
    ordered = sorted(records, key=lambda record: record["output"])
    return "".join(_line(record) for record in ordered).encode()


def loads(data: bytes, name: str) -> dict[str, dict]:
    """Reads the records of a manifest by their outputs; of several, the last counts.

    Args:
      data: of the file; half a line at its end, of a killed process, is passed over.
      name: of the file, for messages.

    Raises:
      InputError: a line is not a record.
    """
    records = {}
    lines = data.split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            if not all(isinstance(record[key], str) for key in _TEXTS):
                raise TypeError
            if not all(key in record for key in _OTHERS):
                raise KeyError
            records[record["output"]] = record
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):  # empty, or never finished
                break
            raise InputError(
                f"{name}: line {number} is no record of a frame; mend or delete it"
            ) from error
    return records


def origins(paths: Sequence[Path]) -> str:
    """Tells, for captions, what the manifests above frames say of their maps."""
    manifests: dict[Path, dict] = {}
    found = {_origin(path.resolve(), manifests) for path in paths}
    return " and ".join(sorted(found))


def _origin(path: Path, manifests: dict[Path, dict]) -> str:
    for folder in path.parents:
        if (folder / NAME).is_file():
            if folder not in manifests:
                data = (folder / NAME).read_bytes()
                manifests[folder] = loads(data, str(folder / NAME))
            record = manifests[folder].get(path.relative_to(folder).as_posix())
            if record is not None:
                blur = f", blurred by {record['blur']:g} px" if record["blur"] else ""
                readout = ", calibrated" if record.get("readout") else ""
                return f"{record['predictor']}{readout}{blur}"
    return "unknown"


def _line(record: dict) -> str:
    return json.dumps(record) + "\n"


class Manifest:
    """The manifest of a folder, to be read, added to by several threads, and closed."""

    def __init__(self, folder: Path):
        """Opens the manifest of a folder; begins an empty one if there is none.

        Raises:
          InputError: it cannot be read or written.
        """
        self._path = folder / NAME
        try:
            data = self._path.read_bytes() if self._path.exists() else b""
        except OSError as error:
            raise InputError(
                f"{self._path}: cannot be read ({error.strerror}); make it readable, "
                "or choose another --output_dir"
            ) from error
        self.records = loads(data, str(self._path))
        write_file(self._path, dumps(self.records.values()))
        self._file = open(self._path, "ab")  # noqa: SIM115 - see close
        self._lock = threading.Lock()

    def add(self, record: dict) -> None:
        """Adds the record of a frame that is about to be written.

        Raises:
          InputError: the file cannot be written.
        """
        with self._lock:
            try:
                self._file.write(_line(record).encode())
                self._file.flush()
            except OSError as error:
                raise InputError(
                    f"{self._path}: cannot be written ({error.strerror}); make room, "
                    "and the same command goes on"
                ) from error
            self.records[record["output"]] = record

    def close(self) -> None:
        """Closes the file, its lines in the order of the outputs."""
        with self._lock:
            with contextlib.suppress(OSError):  # of a full disk, which `add` has told
                self._file.close()
            write_file(self._path, dumps(self.records.values()))
