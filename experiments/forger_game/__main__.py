"""The forger's game: a page on which one tells a GAN's pictures from real ones.

    python -m experiments.forger_game --run=runs/gan --output=forger_game.html

The outreach of 2019 had children play detective against a generator as it learned.
This makes that game of a run's samples (`rounds`): one HTML file that needs no
network and no other file. Each round shows a place of a frame beside the generator's
version of it; rounds follow the training.

Original and forgery are the halves of one lossless image, so that neither its size
nor what an encoder does to it tells which is which.
"""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path

import numpy as np
from absl import flags

from experiments.forger_game import rounds as forger_rounds
from experiments.record import what_made
from salcomp import cli
from salcomp.errors import InputError
from salcomp.files import disk, images

MAX_BYTES = 5_000_000
# Different rounds that the page holds for each one of a game, if there are places.
_GAMES = 2

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "run", None, "Folder of a GAN's training that wrote samples.", flag_values=FLAGS
)
flags.DEFINE_string(
    "output", "forger_game.html", "The page to write.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "steps",
    6,
    "Steps of the training to show, from the first to the last that have samples, at "
    "about equal ratios.",
    lower_bound=2,
    upper_bound=8,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "rounds_per_step",
    2,
    "Rounds of a game at each step; 12 rounds in all take about three minutes.",
    lower_bound=1,
    upper_bound=4,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "crop",
    128,
    "Side of the pictures in pixels.",
    lower_bound=16,
    upper_bound=512,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "seed",
    0,
    "Seed of the choice of places; at least 0.",
    lower_bound=0,
    flag_values=FLAGS,
)


def _png(pieces: list[np.ndarray]) -> str:
    """Pieces below each other, as the data URI of one PNG."""
    data = images.encode_png(np.concatenate(pieces))
    return "data:image/png;base64," + base64.b64encode(data).decode()


def rounds(
    samples: forger_rounds.Samples,
    steps: list[int],
    per_step: int,
    crop: int,
    rng: np.random.Generator,
) -> dict[str, object]:
    """All that the page shows of a run, as JSON values.

    Args:
      samples: of the run.
      steps: to show.
      per_step: rounds of a game at each step.
      crop: side of the pictures in pixels.
      rng: decides places and order.

    Returns:
      `crop`; `perStep`; `steps`, each with its `step` and `pairs`, of which `forged`
      says whether the upper (0) or lower (1) half of the `image` is the generator's;
      `strip`, an image of one place at all steps, and as it is, below each other.

    Raises:
      InputError: the samples cannot be used, or have too few places with detail.
    """
    places = forger_rounds.choose_places(samples, crop, rng)
    needed = 1 + per_step * len(steps)
    if len(places) < needed:
        raise InputError(
            f"{len(samples.names)} frames have {len(places)} places of {crop}x{crop} "
            f"pixels with some detail, and the game needs {needed}; lower --crop, "
            "--steps or --rounds_per_step"
        )
    shown, places = places[0], places[1:]
    made = [samples.pair(step, shown, crop) for step in steps]
    games = min(_GAMES, len(places) // (per_step * len(steps)))
    dealt = iter(places)
    chapters = []
    for step in steps:
        pairs = []
        for _ in range(per_step * games):
            original, generated = samples.pair(step, next(dealt), crop)
            forged = int(rng.integers(2))
            halves = [original, generated] if forged else [generated, original]
            pairs.append({"image": _png(halves), "forged": forged})
        chapters.append({"step": step, "pairs": pairs})
    strip = [generated for _, generated in made] + [made[0][0]]
    return {"crop": crop, "perStep": per_step, "steps": chapters, "strip": _png(strip)}


def page(game: dict[str, object], record: dict[str, object]) -> bytes:
    """The HTML file.

    Args:
      game: as of `rounds`.
      record: what made the page, for its foot.

    Raises:
      InputError: it has more than `MAX_BYTES`.
    """
    template = Path(__file__).with_name("page.html").read_text("utf-8")
    # Within a script element, "<" could begin its end.
    data = json.dumps(game, separators=(",", ":")).replace("<", "\\u003c")
    made = html.escape(json.dumps(record, indent=2, ensure_ascii=False))
    # The record goes in last, as it may hold any text.
    whole = template.replace("{{game}}", data).replace("{{record}}", made).encode()
    if len(whole) > MAX_BYTES:
        raise InputError(
            f"the page would have {len(whole) / 1e6:.1f} MB, over its limit of "
            f"{MAX_BYTES / 1e6:.0f} MB; lower --crop, --steps or --rounds_per_step"
        )
    return whole


def _settings(run: Path) -> object:
    """The run's config.json, None where there is none."""
    path = run / "config.json"
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error})") from error


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.run:
        raise InputError("--run is needed: the folder of a GAN's training")
    run = Path(FLAGS.run).expanduser()
    samples = forger_rounds.Samples(run)
    settings = _settings(run)
    steps = forger_rounds.choose_steps(samples.steps, FLAGS.steps)
    rng = np.random.default_rng(FLAGS.seed)
    game = rounds(samples, steps, FLAGS.rounds_per_step, FLAGS.crop, rng)
    found = {"seed": FLAGS.seed, "crop": FLAGS.crop, "steps": steps}
    found |= {"frames": samples.names, "run": settings}
    record = what_made("forger_game", argv, **found)
    output = Path(FLAGS.output).expanduser()
    data = page(game, record)
    disk.write_file(output, data)
    print(f"the game is {output} ({len(data) / 1e6:.1f} MB); open it in a browser")


if __name__ == "__main__":
    cli.run(main)
