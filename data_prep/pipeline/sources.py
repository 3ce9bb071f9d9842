"""Which frames are to be prepared, and what each output is called.

Outputs keep the folders below the pattern's fixed part: `street/*/*.png` turns
`street/train/a.png` into `train/a.png`. Of a Cityscapes tree they keep the folders from
the split on, whatever the pattern: `leftImg8bit/val/bonn/x.png` is `val/bonn/x.png`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

from absl import logging

from salcomp.errors import InputError
from salcomp.files import disk

_CITYSCAPES = re.compile(r".*(?:^|/)leftImg8bit/((?:train|val|test|train_extra)/.+)")
_CITYSCAPES_HINT = (
    " (put leftImg8bit_trainvaltest.zip of cityscapes-dataset.com, which wants you to "
    "register, into --tfds_manual_dir)"
)


class Source(NamedTuple):
    """A picture to prepare a frame from.

    Attributes:
      name: path of the file, or what stands for it in messages.
      output: of the frame, relative to the folder of outputs, with / and `.png`.
      read: gives the bytes of the image file.
    """

    name: str
    output: str
    read: Callable[[], bytes]


def from_pattern(pattern: str) -> list[Source]:
    """Finds the files that `--input_glob` names: a pattern, a folder or a file.

    Raises:
      InputError: there are none, or two would have the same output.
    """
    sources = [
        Source(str(path), output_name(path.as_posix(), place), partial(read_file, path))
        for path, place in disk.find_inputs([pattern]).items()
    ]
    refuse_collisions(sources)
    return sources


def apart_from(
    output_dir: str, sources: list[Source], own: Collection[str]
) -> list[Source]:
    """Takes the sources without the frames that lie in the folder of outputs.

    Args:
      output_dir: of the outputs.
      sources: found by a pattern, which may match frames of an earlier run.
      own: the outputs of earlier runs, relative to `output_dir`.

    Raises:
      InputError: a frame would take the place of a picture.
    """
    frames = {os.path.realpath(os.path.join(output_dir, name)) for name in own}
    outside = [s for s in sources if os.path.realpath(s.name) not in frames]
    if own_frames := len(sources) - len(outside):
        message = "%d frames in %s are no pictures, and are left out"
        logging.info(message, own_frames, output_dir)
    pictures = {os.path.realpath(source.name) for source in outside}
    for source in outside:
        if os.path.realpath(os.path.join(output_dir, source.output)) in pictures:
            raise InputError(
                f"the frame of {source.name} would take the place of a picture; choose "
                "another --output_dir"
            )
    return outside


def output_name(path: str, below: PurePath) -> str:
    """Names the output of a file, a path with / between the folders.

    Args:
      path: of the file.
      below: the same from where its output's folders begin, but of Cityscapes.
    """
    cityscapes = _CITYSCAPES.fullmatch(path)
    place = PurePosixPath(cityscapes[1]) if cityscapes else below
    return place.with_suffix(".png").as_posix()


def refuse_collisions(sources: Iterable[Source]) -> None:
    """Makes sure that every source has an output of its own.

    Raises:
      InputError: two have the same; the message names both.
    """
    owners: dict[str, str] = {}
    for source in sources:
        if source.output in owners:
            raise InputError(
                f"{owners[source.output]} and {source.name} would both become "
                f"{source.output}; rename one"
            )
        owners[source.output] = source.name


def read_file(path: Path) -> bytes:
    """Reads the bytes of a file.

    Raises:
      InputError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); make it readable, or remove it"
        ) from error


class TfdsSource:
    """The left images of a set of tensorflow-datasets, split by split.

    `cityscapes` is built from `leftImg8bit_trainvaltest.zip` alone, in a configuration
    of its own; the stock ones want labels or depth maps as well. Other sets give their
    feature `image` or `image_left`.
    """

    def __init__(self, name: str, manual_dir: str | None, data_dir: str | None):
        """Builds the set if need be.

        Args:
          name: of the set, such as "cityscapes".
          manual_dir: folder of the zip files that have been downloaded by hand;
            tensorflow-datasets' own, `downloads/manual`, by default.
          data_dir: folder where tensorflow-datasets keeps sets; its own by default.

        Raises:
          InputError: there is no such set, or it cannot be built.
        """
        import tensorflow_datasets as tfds  # slow to import, and needed only here

        try:
            self._builder = _builder(tfds, name, data_dir)
            self._builder.download_and_prepare(
                download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
            )
            features = self._builder.info.features
            self._key = next(k for k in ("image_left", "image") if k in features)
        except StopIteration as error:
            fault = f"--tfds_name={name} has no images; name a set that has"
            raise InputError(fault) from error
        except (Exception, SystemExit) as error:  # tfds raises many kinds
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            hint = _CITYSCAPES_HINT if name == "cityscapes" else ""
            raise InputError(f"--tfds_name={name}: {reason}{hint}") from error
        self._name = name
        self._decoders = {self._key: tfds.decode.SkipDecoding()}

    def __len__(self) -> int:
        return sum(split.num_examples for split in self._builder.info.splits.values())

    def __iter__(self) -> Iterator[Source]:
        for split in self._builder.info.splits:
            examples = self._builder.as_dataset(split=split, decoders=self._decoders)
            for i, example in enumerate(examples.as_numpy_iterator()):
                data = example[self._key]
                title = example.get("image_id", f"{i:06}")
                title = title.decode() if isinstance(title, bytes) else str(title)
                name, output = f"{self._name}/{split}/{title}", f"{split}/{title}.png"
                yield Source(name, output, partial(bytes, data))


def _builder(tfds, name: str, data_dir: str | None):
    if name != "cityscapes":
        return tfds.builder(name, data_dir=data_dir)
    stock = tfds.builder_cls(name)
    others = "right_images segmentation_labels disparity_maps train_extra_split".split()
    about = {"name": "left_only", "description": "The left images alone."}
    config = type(stock.BUILDER_CONFIGS[0])(**about, **dict.fromkeys(others, False))
    return stock(config=config, data_dir=data_dir)
