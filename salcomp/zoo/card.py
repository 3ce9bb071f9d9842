"""What is known of a trained model: how it was trained, and what it does.

As JSON in a file beside the model, and as a table for people.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable

from salcomp.errors import InputError

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
class Point:
    """What a model does at one of its rates.

    Attributes:
      quality: 0..100, of a model of several rates; None of one that has one.
      test: on test frames.
      fixations: on photographs, EWPSNR by human fixations.
    """

    quality: float | None
    test: Scores
    fixations: Scores


@dataclasses.dataclass(frozen=True)
class Card:
    """What is known of a model.

    Attributes:
      name: of its folder.
      arm: the models that differ in lambda alone share it.
      arm_description: a sentence on the arm.
      lmbda: trade-off of the training, bit per pixel per squared 8-bit level; the least
        of several.
      saliency_floor: smallest weight of the training, 0..1; None without weights, or
        with weights that have no floor.
      training: a sentence on frames, steps, seed and preset.
      date, command: of the training.
      versions: of the packages that trained, by name.
      points: by rising rate.
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
    points: tuple[Point, ...]

    @classmethod
    def from_json(cls, text: str | bytes, origin: str) -> Card:
        """The card that a file holds; `origin` is its name, for messages.

        Raises InputError if it is no JSON, or a field is missing, unknown or out of
        range.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise InputError(f"{origin}: damaged, or no JSON ({error})") from error
        return cls.from_values(values, origin)

    @classmethod
    def from_values(cls, values: object, origin: str) -> Card:
        """The card of JSON values; else as `from_json`."""
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
        "null or a number of 0 or more",
        lambda value: value is None or (_is_number(value) and value >= 0),
    ),
    "dict[str, str]": (
        "texts by name",
        lambda value: (
            isinstance(value, dict)
            and all(isinstance(text, str) for text in value.values())
        ),
    ),
    "Scores": ("an object", lambda value: isinstance(value, dict)),
    "tuple[Point, ...]": (
        "a list of objects, one at least",
        lambda value: isinstance(value, list) and len(value) > 0,
    ),
}


def _from_values(cls, values, origin: str):
    """A `Card`, or a part of one, of JSON values."""
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
        if key == "points":
            value = tuple(_from_values(Point, one, f"{origin}: {key}") for one in value)
        found[field.name] = value
    return cls(**found)


def _to_values(value):
    """The JSON values of a card, or of a part of one."""
    if isinstance(value, dict):
        return {_KEYS.get(k, k): _to_values(v) for k, v in value.items()}
    return [_to_values(v) for v in value] if isinstance(value, tuple) else value


def table(listed: list[Card]) -> str:
    """Cards for people: a line for each rate, and below what many have in common."""
    if not listed:
        return "no models come with this installation"
    rates = ("bpp", "(95 % of images)")
    by_looks = ("photographs: bpp", "EWPSNR by fixations")
    of_rate = ("quality", *rates, "PSNR", "EWPSNR", *by_looks)
    rows = [("name", "lambda", "arm", "floor", *of_rate)]
    for card in listed:
        names = (card.name, f"{card.lmbda:g}", card.arm, _or_dash(card.saliency_floor))
        for point in card.points:
            rows.append((*names, *_cells(point)))
            names = ("",) * len(names)
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in rows
    ]
    arms = {card.arm: card.arm_description for card in listed}
    lines += ["", "Arms", *(f"  {arm}: {text}" for arm, text in arms.items())]
    lines += ["", "Training", *_by_text(listed, lambda card: card.training)]
    lines += ["", "Test: means over images, rates of whole files"]
    lines += _by_text(listed, lambda c: _set_of(c.points[0].test))
    lines += ["", "Photographs"]
    lines += _by_text(listed, lambda c: _set_of(c.points[0].fixations))
    return "\n".join(lines)


def _cells(point: Point) -> tuple[str, ...]:
    """What the table says of a rate."""
    test, looks = point.test, point.fixations
    return (
        _or_dash(point.quality),
        f"{test.bpp:.3f}",
        f"({test.bpp_low:.3f} to {test.bpp_high:.3f})",
        f"{test.psnr_rgb:.2f} dB",
        f"{test.ewpsnr:.2f} dB",
        f"{looks.bpp:.3f}",
        f"{looks.ewpsnr:.2f} dB",
    )


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _set_of(scores: Scores) -> str:
    return f"{scores.images} images, {scores.frames}"


def _by_text(listed: list[Card], text_of: Callable[[Card], str]) -> list[str]:
    """A line for each distinct text, with the names of its models."""
    owners: dict[str, list[str]] = {}
    for card in listed:
        owners.setdefault(text_of(card), []).append(card.name)
    if len(owners) == 1:
        return [f"  all: {text}" for text in owners]
    return [f"  {', '.join(names)}: {text}" for text, names in owners.items()]
