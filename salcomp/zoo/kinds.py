"""The kinds of models that a folder may hold, told by its configuration."""

from __future__ import annotations

import json
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from salcomp.errors import InputError

if TYPE_CHECKING:
    from salcomp.codec.base import RangeCodec
    from salcomp.model.base import Model


class Kind(NamedTuple):
    """A kind of model, whose classes are imported when they are asked for.

    They are known by name: TensorFlow takes seconds to import, and each kind stands
    above what all share.

    Attributes:
      field: of the configuration, which no other kind has, unless another kind that
        stands before has it with one of certain values.
      model_name, codec_name: the classes, MODULE:CLASS.
      values: of the field that this kind has; any if empty.
      iterates: whether its files have iterations, which blocks may stop at.
    """

    field: str
    model_name: str
    codec_name: str
    values: tuple = ()
    iterates: bool = False

    def holds(self, config: dict) -> bool:
        """Whether a configuration is of this kind."""
        if self.field not in config:
            return False
        return not self.values or config[self.field] in self.values

    @property
    def model(self) -> type[Model]:
        """The class of the trainable model."""
        return pkgutil.resolve_name(self.model_name)

    @property
    def codec(self) -> type[RangeCodec]:
        """The class of the model with its range coder."""
        return pkgutil.resolve_name(self.codec_name)


KINDS = (
    Kind(
        "prior",
        "salcomp.model.saliency_codec:SaliencyCodec",
        "salcomp.codec.hyper_codec:HyperCodec",
        values=("scale", "hyper"),
    ),
    Kind(
        "num_filters",
        "salcomp.model.saliency_codec:SaliencyCodec",
        "salcomp.codec.codec:Codec",
    ),
    Kind(
        "code_channels",
        "salcomp.extreme_gan.model:ExtremeGan",
        "salcomp.extreme_gan.codec:GanCodec",
    ),
    Kind(
        "bits_per_block",
        "salcomp.recurrent.model:RecurrentCoder",
        "salcomp.recurrent.codec:RecurrentCodec",
        iterates=True,
    ),
)


def of(folder: Path) -> Kind:
    """The kind of a run, or of an exported model, by its config.json.

    Raises InputError if there is none, or it is of no kind that this salcomp knows.
    """
    path = folder / "config.json"
    try:
        config = _config(path)
        return next(kind for kind in KINDS if kind.holds(config))
    except OSError as error:
        raise InputError(
            f"{folder} is neither an exported model nor the workdir of a run"
        ) from error
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise InputError(f"{path} is of no kind of model that is known here") from error


def has_rates(folder: Path) -> bool:
    """Whether a folder holds a model of several rates; False if it holds none."""
    try:
        return _config(folder / "config.json").get("rates", 1) > 1
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def _config(path: Path) -> dict:
    return json.loads(path.read_text())["config"]
