"""The pictures of the page: where blocks stop, and what iterations add.

Of each set the picture whose map is the narrowest. Both ways of stopping come as close
as they can to the rate at which all blocks have half of the iterations.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from absl import logging

from experiments.recurrent.arms import ARMS, coder, weight_of
from experiments.study.frames import EvaluationSet
from experiments.study.reconstructions import WINDOW, breadth, window
from salcomp.evaluation.subjects import Scene
from salcomp.files import images
from salcomp.files.results import write_csv
from salcomp.metrics import quality
from salcomp.recurrent.codec import RecurrentCodec
from salcomp.recurrent.stopping import AtRate

FOLDER = "pictures"
TABLE = "pictures.csv"
STOPPING = "adaptive", "adaptive-map"


def write(
    codec: RecurrentCodec, sets: list[EvaluationSet], scratch: Path, output_dir: Path
) -> None:
    """Codes the pictures, unless all are there of this model.

    Writes `pictures/*.png` and `pictures.csv`.
    Each row tells the picture and what the file shows: a kind ("original", "map",
    "stops": a grey level per iteration of a block, "coded" or "iterations"), the arm or
    the number of iterations, bit/pixel, dB, and where the window of the last two lies.

    Args:
      codec: of the model that was trained without a map.
      scratch: folder for frames with other maps.
    """
    table, model = output_dir / TABLE, codec.fingerprint.hex()
    if table.exists() and f",{model}," in table.read_text():
        return
    rows = []
    (output_dir / FOLDER).mkdir(exist_ok=True)
    for one in sets:
        subjects = one.subjects("own", sys.maxsize, scratch)
        subject = min(subjects, key=breadth)
        logging.info("coding %s for the figures", subject.path.name)
        scene = subject.load()
        for row, picture in _shown(codec, scene):
            words = filter(None, (one.name, row["kind"], str(row["of"])))
            file = f"{FOLDER}/{'-'.join(words)}.png"
            images.write_png(output_dir / file, picture)
            about = {"image": subject.path.name, "set": one.name, "model": model}
            about["file"] = file
            rows.append({**about, **row})
    write_csv(table, rows)


def _shown(codec: RecurrentCodec, scene: Scene):
    """Rows of the table, each with what its file shows."""
    top, left = window([], scene.saliency)
    inside = np.s_[top : top + WINDOW[0], left : left + WINDOW[1]]
    place = {"top": top, "left": left}

    def row(kind: str, of="", encoded=None, decoded=None) -> dict:
        values = dict.fromkeys(("bpp", "psnr-rgb", "ewpsnr"), "")
        if encoded is not None:
            found = quality.all_metrics(scene.rgb, decoded, scene.score_saliency)
            found["bpp"] = 8 * len(encoded.data) / scene.saliency.size
            values = {name: found[name] for name in values}
        return {"kind": kind, "of": of, **values, **place}

    yield row("original"), scene.rgb
    yield row("map"), np.round(255 * scene.saliency).astype(np.uint8)
    together = coder(ARMS["iterations"], codec, [])
    encode = together.look(scene.rgb, scene.saliency)
    half = encode(max(1, codec.config.iterations // 2))
    for arm in STOPPING:
        encoder = AtRate(codec, half.bpp, weight_of(ARMS[arm]))
        encoded = encoder.encode(arm, scene.rgb, scene.saliency)
        decoded = codec.decode(encoded.data)
        stops = codec.planes_of(encoded.latents).any(axis=-1).sum(axis=0)
        yield row("stops", arm), stops.astype(np.uint8)
        yield row("coded", arm, encoded, decoded), decoded[inside]
    for iterations in together.settings:
        encoded = encode(iterations)
        decoded = codec.decode(encoded.data)
        yield row("iterations", iterations, encoded, decoded), decoded[inside]
