"""Prepares frames on this machine: batches in threads, restartable at any moment."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from absl import logging

from data_prep.pipeline.frame_folder import FrameFolder, LocalFiles
from data_prep.pipeline.manifest import Manifest
from data_prep.pipeline.packing import Recipe
from data_prep.pipeline.sources import Source, apart_from
from salcomp.errors import InputError
from salcomp.files import disk, images
from salcomp.files.predictors import Predictor
from salcomp.progress import Progress


def run(
    sources: Collection[Source],
    recipe: Recipe,
    predictor: Predictor,
    output_dir: Path,
    batch_size: int = 1,
    workers: int = 1,
    max_pixels: int = images.MAX_PIXELS,
    overwrite: bool = False,
) -> list[InputError]:
    """Prepares a frame of each source in a folder.

    Args:
      sources: of the frames.
      recipe: of the frames.
      predictor: of the recipe's name.
      output_dir: folder of the frames and the manifest.
      batch_size: frames that the predictor gets at a time.
      workers: batches in work at a time.
      max_pixels: most pixels of a picture.
      overwrite: whether frames that were made in another way, and files of other
        origin, are replaced.

    Returns:
      Why some frames could not be prepared; each has been logged.

    Raises:
      InputError: the folder cannot be used, or holds frames made in another way.
    """
    with disk.locked(output_dir), closing(Manifest(output_dir)) as manifest:
        disk.remove_temporaries(output_dir)
        if isinstance(sources, list):  # files, as opposed to a set's examples
            sources = apart_from(str(output_dir), sources, manifest.records)
        files, records = LocalFiles(output_dir), manifest.records
        folder = FrameFolder(files, recipe, predictor, records, overwrite, max_pixels)
        folder.check_recipe()
        before, failures, kept = dict(manifest.records), [], 0

        def work(batch: list[Source]) -> list[dict | InputError]:
            return folder.prepare(batch, manifest.add)

        with Progress(total=len(sources), unit="frame") as bar:
            for results in _in_order(work, _batches(sources, batch_size), workers):
                old = 0
                for result in results:
                    if isinstance(result, InputError):
                        failures.append(result)
                        logging.error("%s", result)
                    else:
                        old += result is before.get(result["output"])
                bar.skip(old)
                bar.update(len(results) - old)
                kept += old
    counts = len(sources) - kept - len(failures), kept, len(failures)
    message = "%s: %d frames prepared, %d were there already, %d failed"
    logging.info(message, output_dir, *counts)
    return failures


def _batches(sources: Iterable[Source], size: int) -> Iterator[list[Source]]:
    iterator = iter(sources)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def _in_order(work: Callable, items: Iterable, workers: int) -> Iterator:
    """The results of `work` on each item, of which few more than `workers` wait."""
    pool = ThreadPoolExecutor(workers)
    pending: deque = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:  # also after Ctrl-C, when what has begun is finished
        pool.shutdown(cancel_futures=True)
