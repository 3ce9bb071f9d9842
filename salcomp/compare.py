"""Makes a page that shows photographs coded in several ways, all at the same bytes.

    python -m salcomp.compare photo.jpg --bpp=0.15 --output=page.html
    python -m salcomp.compare photos/ --saliency=unisal --codecs=avif,webp,jpeg
    python -m salcomp.compare photo.jpg --models=baseline-2,saliency-2 --refine_steps=0

The page is one file, to be opened in a browser; it needs no network. It holds each
photograph, its saliency map, and what each arm makes of it: a model with its latents
refined under uniform weights and under the map, and classical codecs. A border wipes
between any two, a click flips them, all zoom together, and under each are its numbers:
bytes, bit/pixel, PSNR, PSNR weighted by the map (EWPSNR), and seconds. Small windows
show the most salient spot.

Files are those that each codec would write, headers included. Refined models come
within about 1 % of the bytes, other codecs as close as their settings do. A photograph
takes minutes: three to six refinements in each arm.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from absl import logging

import salcomp
from salcomp import cli
from salcomp.errors import InputError
from salcomp.evaluation import classical, comparison, matched
from salcomp.evaluation import subjects as scorers
from salcomp.evaluation.compare_page import page
from salcomp.files import disk, map_sources
from salcomp.flags import Flags

# Of a photograph with all that is made of it; more is a burden to browsers.
_MAX_BYTES = 5_000_000

FLAGS = Flags()
FLAGS.float(
    "bpp",
    0.15,
    "Rate that all files come close to, in bit per pixel of the picture; at the "
    "default's codecs differ visibly.",
)
FLAGS.string(
    "output", "compare.html", "The page to write, .html; a file there is replaced."
)
FLAGS.list(
    "models",
    ["baseline-2"],
    "Models, each as --model of compress takes it; of one that comes with salcomp, the "
    "model of its arm that comes closest to the rate. By default the arm that was "
    "trained without maps, which refinement tells of them.",
)
FLAGS.list(
    "codecs",
    ["avif", "webp"],
    f"Classical codecs to compare with, of {', '.join(classical.CODECS)}.",
)
FLAGS.integer(
    "refine_steps",
    150,
    "Steps of gradient descent that improve the latents, under uniform weights and "
    "under the map; as with compress, 150 gain most of what there is. 0 leaves each "
    "model as its encoder is.",
    lower_bound=0,
)
FLAGS.string("saliency", "auto", f"The map to encode with. {map_sources.choices()}")
FLAGS.string(
    "score_saliency",
    None,
    "The map that EWPSNR scores with, chosen as in --saliency, whose value is the "
    "default. Scoring with the encoder's own map is circular: give one from elsewhere, "
    "such as human fixations (fixations:FILE.mat), to test for that.",
)
FLAGS.integer(
    "max_side",
    800,
    "Photographs with a longer side, in pixels, are made smaller before all else; with "
    "800 a photograph takes less than 5 MB of the page.",
    lower_bound=16,
    upper_bound=16383,
)


def _output() -> Path:
    """The page's place, in a folder that is there."""
    path = Path(FLAGS.output).expanduser()
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--output={FLAGS.output}: name a page, such as compare.html")
    if path.is_dir():
        raise InputError(f"--output={FLAGS.output} is a folder; name a page in it")
    return disk.make_folder("output", path.parent) / path.name


def _shown(subject: scorers.Subject, name: str, arms: list[matched.Arm]) -> page.Shown:
    """Codes one photograph by all arms."""
    given = subject.load()
    scene = matched.shrink(given, FLAGS.max_side)
    results = list(matched.results(arms, name, scene))
    sources = subject.saliency, subject.score_saliency
    origins = [
        disk.printable(source.label or origin)
        for source, origin in zip(sources, subject.origins())
    ]
    return page.Shown(name, given.saliency.shape, scene, *origins, results)


def main(argv):
    arguments = cli.parse(FLAGS, argv, __doc__, files=True)
    if not 0 < FLAGS.bpp < float("inf"):
        raise InputError(f"--bpp must be more than 0, not {FLAGS.bpp}")
    if not FLAGS.models and not FLAGS.codecs:
        raise InputError("nothing to compare: give --models or --codecs")
    output = _output()
    paths = list(disk.find_inputs(arguments))
    names = [disk.printable(name) for name in comparison.short_names(paths)]
    score_saliency = FLAGS.score_saliency or FLAGS.saliency
    subjects, _ = scorers.scored(paths, FLAGS.saliency, score_saliency)
    arms = matched.arms(FLAGS.models, FLAGS.codecs, FLAGS.bpp, FLAGS.refine_steps)

    command = shlex.join(["python", "-m", "salcomp.compare", *argv[1:]])
    made_by = f"salcomp {salcomp.__version__}: {disk.printable(command)}"
    pictures = []
    try:
        for name, subject in zip(names, subjects):
            one = page.picture(_shown(subject, name, arms), FLAGS.bpp)
            if len(one) > _MAX_BYTES:
                told = "%s takes %.1f MB of the page; --max_side makes it smaller"
                logging.warning(told, name, len(one) / 1e6)
            pictures.append(one)
    finally:  # also after Ctrl-C
        if pictures:
            disk.write_file(output, page.page(pictures, FLAGS.bpp, made_by))
    size = os.path.getsize(output) / 1e6
    print(f"the page is {output} ({size:.1f} MB); open it in a browser")


if __name__ == "__main__":
    cli.run(main)
