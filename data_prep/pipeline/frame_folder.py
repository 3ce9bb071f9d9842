"""A folder of frames: which of them are there already, and writing the others."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from absl import logging

from data_prep.pipeline.packing import Prepared, Recipe, attempt, prepare
from data_prep.pipeline.sources import Source, read_file
from salcomp.errors import InputError
from salcomp.files import disk, images
from salcomp.files.predictors import Predictor


class Files(Protocol):
    """The files below a folder, by their names relative to it, with / in them."""

    def read(self, name: str) -> bytes | None:
        """Reads the bytes of a file; None if there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Writes a file, and the folders above it, whole or not at all."""


class LocalFiles:
    """`Files` of this machine; what fails is an `InputError` that names the file."""

    def __init__(self, folder: Path):
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        path = self._folder / name
        return read_file(path) if os.path.exists(path) else None

    def write(self, name: str, data: bytes) -> None:
        path = self._folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{path.parent}: no folder can be made there ({error.strerror}); "
                "choose another --output_dir"
            ) from error
        disk.write_file(path, data)


@dataclasses.dataclass(frozen=True)
class FrameFolder:
    """Frames of one recipe.

    Attributes:
      files: where they are.
      recipe: of all frames.
      predictor: of the recipe's name.
      records: of the frames that are there, by their outputs.
      overwrite: whether to replace frames that were made in another way or of other
        pictures, and files of other origin.
      max_pixels: most pixels of a picture.
    """

    files: Files
    recipe: Recipe
    predictor: Predictor
    records: dict[str, dict]
    overwrite: bool = False
    max_pixels: int = images.MAX_PIXELS

    def check_recipe(self) -> None:
        """Makes sure that the frames that are there were made in the same way.

        Records of other recipes are dropped if frames may be overwritten.

        Raises:
          InputError: one was made in another way, and is not to be overwritten.
        """
        others = {
            output: difference
            for output, record in self.records.items()
            if (difference := self._difference(record))
        }
        if others and not self.overwrite:
            output, difference = next(iter(others.items()))
            raise InputError(
                f"{output} was prepared with another {difference}; choose another "
                "--output_dir, or --overwrite to begin this one anew"
            )
        for output in others:
            del self.records[output]
        if others:
            message = "%d frames of another recipe are no longer in the manifest"
            logging.warning(message, len(others))

    def _difference(self, record: dict) -> str | None:
        """What differs between how a frame was made and how it would be, in words."""
        for name, value in dataclasses.asdict(self.recipe).items():
            if record.get(name) != value:
                return f"{name}, {record.get(name)}, than {value}"
        weights = self.predictor.weights_sha256
        if not self.predictor.map_sha256 and record["weights_sha256"] != weights:
            return f"SHA-256 of --weights, {record['weights_sha256']}, than {weights}"
        return None

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
        results = [attempt(self._existing, source) for source in batch]
        todo = [i for i, result in enumerate(results) if result is None]
        unmade = [batch[i] for i in todo]
        made = prepare(unmade, self.recipe, self.predictor, self.max_pixels)
        for i, frame in zip(todo, made):
            if not isinstance(frame, InputError):
                frame = attempt(self._write, batch[i], frame, announce)
            elif batch[i].output in self.records:
                frame = InputError(f"{frame} (the frame of an earlier run is kept)")
            results[i] = frame
        return results

    def _existing(self, source: Source) -> dict | None:
        """The record of a frame that is there and what it should be."""
        record = self.records.get(source.output)
        if record is None:
            return None
        digest = _sha256(source.read())
        weights = self.predictor.fingerprint(source.name)
        if not self.overwrite:
            if record["weights_sha256"] != weights:
                raise InputError(
                    f"{source.output} was prepared with another map than it has now; "
                    "choose another --output_dir, or add --overwrite"
                )
            if record["source"] != source.name and record["source_sha256"] != digest:
                raise InputError(
                    f"{source.output} was prepared from {record['source']}; choose "
                    "another --output_dir, or add --overwrite"
                )
        written = self.files.read(source.output)
        same = written is not None and (
            (record["source_sha256"], record["weights_sha256"]) == (digest, weights)
            and record["output_sha256"] == _sha256(written)
        )
        return record if same else None

    def _write(self, source: Source, frame: Prepared, announce) -> dict:
        if source.output not in self.records and not self.overwrite:
            # Equal bytes are of a run that was killed before it wrote the manifest.
            if self.files.read(source.output) not in (None, frame.png):
                raise InputError(
                    f"{source.output} is there, was not made by this tool, and is "
                    "kept; choose another --output_dir, or add --overwrite"
                )
        announce(frame.record)
        self.files.write(source.output, frame.png)
        return frame.record


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
