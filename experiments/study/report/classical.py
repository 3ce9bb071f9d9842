"""The baseline among the classical codecs: is it good enough to be worth comparing?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.study.report.records import StudyRecords

CODECS = ("jpeg", "jpeg-optimized", "webp", "avif", "jpeg2000")
# What was asked of the baseline before any arm was trained, in dB of PSNR.
ABOVE_JPEG, BELOW_WEBP = 1.5, 0.5
# Of Balle, Laparra, Simoncelli (ICLR 2017), optimised for the squared error, on Kodak:
# bit/pixel and PSNR in dB, as tensorflow/compression publishes them
# (results/image_compression/kodak/PSNR_sRGB_RGB/balle-2017-iclr-opt-mse.txt).
PUBLISHED = (
    (0.119752, 26.775134),
    (0.194591, 28.348719),
    (0.316000, 30.020793),
    (0.481060, 31.729556),
    (0.721303, 33.685797),
)


class Margin(NamedTuple):
    """The baseline's PSNR over a codec's, at rates that both have.

    Attributes:
      codec: its name.
      at: bit/pixel of the baseline's points.
      db: PSNR of the baseline over the codec's curve there; NaN beyond its ends.
    """

    codec: str
    at: np.ndarray
    db: np.ndarray

    def held(self, least: float) -> str:
        """At how many rates it is so many dB at least, in words."""
        rates = np.isfinite(self.db).sum()
        return f"{(self.db >= least).sum()} of {rates} rates against {self.codec}"


def margins(records: StudyRecords) -> list[Margin]:
    """Against each codec on the test frames, by log-linear interpolation in rate."""
    names = [run.name for run in records.series("baseline")]
    if not names:
        return []
    rate, quality = curve(records, "test", names)
    found = []
    for codec in CODECS:
        settings = records.classical(codec)
        if settings:
            rates, qualities = curve(records, "test", settings)
            beyond = {"left": np.nan, "right": np.nan}
            theirs = np.interp(np.log(rate), np.log(rates), qualities, **beyond)
            found.append(Margin(codec, rate, quality - theirs))
    return found


def kodak_gaps(records: StudyRecords) -> np.ndarray:
    """The baseline's PSNR over the published points on Kodak, in dB, by rate."""
    names = [run.name for run in records.series("baseline")]
    if not records.images("kodak", names):
        return np.empty(0)
    rate, quality = curve(records, "kodak", names)
    rates, qualities = np.transpose(PUBLISHED)
    inside = (rate >= rates[0]) & (rate <= rates[-1])
    return (quality - np.interp(np.log(rate), np.log(rates), qualities))[inside]


def curve(
    records: StudyRecords, set_name: str, names: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean bit/pixel and PSNR of runs or settings, [points] each."""
    return tuple(
        np.array([records.mean(set_name, name, metric) for name in names])
        for metric in ("bpp", "psnr-rgb")
    )
