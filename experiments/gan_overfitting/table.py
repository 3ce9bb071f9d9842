"""The table of experiments.gan_overfitting: what trained GANs make of frames.

The rule that `over_seeds` applies: a change helps if the test error is lower than as
published with every seed; it lessens overfitting if the gap between the errors on test
and on training frames is smaller with every seed. With three seeds either happens by
chance once in eight times, so that the mean change must also be over twice its
standard error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.gan_overfitting.arms import PUBLISHED, Training
from experiments.gan_overfitting.reduced_frames import Sets
from salcomp.data import frame_files
from salcomp.extreme_gan import evaluation
from salcomp.extreme_gan.codec import GanCodec
from salcomp.extreme_gan.model import rate_bound
from salcomp.metrics import quality as metrics
from salcomp.runs import metrics_file

# Whose spread over the seeds is told, and those that the rule is about.
_ERRORS = ("train MSE", "test MSE", "gap dB")
_JUDGED = ("test MSE", "gap dB")
_NOT_AVERAGED = ("arm", "seed", "codes")


class _Coded(NamedTuple):
    """What a model makes of a set of frames, means over them.

    Attributes:
      mse: on the 0..255 scale.
      bpp: information content of the codes under the range coder's tables.
      file_bpp: of the whole files.
      codes: the centres that were used.
    """

    mse: float
    bpp: float
    file_bpp: float
    codes: list[int]

    @classmethod
    def by(cls, codec: GanCodec, files: Sequence[Path]) -> _Coded:
        rows, used = [], set()
        for file in files:
            rgb, saliency = read_frame(file)
            coded = codec.encode(rgb, saliency)
            error = metrics.mse(rgb, coded.reconstruction)
            rows.append((error, coded.information_bits / saliency.size, coded.bpp))
            used.update(coded.latents.astype(int).flat)
        return cls(*np.mean(rows, axis=0), sorted(used))


def row(run: Training, codec: GanCodec, sets: Sets) -> dict:
    """What is in the table of a training; `codec` is of its exported step."""
    steps = metrics_file.read_rows(run.workdir / "metrics.csv")
    norms = [step["encoder_gradient_norm"] for step in steps]
    on_train, on_test = (_Coded.by(codec, files) for files in (sets.train, sets.test))
    return {
        "arm": run.arm,
        "seed": run.seed,
        "step": codec.step,
        "train MSE": on_train.mse,
        "test MSE": on_test.mse,
        "gap dB": _gap(on_train.mse, on_test.mse),
        "encoder gradient norm": np.mean(norms),
        "codes": " ".join(map(str, on_test.codes)),
        "bpp": on_test.bpp,
        "file bpp": on_test.file_bpp,
        "bound bpp": rate_bound(codec.config),
    }


def over_seeds(rows: list[dict]) -> list[dict]:
    """A row per arm: means over the seeds, and standard deviations of the errors.

    And, if the published arm is there, whether test error and gap are less, by the
    rule.
    """
    published = {row["seed"]: row for row in rows if row["arm"] == PUBLISHED}
    found = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        of_arm = [row for row in rows if row["arm"] == arm]
        mean = {"arm": arm, "seeds": len(of_arm)}
        for name in of_arm[0]:
            if name in _NOT_AVERAGED:
                continue
            values = [row[name] for row in of_arm]
            mean[name] = float(np.mean(values))
            if name in _ERRORS:
                several = len(values) > 1
                mean[f"{name} sd"] = np.std(values, ddof=1) if several else np.nan
        if published:
            for name in _JUDGED:
                change = [row[name] - published[row["seed"]][name] for row in of_arm]
                mean[f"{name} less"] = "" if arm == PUBLISHED else _is_less(change)
        codes = {int(code) for row in of_arm for code in row["codes"].split()}
        found.append({**mean, "codes": " ".join(map(str, sorted(codes)))})
    return found


def _is_less(changes: list[float]) -> str:
    """Whether changes, one per seed, are a decrease by the rule; not of one seed."""
    if len(changes) < 2:
        return ""
    error = np.std(changes, ddof=1) / np.sqrt(len(changes))
    return "yes" if max(changes) < 0 and -np.mean(changes) > 2 * error else "no"


def _gap(train_mse: float, test_mse: float) -> float:
    return float(10 * np.log10(test_mse / train_mse))


def mean_colour(sets: Sets) -> dict[str, float]:
    """The errors of the mean colour of each frame: how much there is to explain."""
    train_mse, test_mse = (
        float(np.mean([read_frame(f)[0].var(axis=(0, 1)).mean() for f in files]))
        for files in (sets.train, sets.test)
    )
    gap = _gap(train_mse, test_mse)
    return {"train MSE": train_mse, "test MSE": test_mse, "gap dB": gap}


def read_frame(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """RGB uint8 [H, W, 3] and the map float32 [H, W] in 0..1, of the evaluated part."""
    frame = evaluation.whole(frame_files.read(str(path), (1, 1), needs_map=True))
    return frame[..., :3], frame[..., 3].astype(np.float32) / 255
