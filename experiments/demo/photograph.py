"""One photograph at one size of the file: by salcomp, told and not, AVIF and WebP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from absl import logging

from data_prep.predictors import published
from experiments import windows
from salcomp.errors import SalcompError
from salcomp.evaluation import matched
from salcomp.evaluation import subjects as scorers
from salcomp.evaluation.compare_page import page
from salcomp.files import disk, figures

_PREDICTOR = "unisal"
_MODEL, _CODECS = "baseline-2", ("avif", "webp")
# So that the act takes about a minute on two cores.
_LONGER_SIDE, _STEPS = 448, 60
_ZOOM = 1 / 3  # of the shorter side: the window that the figure enlarges


def show(photo: str | None, bpp: float, output: Path) -> dict:
    """Codes a photograph in all ways; writes `photograph.png` and `photograph.html`.

    Args:
      photo: file of the photograph; the portrait that matplotlib brings if None.
      bpp: rate of the files, in bit per pixel.
      output: folder to write to.

    Returns:
      Each file's bytes and qualities by the arm, for a record.

    Raises:
      InputError: the photograph cannot be read.
    """
    _bring_weights()
    path = Path(photo).expanduser() if photo else _portrait()
    (subject,), scoring = scorers.scored([path], "auto", "auto")
    scene = subject.load()
    arms = matched.arms([_MODEL], list(_CODECS), bpp, _STEPS)
    shown = matched.shrink(scene, _LONGER_SIDE)
    results = list(matched.results(arms, path.name, shown))
    size, source = scene.saliency.shape, scoring.encoder_map
    told = page.Shown(path.name, size, shown, source, source, results)
    text = page.page([page.picture(told, bpp)], bpp, "python -m experiments.demo")
    disk.write_file(output / "photograph.html", text)
    _draw(output / "photograph.png", told)
    logging.info("%s: open it in a browser", output / "photograph.html")
    return {
        one.label: {"bytes": one.size, "psnr": one.psnr, "ewpsnr": one.ewpsnr}
        for one in results
    }


def _bring_weights() -> None:
    """Brings the better predictor, if there is a network."""
    network, folder = published.NETWORKS[_PREDICTOR], published.cache_folder(_PREDICTOR)
    if network.is_whole(folder):
        return
    logging.info("bringing the weights of %s into %s", _PREDICTOR, folder)
    try:
        published.bring(network, folder)
    except SalcompError as error:
        logging.warning("%s; the map will be a lesser predictor's", error)


def _portrait() -> Path:
    """Admiral Grace Hopper, by the United States Navy: in the public domain."""
    from matplotlib import cbook

    return Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))


def _draw(path: Path, shown: page.Shown) -> None:
    """The picture by all arms; below, the most salient window of each."""
    scene = shown.scene
    grey = np.round(255 * scene.saliency).astype(np.uint8)
    columns = [("original", scene.rgb), (f"map: {shown.encoder_map}", grey)]
    for one in shown.results:
        title = (
            f"{one.label}\n{one.size:,} bytes, {one.bpp:.3f} bit/pixel\n"
            f"PSNR {one.psnr:.2f} dB, by the map {one.ewpsnr:.2f} dB"
        )
        columns.append((title, one.decoded))
    side = round(_ZOOM * min(scene.saliency.shape))
    figure = figures.new(2.7 * len(columns), 6.4)
    windows.enlarge(figure, columns, scene.saliency, (side, side), (1, 1))
    figures.write(path, figure)
