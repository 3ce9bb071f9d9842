"""The configuration of a run: one dataclass and its presets.

A preset is a frozen set of values; a flag given beside it wins (`training.flags`).
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from salcomp.config import base, schedules
from salcomp.config.base import BaseConfig, field
from salcomp.config.geometry import HYPER_STRIDE, MIN_SIDE, STRIDE
from salcomp.errors import InputError

CONDITIONINGS = ("concat", "modulate")
LAYERS = ("2019", "tfc2")
DISTORTIONS = ("mse", "l1", "ms_ssim", "mix")
PRIORS = ("factorized", "scale", "hyper")
# Dilated layers see further the larger their rates; at these, thousands of pixels.
_MOST_DILATED, _LARGEST_RATE = 8, 64


_RATES = base.Range(
    f"at most {_MOST_DILATED} whole numbers from 1 to {_LARGEST_RATE}",
    lambda rates: (
        len(rates) <= _MOST_DILATED
        and all(type(rate) is int and 1 <= rate <= _LARGEST_RATE for rate in rates)
    ),
)


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    """The configuration of the codec."""

    lmbda: float = field(
        "Trade-off lambda of the loss R + lambda D, in bit per pixel per squared "
        "8-bit level, in which every --distortion is counted. The preset's 0.01 is "
        "that of bls2017.py.",
        range=base.POSITIVE,
    )
    conditioning: str = field(
        "How the map enters the encoder: as a fourth input channel (concat, the 2019 "
        "experiment) or as scales and shifts of the features (modulate).",
        CONDITIONINGS,
    )
    num_filters: int = field(
        "Channels of every hidden layer and of the latents; 128 in bls2017.py.",
        range=base.AT_LEAST_1,
    )
    layers: str = field(
        "Layers of the codec: those of winter 2019 (2019), or those that tfc 2.14's "
        "bls2017.py has by default (tfc2), to compare with.",
        LAYERS,
    )
    patchsize: int = field(
        "Side of the training crops in pixels, a multiple of 16; 256 in bls2017.py.",
        range=base.multiple_of(STRIDE),
    )
    batchsize: int = field(
        "Crops per step over all replicas; 8 in bls2017.py.", range=base.AT_LEAST_1
    )
    last_step: int = field(
        "Steps to train in all; 1,000,000 in bls2017.py of 2019.", range=base.AT_LEAST_1
    )
    learning_rate: float = field(
        "Adam's learning rate before the schedule lowers it; 1e-4 in 2019.",
        range=base.POSITIVE,
    )
    learning_rate_schedule: str = field(
        "Whether the learning rate stays (constant, as in 2019), falls to 0.3 of "
        "itself after 60 % of the steps and to 0.1 after 85 % (stepped), or rises from "
        "0 over 200 steps, or a tenth of all if that is less, and then falls to 0 as "
        "half a cosine does (cosine).",
        schedules.SCHEDULES,
    )
    adam_epsilon: float = field(
        "Adam's epsilon: 1e-8 in TensorFlow 1, 1e-7 in today's Keras.",
        range=base.POSITIVE,
    )
    seed: int = field(
        "Seed of the initial weights, the batches and the noise.", range=base.SEED
    )
    # What came later has defaults: configurations that do not name it are of before.
    distortion: str = field(
        "What D is: the squared error (mse, as in 2019), the absolute error (l1), 1 - "
        "MS-SSIM (ms_ssim, for crops of at least 176), or 0.84 of that and 0.16 of "
        "the absolute error through Gaussian windows (mix, Zhao et al. 2017). Each is "
        "multiplied by a constant that makes the rates of one --lambda comparable.",
        DISTORTIONS,
        default="mse",
    )
    dilation_rates: tuple = field(
        "Rates of dilated 3x3 layers to put between the second and third layer of the "
        "analysis, and mirrored in the synthesis, such as 2,4: what the 2019 "
        "write-up tried. None by default.",
        range=_RATES,
        default=(),
    )
    uniform_share: float = field(
        "Share of the weight, once it is normalised, that every pixel has alike "
        "whatever the map says, from 0 to 1; 0 in 2019.",
        range=base.FRACTION,
        default=0.0,
    )
    clip_norm: float = field(
        "Norm that the gradient of a step, over all weights, is scaled down to where "
        "it is larger; 0, as in 2019, leaves it as it is. 1 makes training with the "
        "preset cpu at a learning rate of 5e-3 faster.",
        range=base.AT_LEAST_0,
        default=0.0,
    )
    prior: str = field(
        "What is known of a latent before it is decoded: its channel's density "
        "(factorized, as in 2019), or a normal density whose width (scale, Balle et "
        "al. 2018), or mean and width (hyper, Minnen et al. 2018), a few latents more "
        "tell.",
        PRIORS,
        default="factorized",
    )
    hyper_filters: int = field(
        "Channels of the layers that make these latents, and of these; 0, as in "
        "bmshj2018.py, for as many as num_filters. Without effect for a factorized "
        "prior.",
        range=base.AT_LEAST_0,
        default=0,
    )
    rates: int = field(
        "Rates that one model learns, by gains of the latents (Cui et al. 2021): "
        "lambda rises from --lambda to --lambda_span times it in so many steps. More "
        "than 1 takes another prior than the factorized one.",
        range=base.AT_LEAST_1,
        default=1,
    )
    lambda_span: float = field(
        "The largest lambda of a model of several rates, over its least.",
        range=base.AT_LEAST_1,
        default=1.0,
    )
    weight_mean: float = 1.0
    """Mean of the raw weight over the training set; found when a run starts."""

    @property
    def rate_setting(self) -> tuple[str, float]:
        return "lambda", self.lmbda

    @property
    def noise_channels(self) -> int:
        """Numbers that training draws for each block of 16x16 pixels.

        One for each latent, those of the hyperprior among them, and one for the rate.
        """
        if self.prior == "factorized":
            return self.num_filters
        return self.num_filters + -(-self.hyper_channels // HYPER_STRIDE**2) + 1

    @property
    def hyper_channels(self) -> int:
        """Channels of the hyperprior."""
        return self.hyper_filters or self.num_filters

    @property
    def encoder_conditioning(self) -> str | None:
        """None, "concat" or "modulate": what the analysis transform does."""
        return self.conditioning if self.condition_encoder else None

    @property
    def prior_filters(self) -> tuple[int, ...]:
        """Units of the hidden layers of the prior's cumulatives."""
        return (3, 3, 3) if self.layers == "2019" else (3, 3)

    @property
    def smallest_side(self) -> int:
        """Pixels that a side of an image needs for its D to be defined."""
        return MIN_SIDE if self.distortion == "ms_ssim" else STRIDE

    @property
    def smallest_frame(self) -> tuple[int, int]:
        """Smallest height and width of a validation frame in pixels."""
        return self.smallest_side, self.smallest_side

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patchsize < self.smallest_side:
            raise InputError(
                f"distortion={self.distortion} needs a patchsize of at least "
                f"{self.smallest_side}, for the windows of its five scales, not "
                f"{self.patchsize}"
            )
        side = STRIDE * HYPER_STRIDE
        if self.prior != "factorized" and self.patchsize % side:
            raise InputError(
                f"prior={self.prior} needs a patchsize that is a multiple of {side}, "
                f"not {self.patchsize}"
            )
        if (self.rates > 1) != (self.lambda_span > 1) or (
            self.rates > 1 and self.prior == "factorized"
        ):
            raise InputError(
                "a model of several rates takes rates and lambda_span of more than 1, "
                "and prior=hyper or scale"
            )
        if self.dilation_rates and self.layers == "tfc2":
            raise InputError(
                "dilation_rates are for the layers of 2019: tfc 2.14 has no dilated "
                "ones; drop them, or take layers=2019"
            )


