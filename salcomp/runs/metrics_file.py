"""The CSV of a run, `metrics.csv`: a row per step."""

from __future__ import annotations

import contextlib
import csv
import os

from salcomp.errors import InputError, OutputError
from salcomp.files.disk import write_file


class MetricsFile:
    """A CSV with a row per step that can be cut back to a step and appended to."""

    def __init__(self, path: str | os.PathLike, columns: tuple[str, ...], step: int):
        """Opens the file, dropping the rows after `step`.

        Args:
          path: of the file; made if need be.
          columns: names after the first, which is "step".
          step: last step whose row is kept.

        Raises:
          InputError: the file is another, or cannot be written; as all methods do.
        """
        header = ",".join(("step", *columns)) + "\n"
        rows = []
        if os.path.exists(path):
            with open(path) as file:
                # A killed run may leave half a line, always of a dropped step.
                lines = [line for line in file if line.endswith("\n")][1:]
            try:
                rows = [line for line in lines if int(line.split(",", 1)[0]) <= step]
            except ValueError as error:
                raise InputError(
                    f"{path} has a line that begins with no step; mend it, or move it "
                    "away"
                ) from error
        write_file(path, (header + "".join(rows)).encode())
        self._columns = columns
        self._file = open(path, "a")  # noqa: SIM115 - closed by close()

    def append(self, step: int, values: dict[str, float]) -> None:
        """Adds a row; numbers are written so that float32 survives."""
        cells = [str(step), *(f"{values[name]:.9g}" for name in self._columns)]
        with self._writing():
            self._file.write(",".join(cells) + "\n")

    def flush(self) -> None:
        """Hands all rows to the operating system."""
        with self._writing():
            self._file.flush()

    @contextlib.contextmanager
    def _writing(self):
        """Tells of a full disk, and drops the file: its rest could not be written."""
        try:
            yield
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.close()
            raise OutputError(
                f"{self._file.name}: cannot be written ({error.strerror}); make room "
                "and give the same command again"
            ) from error

    def close(self) -> None:
        """Flushes and closes the file."""
        with self._writing():
            self._file.close()


def read_rows(path: str | os.PathLike) -> list[dict[str, float]]:
    """The rows of such a file, as numbers by the names of the columns."""
    with open(path) as file:
        return [
            {name: float(cell) for name, cell in row.items()}
            for row in csv.DictReader(file)
        ]
