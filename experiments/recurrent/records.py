"""The records of the experiment, as its page and figures need them.

per_image.csv  a row per set, run and picture; a run is ARM@SETTING
pictures.csv   what each picture beside it shows
training.csv   the validations of the models' trainings
record.json    command, versions, date, data, and the models' configurations
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

from experiments.study.report.records import ImageTable
from salcomp.errors import InputError

_MADE_BY = "experiments.recurrent makes the records"


class CodedImages(ImageTable):
    """What every arm and setting made of every picture.

    Attributes:
      folder: of the records.
      made: what is in record.json.
      labels: of the arms, in the order of the rows.
      seconds: that coding took, all pictures together.
    """

    def __init__(self, folder: Path):
        """Reads the records.

        Raises:
          InputError: a file is missing or cannot be used.
        """
        self.folder = folder
        self.made = json.loads(self._text("record.json"))
        rows = self.rows("per_image.csv")
        self._runs: dict[str, set[str]] = {}
        for row in rows:
            label = row["run"].partition("@")[0]
            self._runs.setdefault(label, set()).add(row["run"])
        self.labels = tuple(self._runs)
        self.seconds = sum(float(row["seconds"] or 0) for row in rows)
        super().__init__(rows)

    def rows(self, name: str) -> list[dict[str, str]]:
        """The rows of a CSV of the records; none if it is missing."""
        if name != "per_image.csv" and not (self.folder / name).exists():
            return []
        return list(csv.DictReader(self._text(name).splitlines()))

    def names(self, label: str) -> list[str]:
        """The runs of an arm, by rising setting."""
        runs = self._runs.get(label, ())
        return sorted(runs, key=lambda run: float(run.partition("@")[2]))

    def _text(self, name: str) -> str:
        path = self.folder / name
        try:
            return path.read_text()
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; {_MADE_BY}") from error
