"""A folder of frames: which of them are there already, and writing the others."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from data_prep.packing import Recipe, prepare
from data_prep.predictors import Predictor
from data_prep.sources import Source
from salcomp import images
from salcomp.errors import InputError


class LocalFiles:
    """The files below a folder, by their names relative to it."""

    def __init__(self, folder: Path):
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None if there is none."""
        path = self._folder / name
        return path.read_bytes() if path.exists() else None

    def write(self, name: str, data: bytes) -> None:
        """Writes a file, and the folders above it, whole or not at all."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write_file(path, data)


@dataclasses.dataclass(frozen=True)
class FrameFolder:
    """Frames of one recipe.

    Attributes:
      files: where they are: has `read` and `write` as `LocalFiles`.
      recipe: of all frames.
      predictor: of the recipe's name.
      records: of the frames that are there, by their outputs.
      overwrite: whether to replace frames that were made in another way, and files of
        other origin.
      max_pixels: most pixels of a picture.
    """

    files: LocalFiles
    recipe: Recipe
    predictor: Predictor
    records: dict[str, dict]
    overwrite: bool = False
    max_pixels: int = images.MAX_PIXELS

    def check_recipe(self) -> None:
        """Makes sure that the frames that are there were made in the same way.

        Raises:
          InputError: one was made in another, and is not to be overwritten.
        """
        if self.overwrite:
            return
        wanted = dataclasses.asdict(self.recipe)
        for output, record in self.records.items():
            for name, value in wanted.items():
                if record.get(name) != value:
                    raise _other(output, name, record.get(name), value)
        for record in list(self.records.values())[:1]:
            self._check_weights(record)

    def _check_weights(self, record: dict) -> None:
        now = self.predictor.fingerprint(record["source"])
        if record["weights_sha256"] != now and not self.overwrite:
            raise _other(
                record["output"], "SHA-256 of --weights", record["weights_sha256"], now
            )

    def prepare(
        self,
        batch: Sequence[Source],
        announce: Callable[[dict], None] = lambda record: None,
    ) -> list[dict | InputError]:
        """Prepares and writes frames; those that match their records are left.

        Args:
          batch: the sources; the predictor gets all of them at once.
          announce: called with the record of each frame right before it is written.

        Returns:
          For each source the record of its frame, or why it could not be prepared.
        """
        results: list = [self._existing(source) for source in batch]
        todo = [i for i, result in enumerate(results) if result is None]
        made = prepare(
            [batch[i] for i in todo], self.recipe, self.predictor, self.max_pixels
        )
        for i, frame in zip(todo, made):
            if isinstance(frame, InputError):
                results[i] = frame
                continue
            announce(frame.record)
            self.files.write(batch[i].output, frame.png)
            results[i] = frame.record
        return results

    def _existing(self, source: Source) -> dict | InputError | None:
        """The record of a frame that is there and what it should be."""
        record = self.records.get(source.output)
        written = self.files.read(source.output)
        try:
            if record is None:
                if written is not None and not self.overwrite:
                    raise InputError(
                        f"{source.output} is there, was not made by this tool, and is "
                        "kept; choose another --output_dir, or add --overwrite"
                    )
                return None
            self._check_weights(record)
            wanted = {
                **dataclasses.asdict(self.recipe),
                "source": source.name,
                "source_sha256": _sha256(source.read()),
                "output_sha256": written and _sha256(written),
                "weights_sha256": self.predictor.fingerprint(source.name),
            }
        except InputError as error:
            return error
        same = all(record.get(name) == value for name, value in wanted.items())
        return record if same else None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _other(output: str, what: str, before, now) -> InputError:
    return InputError(
        f"{output} was prepared with another {what}, {before}, than {now}; choose "
        "another --output_dir, or --overwrite to make all frames anew"
    )
