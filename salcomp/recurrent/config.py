"""The configuration of a recurrent codec, and its presets."""

from __future__ import annotations

import dataclasses

from salcomp.config import base, schedules
from salcomp.config.base import BaseConfig, field
from salcomp.config.config import Presets
from salcomp.config.geometry import STRIDE
from salcomp.recurrent.contexts import GROUPS

CELLS = ("gru", "lstm")
RECONSTRUCTIONS = ("one_shot", "additive")


@dataclasses.dataclass(frozen=True)
class RecurrentConfig(BaseConfig):
    """The configuration of a recurrent codec.

    "As published" is what Toderici et al. (CVPR 2017) describe.
    """

    width: float = field(
        "Factor on the channels of all hidden layers; 1 is the published network.",
        range=base.POSITIVE,
    )
    cell: str = field(
        "Recurrent cell: gated recurrent unit (gru) or long short-term memory (lstm), "
        "both as published.",
        CELLS,
    )
    reconstruction: str = field(
        "Whether each iteration decodes the whole picture (one_shot) or what is added "
        "to the picture before it (additive); both as published.",
        RECONSTRUCTIONS,
    )
    iterations: int = field(
        "Iterations to train, and the most that a file has; 16 as published.",
        range=base.AT_LEAST_1,
    )
    bits_per_block: int = field(
        "Bits that an iteration sends of each block of 16x16 pixels, before entropy "
        f"coding; a multiple of {GROUPS}, 32 as published.",
        range=base.multiple_of(GROUPS),
    )
    priming: int = field(
        "Steps that encoder and decoder take on their first input before the first "
        "iteration, to fill their states (Johnston et al. 2018); none as published "
        "in 2017.",
        range=base.AT_LEAST_0,
    )
    patchsize: int = field(
        "Side of the training crops in pixels, a multiple of 16; 32 as published.",
        range=base.multiple_of(STRIDE),
    )
    batchsize: int = field("Crops per step over all replicas.", range=base.AT_LEAST_1)
    last_step: int = field("Steps to train in all.", range=base.AT_LEAST_1)
    learning_rate: float = field(
        "Adam's learning rate before the schedule lowers it.", range=base.POSITIVE
    )
    learning_rate_schedule: str = field(
        "Whether the learning rate stays (constant), falls twice (stepped), or rises "
        "and then falls to 0 as half a cosine does (cosine), as salcomp.train has it.",
        schedules.SCHEDULES,
    )
    adam_epsilon: float = field("Adam's epsilon.", range=base.POSITIVE)
    seed: int = field(
        "Seed of the initial weights, the batches and the binarizer's noise.",
        range=base.SEED,
    )
    # What came later has defaults: configurations that do not name it are of before.
    uniform_share: float = field(
        "Share of the weight, once it is normalised, that every pixel has alike "
        "whatever the map says, from 0 to 1.",
        range=base.FRACTION,
        default=0.0,
    )
    clip_norm: float = field(
        "Norm that the gradient of a step, over all weights, is scaled down to where "
        "it is larger, so that a high learning rate does not diverge; 0 leaves it as "
        "it is.",
        range=base.AT_LEAST_0,
        default=0.0,
    )
    weight_mean: float = 1.0
    """Mean of the raw weight over the training set; found when a run starts."""

    @property
    def rate_setting(self) -> tuple[str, float]:
        return "iterations", self.iterations

    @property
    def smallest_frame(self) -> tuple[int, int]:
        """Smallest height and width of a validation frame in pixels."""
        return STRIDE, STRIDE

    @property
    def noise_channels(self) -> int:
        """Numbers that training draws for each block: one per bit of all iterations."""
        return self.iterations * self.bits_per_block


_AS_PUBLISHED = dict(
    condition_encoder=False,
    weight_distortion=False,
    saliency_weighting="clip",
    saliency_floor=0.1,
    saliency_gain=1.0,
    weight_normalization="dataset",
    width=1.0,
    cell="gru",
    reconstruction="one_shot",
    iterations=16,
    bits_per_block=32,
    priming=0,
    patchsize=32,
    # All that follows is ours.
    batchsize=32,
    last_step=1_000_000,
    learning_rate=5e-4,
    learning_rate_schedule="constant",
    adam_epsilon=1e-8,
    seed=0,
)
# Forward, the published network multiplies 541,000 times a pixel and iteration, 402,000
# of them in the decoder: training takes 52 MFLOP a pixel. A quarter of the width and
# half of the iterations take 1.6, or 53 GFLOP a step of these crops, 1.5 s of one core:
# 4,000 steps are 50 minutes of two. Half of the bits make the rates, up to 0.5 bit per
# pixel before entropy coding, as fine as those of 16 iterations.
_CPU = dict(
    _AS_PUBLISHED,
    width=0.25,
    iterations=8,
    bits_per_block=16,
    patchsize=64,
    batchsize=8,
    last_step=4_000,
    learning_rate=2e-3,
    learning_rate_schedule="cosine",
    clip_norm=1.0,
)
PRESETS = {
    "as_published": _AS_PUBLISHED,
    "cpu": _CPU,
    "smoke": dict(
        _CPU, width=0.02, iterations=3, patchsize=32, batchsize=2, last_step=20
    ),
}
RECURRENT = Presets(
    RecurrentConfig,
    PRESETS,
    "as_published (Toderici et al. 2017, for a GPU), cpu (within an hour on two "
    "cores), smoke (seconds, for tests)",
    "The presets say no.",
)
