"""The trained models that come with salcomp: their names, and what is known of each.

    zoo/NAME/            an exported model, as salcomp.zoo.folder has it
    zoo/NAME/card.json   how it was trained, and what it does on test frames
    zoo/retired.json     the models of earlier releases, by fingerprint

Nothing here needs TensorFlow, which takes seconds to import.
"""

from __future__ import annotations

import difflib
import fnmatch
import json
import os
import re
from pathlib import Path

from salcomp import __version__
from salcomp.config.config import Config
from salcomp.errors import InputError
from salcomp.files import disk
from salcomp.zoo import folder as model_folder
from salcomp.zoo.card import Card

FOLDER = Path(__file__).parent
# What `compress` takes where no model is named.
DEFAULT = "modulate-2"
_CARD, _RETIRED = "card.json", "retired.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


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
    """The folders of the models whose names match a pattern like those of files."""
    return [path for path in _folders() if fnmatch.fnmatchcase(path.name, pattern)]


def folder_of(model: str | os.PathLike) -> Path:
    """The folder that `--model` means: an existing one, else that of a name.

    A folder of results that happens to have a model's name does not hide the model.
    Raises InputError if there is neither.
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
    """The folder of the default model; raises InputError if it is not there."""
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


def retired(start: bytes) -> str | None:
    """Which model of an earlier release had a fingerprint that starts so, in words.

    None if there was no such model.
    """
    known = _retired(FOLDER).items()
    return next((name for key, name in known if key.startswith(start.hex())), None)


def _retired(zoo_folder: Path) -> dict[str, str]:
    path = zoo_folder / _RETIRED
    return json.loads(path.read_text()) if path.exists() else {}


def _retire(folder: Path) -> None:
    """Notes a model that is about to be replaced, if an earlier release had it."""
    version = json.loads(model_folder.read(folder)[model_folder.CONFIG])["version"]
    if version != __version__:
        known = _retired(folder.parent)
        fingerprint = model_folder.stated_fingerprint(folder)
        known[fingerprint] = f"{folder.name} of salcomp {version}"
        text = json.dumps(known, indent=2) + "\n"
        disk.write_file(folder.parent / _RETIRED, text.encode())


def cards() -> list[Card]:
    """The cards of all models, by arm and rising lambda.

    Raises InputError if a card is missing, damaged, or that of another model.
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
    """The folders of the models of the arm of `--model`'s value, by rising lambda.

    Raises InputError if the model is not one of the zoo, or a card is damaged.
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

    Gives the folder written.

    Args:
      name: to go by; a model of that name is replaced, and known as retired if it is
        of another version of salcomp.
      card: the fields of card.json. What the model itself tells, its name, lambda and
        floor, may be left out.
      zoo_folder: of the models; salcomp's own by default.

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
    checked = Card.from_values({**card, **told}, f"the card of {name}")
    folder = Path(zoo_folder or FOLDER) / name
    if model_folder.is_model(folder):
        _retire(folder)
    model_folder.write(folder, {**files, _CARD: checked.to_json().encode()})
    return folder


def _floor(config: Config) -> float | None:
    if config.weight_distortion and config.saliency_weighting != "additive":
        return config.saliency_floor
    return None
