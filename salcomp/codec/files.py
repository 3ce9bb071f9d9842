"""Files compressed and decompressed, many in one process; those that fail are told.

Nothing here imports TensorFlow, which takes seconds: mistakes are found before it.
"""

from __future__ import annotations

import collections
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from absl import logging

from salcomp.codec import bitstream
from salcomp.errors import BitstreamError, InputError, SalcompError
from salcomp.files import disk, images, map_sources
from salcomp.progress import Progress
from salcomp.zoo import shipped

if TYPE_CHECKING:
    from salcomp.codec import encoders
    from salcomp.codec.base import RangeCodec

# While one reads or writes, others compute; more gain nothing on two cores, since
# TensorFlow spreads each job over all, and each holds the feature maps of a strip.
WORKERS = 3
_UNUSED = "not used by this model"


class Job(NamedTuple):
    """One file to read and one to write."""

    source: Path
    output: Path


def plan(
    sources: Mapping[Path, Path], suffix: str, output_dir: str | None, overwrite: bool
) -> list[Job]:
    """Plans the jobs; outputs that exist are kept unless overwritten.

    Args:
      sources: files to read, and where their outputs belong below `output_dir`, as
        `disk.find_inputs` returns them.
      output_dir: folder of the outputs, made if need be as the folders in it are;
        outputs go beside their sources if None.
      overwrite: whether existing outputs are replaced.

    Raises:
      InputError: two sources would have the same output, or a folder cannot be made.
    """
    jobs = []
    owners: dict[Path, Path] = {}
    for source, place in sources.items():
        folder = source.parent
        if output_dir is not None:
            folder = disk.make_folder("output_dir", Path(output_dir, place.parent))
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
      work: turns a source into its output. TensorFlow and Pillow let go of the
        interpreter, so that one job reads while another computes.
      workers: jobs at a time.

    Raises:
      SalcompError: at least one job failed; the reasons have been logged.
    """

    def attempt(job: Job) -> str | None:
        try:
            work(job)
        except SalcompError as error:
            # A short name may well occur in the words of any message.
            named = str(error).startswith((f"{job.source}:", f"{job.output}:"))
            return str(error) if named else f"{job.source}: {error}"
        return None

    failures = []
    pool = ThreadPoolExecutor(workers)
    try:
        done = pool.map(attempt, jobs)
        for failure in Progress(done, description, len(jobs), unit="file"):
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


def compress_files(
    encoder: encoders.Plain | encoders.Refined | encoders.AtRate,
    jobs: Sequence[Job],
    maps: map_sources.Source,
    reconstruction: bool = False,
    save_saliency: bool = False,
    max_pixels: int = images.MAX_PIXELS,
) -> None:
    """Compresses image files.

    An encoder of one image at a time has the next read, and its map made, meanwhile.

    Args:
      jobs: images to read and .salc files to write.
      maps: where the maps come from; those of no effect are not made.
      reconstruction: whether to write what each file decodes to, as .salc.png.
      save_saliency: whether to write each map, as .saliency.png, though the encoder
        may have no use for it.
      max_pixels: most pixels of an image, and of its mask.

    Raises:
      SalcompError: at least one image failed; the reasons have been logged.
    """
    needed = encoder.uses_map or save_saliency
    if not needed:
        maps = map_sources.from_spec("uniform")
    maps.load()
    began, sizes, rates = time.perf_counter(), [], []

    def read(job: Job) -> tuple[images.Image, map_sources.Map]:
        image = images.read_image(job.source, max_pixels)
        return image, maps.of(job.source, image, max_pixels)

    def compress(job: Job, image: images.Image, found: map_sources.Map):
        started = time.perf_counter()
        encoded = encoder.encode(job.source.name, image.rgb, found.saliency)
        seconds = time.perf_counter() - started
        if reconstruction:
            png = job.output.with_name(job.output.name + ".png")
            images.write_png(png, encoded.reconstruction)
        if save_saliency:
            grey = np.round(255 * found.saliency).astype(np.uint8)
            images.write_png(job.output.with_suffix(disk.SAVED_MAP), grey)
        disk.write_file(job.output, encoded.data)
        origin = _origin(image, found) if needed else _UNUSED
        if needed and not encoder.uses_map:
            origin += f", {_UNUSED}"
        line = "%s: %d bytes, %.4f bpp in %.2f s, map: %s"
        size = len(encoded.data)
        logging.info(line, job.output, size, encoded.bpp, seconds, origin)
        sizes.append(size)
        rates.append(encoded.bpp)

    title, workers = "compress", encoder.workers
    try:
        if workers > 1:
            run(jobs, lambda job: compress(job, *read(job)), title, workers)
        else:
            with contextlib.closing(_ahead(read, jobs)) as ahead:
                run(jobs, lambda job: compress(job, *next(ahead).result()), title, 1)
    finally:
        if len(sizes) > 1:
            line = "%d files, %d bytes, %.4f bpp on average, in %.1f s"
            seconds = time.perf_counter() - began
            logging.info(line, len(sizes), sum(sizes), np.mean(rates), seconds)


def _origin(image: images.Image, found: map_sources.Map) -> str:
    """Tells where the map of an image is from, and what it took."""
    origin = found.origin
    if found.seconds is not None:
        origin += f" ({found.seconds:.2f} s)"
    if image.alpha is not None and found.origin != map_sources.ALPHA:
        origin += " (alpha channel dropped)"
    return origin


def _ahead(function: Callable, arguments: Sequence) -> Iterator[Future]:
    """Yields the result of each call in turn, while the next one is being made."""
    results: collections.deque[Future] = collections.deque()
    with ThreadPoolExecutor(1) as pool:
        for argument in arguments:
            results.append(pool.submit(function, argument))
            if len(results) > 1:
                yield results.popleft()
        yield from results


def decompress_files(
    codec_for: Callable[[bytes], RangeCodec],
    jobs: Sequence[Job],
    max_pixels: int | None = None,
    iterations: int | None = None,
) -> None:
    """Decompresses files.

    Args:
      codec_for: the codec of a fingerprint's first 8 bytes, which a file's header has.
      jobs: .salc files to read and PNG files to write.
      max_pixels: most pixels of an image; the codec's own limit if None.
      iterations: how many to decode of progressive files, which may then be cut after
        them; all if None.

    Raises:
      SalcompError: at least one file failed; the reasons have been logged.
    """

    def work(job: Job):
        content = bitstream.read(job.source, cut=iterations is not None)
        codec = codec_for(content.fingerprint)
        rgb = codec.decode_content(content, max_pixels, iterations)
        images.write_png(job.output, rgb)
        logging.info("%s", job.output)

    run(jobs, work, "decompress")


class ShippedCodecs:
    """The codecs of the models that come with salcomp, each loaded when needed."""

    def __init__(self):
        self._codecs: dict[bytes, RangeCodec] = {}
        self._lock = threading.Lock()

    def codec_for(self, fingerprint: bytes) -> RangeCodec:
        """Loads the codec of the model whose fingerprint starts so.

        Raises BitstreamError if the model is from elsewhere.
        """
        with self._lock:
            if fingerprint not in self._codecs:
                folder = shipped.with_fingerprint(fingerprint)
                if folder is None:
                    raise BitstreamError(_of_unknown_model(fingerprint))
                from salcomp.codec import base

                self._codecs[fingerprint] = base.load(folder)
            return self._codecs[fingerprint]


def _of_unknown_model(fingerprint: bytes) -> str:
    """What to do with a file of a model that does not come with this salcomp."""
    former = shipped.retired(fingerprint)
    if former is None:
        return (
            f"written by model {fingerprint.hex()}, which is none of those that come "
            "with salcomp; give --model that one"
        )
    return (
        f"written by model {former}, which does not come with this version; install "
        "that one to decode it, or give --model a copy of that model"
    )
