"""Work on many files in one process: names of outputs, progress, and failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from absl import flags, logging
from tqdm import tqdm

from salcomp.errors import InputError, SalcompError
from salcomp.files import disk

# While one reads or writes, others compute; more gain nothing on two cores, since
# TensorFlow spreads each job over all, and each holds the feature maps of a strip.
WORKERS = 3


def define_flags(flag_values: flags.FlagValues, outputs: str, max_pixels: int) -> None:
    """Defines the flags of a tool whose files are images on one side.

    Args:
      flag_values: to define them in.
      outputs: what --output_dir is the folder of, and where outputs go without it.
      max_pixels: default of the flag of that name.
    """
    flags.DEFINE_string(
        "output_dir", None, f"Folder of {outputs}", flag_values=flag_values
    )
    flags.DEFINE_boolean(
        "overwrite",
        False,
        "Whether to replace outputs that exist.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "max_pixels",
        max_pixels,
        "Refuse images with more pixels. Pillow opens none over 178,956,970.",
        lower_bound=1,
        flag_values=flag_values,
    )


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
        disk.make_folder("output_dir", output_dir)
    jobs = []
    owners: dict[Path, Path] = {}
    for source in sources:
        folder = source.parent if output_dir is None else Path(output_dir)
        output = folder / (source.stem + suffix)
        if output in owners:
            raise InputError(
                f"{owners[output]} and {source} would both become {output}; rename one "
                "or give them different folders"
            )
        owners[output] = source
        if output.exists() and not overwrite:
            logging.info("%s exists and is kept; --overwrite replaces it", output)
        else:
            jobs.append(Job(source, output))
    return jobs


def run(
    jobs: Sequence[Job],
    work: Callable[[Job], None],
    description: str,
    workers: int = WORKERS,
) -> None:
    """Does all jobs; one that fails stops no other.

    Args:
      jobs: to do.
      work: turns a source into its output. TensorFlow and Pillow let go of the
        interpreter, so that one job reads while another computes.
      description: for the progress bar.
      workers: jobs at a time.

    Raises:
      SalcompError: at least one job failed; the reasons have been logged.
    """

    def attempt(job: Job) -> str | None:
        try:
            work(job)
        except SalcompError as error:
            message = str(error)
            named = str(job.source) in message
            return message if named else f"{job.source}: {message}"
        return None

    failures = []
    pool = ThreadPoolExecutor(workers)
    try:
        done = pool.map(attempt, jobs)
        for failure in tqdm(done, description, len(jobs), unit="file", disable=None):
            if failure:
                failures.append(failure)
                if len(jobs) > 1:
                    logging.error("%s", failure)
    finally:  # also after Ctrl-C, when jobs that have not begun are dropped
        pool.shutdown(cancel_futures=True)
    if len(jobs) == 1 and failures:
        raise SalcompError(failures[0])
    if failures:
        raise SalcompError(f"{len(failures)} of {len(jobs)} files failed, named above")
