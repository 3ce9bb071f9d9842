"""The trainings of experiments.gan_overfitting."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

# The arm that all others are compared with.
PUBLISHED = "as_published"
# What they change of a preset: of as_published, unless they name another.
_SQUARE = {"patch_aspect": 1}
ARMS = {
    "as_published": {},
    "noise_off": {"noise": False},
    "batch_4": {"batchsize": 4},
    # At batch size 4 the noise has an effect in training, which decoding lacks.
    "batch_4_noise_off": {"batchsize": 4, "noise": False},
    "rates_quarter": {"learning_rate": 5e-5, "discriminator_learning_rate": 5e-5},
    "distortion_x10": {"distortion_weight": 120.0},
    "l1": {"distortion": "l1"},
    "ms_ssim": {"distortion": "ms_ssim"},
    "ms_ssim_x10": {"distortion": "ms_ssim", "distortion_weight": 120.0},
    "mix": {"distortion": "mix"},
    # Weights of mean 1, so that the distortion weighs as in the other arms.
    "saliency": {
        "condition_encoder": True,
        "weight_distortion": True,
        "weight_normalization": "dataset",
    },
    "gradient": {"quantizer_gradient": "soft"},
    "all_centres": {"final_relu": False},
    "gradient_all_centres": {"quantizer_gradient": "soft", "final_relu": False},
    "real_noise": {"noise_norm": False},
    "augmentation": {"augment": True, **_SQUARE},
    "held_out": {"held_out": True},
    "repaired": {"preset": "repaired", **_SQUARE},
    "as_published_all_frames": {},
    "repaired_all_frames": {"preset": "repaired", **_SQUARE},
}
# Trained on all frames that are not held out; the others on few.
ON_ALL_FRAMES = ("as_published_all_frames", "repaired_all_frames")
# MS-SSIM has five scales, for frames of at least `ms_ssim.MIN_SIDE` pixels.
ON_LARGE_FRAMES = ("ms_ssim", "ms_ssim_x10")


class Training(NamedTuple):
    """A training.

    Attributes:
      workdir: its folder.
      arm: a key of `ARMS`.
      seed: of the training.
    """

    workdir: Path
    arm: str
    seed: int
