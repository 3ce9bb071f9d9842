"""Prepares frames on many machines: the work of `local` on Apache Beam.

Each worker loads the predictor and does whole frames, one after another. Paths may be
those of any file system that Beam knows (gs://, hdfs://, s3://), but for `--weights`,
which each worker opens as a file of its own. The manifest is written at the end.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import shlex
from pathlib import PurePosixPath

import apache_beam as beam
from absl import logging
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from data_prep.pipeline import manifest
from data_prep.pipeline import sources as picture_sources
from data_prep.pipeline.frame_folder import FrameFolder
from data_prep.pipeline.packing import Recipe
from data_prep.pipeline.sources import Source
from salcomp.errors import InputError, SalcompError
from salcomp.files import disk, predictors
from salcomp.files.predictors import Predictor

_FAILED = "failed"
_FAILURES_NAME = "failures.json"


class BeamFiles:
    """`Files` of any file system of Beam's."""

    def __init__(self, folder: str):
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        path = self._path(name)
        try:
            return _read(path) if FileSystems.exists(path) else None
        except ValueError as error:  # of an unknown scheme, or without its package
            raise InputError(f"{path}: {error}") from error

    def write(self, name: str, data: bytes) -> None:
        path = self._path(name)
        folder = FileSystems.split(path)[0]
        with contextlib.suppress(BeamIOError, OSError):  # another worker has made it
            if not FileSystems.exists(folder):
                FileSystems.mkdirs(folder)
        temporary = FileSystems.join(folder, f".{secrets.token_hex(8)}.tmp")
        try:
            with FileSystems.create(temporary, "application/octet-stream") as file:
                file.write(data)
            FileSystems.rename([temporary], [path])
        except (BeamIOError, OSError) as error:
            raise InputError(f"{path}: cannot be written ({error})") from error

    def remove(self, name: str) -> None:
        """Removes a file."""
        FileSystems.delete([self._path(name)])

    def _path(self, name: str) -> str:
        return FileSystems.join(self._folder, *name.split("/"))


class _PrepareFrame(beam.DoFn):
    """(source, record or None) to the record of the frame, or tagged to why not."""

    def __init__(self, recipe: Recipe, weights: str | None, output_dir: str, **options):
        self._recipe = recipe
        self._weights = weights
        self._output_dir = output_dir
        self._options = options

    def setup(self):
        recipe = self._recipe
        calibrated = recipe.readout is not None
        self._predictor = predictors.load(recipe.predictor, self._weights, calibrated)

    def process(self, element):
        source, record = element
        files = BeamFiles(self._output_dir)
        records = {} if record is None else {source.output: record}
        folder = FrameFolder(
            files, self._recipe, self._predictor, records, **self._options
        )
        (result,) = folder.prepare([source])
        if isinstance(result, InputError):
            yield beam.pvalue.TaggedOutput(_FAILED, str(result))
        else:
            yield result


def run(
    pattern: str,
    recipe: Recipe,
    predictor: Predictor,
    weights: str | None,
    output_dir: str,
    runner: str,
    options: str = "",
    **folder_options,
) -> list[InputError]:
    """Prepares a frame of each file in a folder, with the bytes of `local`.

    Args:
      pattern: of the files.
      recipe: of the frames.
      predictor: of the recipe; each worker loads its own.
      weights: what the predictor reads, if anything: a path on every worker.
      output_dir: folder of the frames and the manifest.
      runner: name of Beam's runner.
      options: further pipeline options, as on a command line.
      **folder_options: `overwrite` and `max_pixels` of `FrameFolder`.

    Returns:
      Why some frames could not be prepared.

    Raises:
      InputError: there are no files, the folder holds frames made in another way, or
        there is no such runner.
      SalcompError: the pipeline failed.
    """
    output_dir = os.path.expanduser(output_dir)
    files = BeamFiles(output_dir)
    path = FileSystems.join(output_dir, manifest.NAME)
    known = manifest.loads(files.read(manifest.NAME) or b"", path)
    sources = picture_sources.apart_from(output_dir, _sources(pattern), known)
    FrameFolder(files, recipe, predictor, known, **folder_options).check_recipe()

    def write_manifest(records):
        made = {record["output"]: record for record in records}
        files.write(manifest.NAME, manifest.dumps({**known, **made}.values()))

    def write_failures(reasons):
        files.write(_FAILURES_NAME, json.dumps(sorted(reasons)).encode())

    pipeline = _pipeline(runner, options)
    work = beam.ParDo(_PrepareFrame(recipe, weights, output_dir, **folder_options))
    results = (
        pipeline
        | "Sources" >> beam.Create([(s, known.get(s.output)) for s in sources])
        | "Spread" >> beam.Reshuffle()
        | "Prepare" >> work.with_outputs(_FAILED, main="records")
    )
    for name, write in (("records", write_manifest), (_FAILED, write_failures)):
        gathered = results[name] | f"Gather {name}" >> beam.combiners.ToList()
        gathered | f"Write {name}" >> beam.Map(write)
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:  # runners raise many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SalcompError(f"--runner={runner}: {reason}") from error
    failures = json.loads(files.read(_FAILURES_NAME))
    files.remove(_FAILURES_NAME)
    done = len(sources) - len(failures)
    logging.info("%s: %d of %d frames are there", output_dir, done, len(sources))
    return [InputError(reason) for reason in failures]


def _pipeline(runner: str, options: str) -> beam.Pipeline:
    try:
        # Beam's DirectRunner would fetch a program from the network first, and does the
        # work of this one without it.
        runner = {"DirectRunner": "FnApiRunner"}.get(runner, runner)
        flags = [f"--runner={runner}", *shlex.split(options)]
        return beam.Pipeline(options=PipelineOptions(flags))
    except (ValueError, ImportError, AttributeError, SystemExit) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"--runner={runner}: {reason}") from error


def _sources(pattern: str) -> list[Source]:
    """As `from_pattern`, of any file system."""
    if "://" not in pattern:
        return picture_sources.from_pattern(pattern)
    scheme, rest = pattern.split("://", 1)
    root = disk.fixed_part(PurePosixPath(rest))
    try:
        (match,) = FileSystems.match([pattern])
    except ValueError as error:  # of an unknown scheme, or without its package
        raise InputError(f"--input_glob={pattern}: {error}") from error
    paths = sorted(found.path for found in match.metadata_list)
    if not paths:
        raise InputError(f"{pattern}: no such files")
    found = []
    for path in paths:
        rest = PurePosixPath(path.split("://", 1)[1])
        output = picture_sources.output_name(str(rest), rest.relative_to(root))
        found.append(Source(path, output, functools.partial(_read, path)))
    picture_sources.refuse_collisions(found)
    return found


def _read(path: str) -> bytes:
    try:
        with FileSystems.open(path, "application/octet-stream") as file:
            return file.read()
    except (BeamIOError, OSError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