_BLOG = dict(
    lmbda=0.01,
    condition_encoder=True,
    conditioning="concat",
    weight_distortion=True,
    saliency_weighting="clip",
    saliency_floor=0.1,
    saliency_gain=1.0,
    weight_normalization="none",
    num_filters=128,
    layers="2019",
    patchsize=256,
    batchsize=8,
    last_step=1_000_000,
    learning_rate=1e-4,
    learning_rate_schedule="constant",
    adam_epsilon=1e-8,
    seed=0,
)
_CPU = dict(
    _BLOG,
    weight_normalization="dataset",
    num_filters=64,
    patchsize=128,
    last_step=20_000,
    learning_rate=1e-3,
    learning_rate_schedule="cosine",
)
PRESETS = {
    "blog": _BLOG,
    "stock_v2": dict(
        _BLOG,
        layers="tfc2",
        adam_epsilon=1e-7,
        condition_encoder=False,
        weight_distortion=False,
    ),
    "cpu": _CPU,
    "smoke": dict(_CPU, num_filters=8, patchsize=64, batchsize=2, last_step=20),
}


class Presets(NamedTuple):
    """A kind of configuration, and the presets that there are of it.

    Attributes:
      config: its class.
      values: by the name of the preset, all fields but defaulted ones that keep their
        default; the first preset is the default.
      help: says what each preset is, and what the default is.
      saliency: what the presets say on --saliency.
    """

    config: type[BaseConfig]
    values: dict[str, dict]
    help: str
    saliency: str

    def make(self, preset: str, **changes) -> BaseConfig:
        """The configuration of a preset with some fields changed.

        Raises InputError if there is no such preset, or a value is out of range.
        """
        if preset not in self.values:
            raise InputError(
                f"preset must be one of {', '.join(self.values)}, not {preset!r}"
            )
        return self.config(**{**self.values[preset], "preset": preset, **changes})


CODEC = Presets(
    Config,
    PRESETS,
    "blog (the 2019 run), stock_v2 (tfc 2.14's bls2017.py), cpu (a useful model in "
    "tens of minutes on two cores), smoke (seconds, for tests)",
    "The presets other than stock_v2 say yes; --nosaliency is the baseline.",
)
