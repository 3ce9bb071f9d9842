"""The trained models that come with salcomp: their names, and what is known of each.

    zoo/NAME/            an exported model, as salcomp.model_folder has it
    zoo/NAME/card.json   how it was trained, and what it does on test frames

Nothing here needs TensorFlow, which takes seconds to import.
"""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from salcomp import model_folder
from salcomp.config import Config
from salcomp.errors import InputError

FOLDER = Path(__file__).parent / "zoo"
# What `compress` takes where no model is named.
DEFAULT = "saliency-2"
_CARD = "card.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
# Where a field's name in the file is no name in Python, or not one in this project.
_KEYS = {"lmbda": "lambda", "psnr_rgb": "psnr-rgb"}


@dataclasses.dataclass(frozen=True)
class Scores:
    """What a model does on test frames: means over images, rates of whole files.

    Attributes:
      frames: which frames, and the map that scores.
      images: how many.
      bpp: bit per pixel.
      bpp_low, bpp_high: its 2.5 and 97.5 percentiles over images.
      psnr_rgb, ewpsnr: in dB.
    """

    frames: str
    images: int
    bpp: float
    bpp_low: float
    bpp_high: float
    psnr_rgb: float
    ewpsnr: float


@dataclasses.dataclass(frozen=True)
class Card:
    """What is known of a model.

    Attributes:
      name: of its folder.
      arm: the models that differ in lambda alone share it.
      arm_description: a sentence on the arm.
      lmbda: trade-off of the training, bit per pixel per squared 8-bit level.
      saliency_floor: smallest weight of the training, 0..1; None without weights, or
        with weights that have no floor.
      training: a sentence on frames, steps, seed and preset.
      date, command: of the training.
      versions: of the packages that trained, by name.
      test: on test frames.
    """

    name: str
    arm: str
    arm_description: str
    lmbda: float
    saliency_floor: float | None
    training: str
    date: str
    command: str
    versions: dict[str, str]
    test: Scores

    @classmethod
    def from_json(cls, text: str | bytes, origin: str) -> Card:
        """The card that a file holds.

        Args:
          text: of the file.
          origin: its name, for messages.

        Raises:
          InputError: it is no JSON, or a field is missing, unknown or out of range.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise InputError(f"{origin}: damaged, or no JSON ({error})") from error
        return _from_values(cls, values, origin)

    def to_json(self) -> str:
        """The text of the file."""
        values = _to_values(dataclasses.asdict(self))
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _is_number(value) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


# By the type of the field: what it is in words, and whether a value is one.
_KINDS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "str": ("a text", lambda value: isinstance(value, str) and value.strip() != ""),
    "int": ("a count", lambda value: type(value) is int and value > 0),
    "float": ("a number over 0", lambda value: _is_number(value) and value > 0),
    "float | None": (
        "null or a number from 0 to 1",
        lambda value: value is None or (_is_number(value) and 0 <= value <= 1),
    ),
    "dict[str, str]": (
        "texts by name",
        lambda value: isinstance(value, dict)
        and all(isinstance(text, str) for text in value.values()),
    ),
    "Scores": ("an object", lambda value: isinstance(value, dict)),
}


def _from_values(cls, values, origin: str):
    """A `Card` or `Scores` of JSON values."""
    fields = {_KEYS.get(f.name, f.name): f for f in dataclasses.fields(cls)}
    if not isinstance(values, dict) or set(values) != set(fields):
        odd = set(fields) ^ set(values) if isinstance(values, dict) else fields
        raise InputError(
            f"{origin}: no card of a model (fields missing or unknown: "
            f"{', '.join(sorted(odd))})"
        )
    found = {}
    for key, field in fields.items():
        value = values[key]
        description, fits = _KINDS[field.type]
        if not fits(value):
            raise InputError(f"{origin}: {key} must be {description}, not {value!r}")
        if field.type == "Scores":
            value = _from_values(Scores, value, f"{origin}: {key}")
        found[field.name] = value
    return cls(**found)


def _to_values(fields: dict) -> dict:
    values = {_KEYS.get(name, name): value for name, value in fields.items()}
    return {k: _to_values(v) if isinstance(v, dict) else v for k, v in values.items()}


def names() -> list[str]:
    """The names of all models, sorted."""
    return [folder.name for folder in _folders()]


def _folders() -> list[Path]:
    if not FOLDER.is_dir():
        return []
    # What is hidden is what a killed process left.
    found = (path for path in FOLDER.iterdir() if not path.name.startswith("."))
    return sorted(filter(model_folder.is_model, found))


def matching(pattern: str) -> list[Path]:
    """The folders of the models whose names match a pattern, as of file names."""
    return [path for path in _folders() if fnmatch.fnmatchcase(path.name, pattern)]


def folder_of(model: str | os.PathLike) -> Path:
    """The folder that `--model` means: an existing one, else that of a name.

    A folder of results that happens to have a model's name does not hide the model.

    Raises:
      InputError: there is neither.
    """
    given = Path(model).expanduser()
    known = names()
    if str(model) in known and not _holds_model(given):
        return FOLDER / model
    if given.is_dir():
        return given
    if not known:
        raise InputError(
            f"{model}: no such folder, and no models come with this installation"
        )
    near = difflib.get_close_matches(str(model), known)
    hint = f"near it are {', '.join(near)}; " if near else ""
    raise InputError(
        f"{model}: no such folder, and no model that comes with salcomp; {hint}"
        "python -m salcomp.compress --list_models lists all"
    )


def _holds_model(folder: Path) -> bool:
    return model_folder.is_model(folder) or (folder / "checkpoints").is_dir()


def default() -> Path:
    """The folder of the default model.

    Raises:
      InputError: it is not there.
    """
    if DEFAULT not in names():
        raise InputError(
            f"--model is needed, a run's workdir or an exported model: {DEFAULT}, the "
            "default, is missing from this installation"
        )
    return FOLDER / DEFAULT


def with_fingerprint(start: bytes) -> Path | None:
    """The folder of the model whose fingerprint starts so; None if there is none."""
    for folder in _folders():
        if model_folder.stated_fingerprint(folder).startswith(start.hex()):
            return folder
    return None


def cards() -> list[Card]:
    """The cards of all models, by arm and rising lambda.

    Raises:
      InputError: a card is missing, damaged, or that of another model.
    """
    found = map(_card, _folders())
    return sorted(found, key=lambda card: (card.arm, card.lmbda, card.name))


def _card(folder: Path) -> Card:
    path = folder / _CARD
    try:
        card = Card.from_json(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    if card.name != folder.name:
        raise InputError(f"{path} is the card of {card.name}")
    return card


def arm_of(model: str | os.PathLike) -> list[Path]:
    """The folders of the models of a model's arm, by rising lambda.

    Args:
      model: as `--model` has it.

    Raises:
      InputError: the model is not one of the zoo, or a card is damaged.
    """
    folder = folder_of(model).resolve()
    known = cards()
    arms = [c.arm for c in known if (FOLDER / c.name).resolve() == folder]
    if not arms:
        raise InputError(
            f"{model} is none of the models that come with salcomp, the only ones that "
            "have others of their arm to choose from"
        )
    return [FOLDER / card.name for card in known if card.arm == arms[0]]


def add(
    source: str | os.PathLike,
    name: str,
    card: dict,
    zoo_folder: str | os.PathLike | None = None,
) -> Path:
    """Puts an exported model and its card into the zoo, whole or not at all.

    Args:
      source: folder of the exported model.
      name: to go by; a model of that name is replaced.
      card: the fields of card.json. What the model itself tells, its name, lambda and
        floor, may be left out.
      zoo_folder: of the models; salcomp's own by default.

    Returns:
      The folder written.

    Raises:
      InputError: there is no such model, or the name or the card is unfit.
    """
    source = Path(source).expanduser()
    if not model_folder.is_model(source):
        raise InputError(f"{source} is no exported model")
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for a model: small letters, digits, '.', '_' and '-'"
        )
    files = model_folder.read(source)
    config = Config.from_dict(json.loads(files[model_folder.CONFIG])["config"])
    told = {"name": name, "lambda": config.lmbda, "saliency_floor": _floor(config)}
    for key, value in told.items():
        if card.get(key, value) != value:
            raise InputError(
                f"the card of {name} says {key} {card[key]!r}, its model {value!r}"
            )
    checked = _from_values(Card, {**card, **told}, f"the card of {name}")
    folder = Path(zoo_folder or FOLDER) / name
    model_folder.write(folder, {**files, _CARD: checked.to_json().encode()})
    return folder


def _floor(config: Config) -> float | None:
    if config.weight_distortion and config.saliency_weighting != "additive":
        return config.saliency_floor
    return None


def table(listed: list[Card]) -> str:
    """Cards for people: a line for each, and below what many have in common."""
    if not listed:
        return "no models come with this installation"
    rates = ("bpp", "(95 % of images)")
    rows = [("name", "lambda", "arm", "floor", *rates, "PSNR", "EWPSNR")]
    for card in listed:
        test = card.test
        rows.append(
            (
                card.name,
                f"{card.lmbda:g}",
                card.arm,
                "-" if card.saliency_floor is None else f"{card.saliency_floor:g}",
                f"{test.bpp:.3f}",
                f"({test.bpp_low:.3f} to {test.bpp_high:.3f})",
                f"{test.psnr_rgb:.2f} dB",
                f"{test.ewpsnr:.2f} dB",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in rows
    ]
    arms = {card.arm: card.arm_description for card in listed}
    lines += ["", "Arms", *(f"  {arm}: {text}" for arm, text in arms.items())]
    lines += ["", "Training", *_by_text(listed, lambda card: card.training)]
    lines += ["", "Test: means over images, rates of whole files"]
    lines += _by_text(listed, lambda c: f"{c.test.images} images, {c.test.frames}")
    return "\n".join(lines)


def _by_text(listed: list[Card], text_of: Callable[[Card], str]) -> list[str]:
    """A line for each distinct text, with the names of its models."""
    owners: dict[str, list[str]] = {}
    for card in listed:
        owners.setdefault(text_of(card), []).append(card.name)
    if len(owners) == 1:
        return [f"  all: {text}" for text in owners]
    return [f"  {', '.join(names)}: {text}" for text, names in owners.items()]
