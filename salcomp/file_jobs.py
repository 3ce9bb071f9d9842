"""Work on many files in one process: names of outputs, progress, and failures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

from absl import logging
from tqdm import tqdm

from salcomp.errors import InputError, SalcompError

_READ_AHEAD = 4

T = TypeVar("T")


class Job(NamedTuple):
    """One file to read and one to write."""

    source: Path
    output: Path


def plan(
    sources: Sequence[Path], suffix: str, output_dir: str | None, overwrite: bool
) -> list[Job]:
    """The jobs that are to be done; outputs that exist are kept unless overwritten.

    Args:
      sources: files to read.
      suffix: of the outputs, with the dot.
      output_dir: folder of the outputs, made if need be; beside each source if None.
      overwrite: whether existing outputs are replaced.

    Raises:
      InputError: two sources would have the same output, or the folder cannot be made.
    """
    if output_dir is not None:
        try:
            Path(output_dir).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--output_dir={output_dir}: {error.strerror}") from error
    jobs = []
    owners: dict[Path, Path] = {}
    for source in sources:
        folder = source.parent if output_dir is None else Path(output_dir)
        output = folder / (source.stem + suffix)
        if output in owners:
            raise InputError(
                f"{owners[output]} and {source} would both become {output}; rename one "
                "or compress them into different folders"
            )
        owners[output] = source
        if output.exists() and not overwrite:
            logging.info("%s exists and is kept; --overwrite replaces it", output)
        else:
            jobs.append(Job(source, output))
    return jobs


def run(
    jobs: Sequence[Job],
    read: Callable[[Path], T],
    work: Callable[[Job, T], None],
    description: str,
) -> None:
    """Does all jobs, reading some files ahead; a file that fails stops no other.

    Args:
      jobs: to do, in order.
      read: reads a source, in another thread.
      work: turns what was read into the output.
      description: for the progress bar.

    Raises:
      SalcompError: at least one job failed; the reasons have been logged.
    """
    failures = []
    bar = tqdm(total=len(jobs), desc=description, unit="file", disable=None)
    with bar, ThreadPoolExecutor(1) as reader:
        for job, content in _ahead(reader, read, jobs):
            try:
                work(job, content())
            except SalcompError as error:
                message = str(error)
                if str(job.source) not in message:
                    message = f"{job.source}: {message}"
                failures.append(message)
                if len(jobs) > 1:
                    logging.error("%s", message)
            bar.update()
    if len(jobs) == 1 and failures:
        raise SalcompError(failures[0])
    if failures:
        raise SalcompError(f"{len(failures)} of {len(jobs)} files failed, named above")


def _ahead(reader, read, jobs: Sequence[Job]) -> Iterable[tuple[Job, Callable]]:
    """Each job with a function that gives what was read, or raises its error."""
    pending = [(job, reader.submit(read, job.source)) for job in jobs[:_READ_AHEAD]]
    for i in range(len(jobs)):
        job, future = pending.pop(0)
        yield job, future.result
        if i + _READ_AHEAD < len(jobs):
            later = jobs[i + _READ_AHEAD]
            pending.append((later, reader.submit(read, later.source)))
