"""The configuration of a GAN, and its two presets."""

from __future__ import annotations

import dataclasses

from salcomp.config import base
from salcomp.config.base import BaseConfig, field
from salcomp.config.config import STRIDE, Presets
from salcomp.config.geometry import MIN_SIDE
from salcomp.errors import InputError
from salcomp.extreme_gan.losses import DISTORTIONS
from salcomp.extreme_gan.quantizer import GRADIENTS


@dataclasses.dataclass(frozen=True)
class GanConfig(BaseConfig):
    """The configuration of a GAN.

    "As published" is what the code of Justin-Tan/generative-compression does.
    """

    width: float = field(
        "Factor on the channels of all hidden layers; 1 is the published network of "
        "about 170 million weights.",
        range=base.POSITIVE,
    )
    code_channels: int = field(
        "Channels C of the code, of five levels each, so that C log2(5) / 256 bit per "
        "pixel bound the rate; 8 as published, 0.0726 bit per pixel.",
        range=base.AT_LEAST_1,
    )
    quantizer_gradient: str = field(
        "How the quantizer passes gradients back: not at all (blocked, as published: "
        "the encoder is never trained), or as its soft assignment does (soft).",
        GRADIENTS,
    )
    final_relu: bool = field(
        "Whether the encoder ends in a ReLU, as published, so that no code is below 0."
    )
    noise: bool = field(
        "Whether channels made of noise are appended to the code, as published by "
        "default."
    )
    noise_norm: bool = field(
        "Whether the noise net's first layer is normalised over the batch, as "
        "published; at batch size 1 that makes it a constant."
    )
    distortion: str = field(
        "Distortion: the squared error (mse, as published) or the absolute error (l1) "
        "of images in -1..1; 1 - MS-SSIM (ms_ssim); or 0.84 of that and 0.16 of the "
        "absolute error of images in 0..1, through Gaussian windows (mix, Zhao et al. "
        "2017).",
        DISTORTIONS,
    )
    distortion_weight: float = field(
        "Factor on the distortion in the generator's loss; 12 as published.",
        range=base.AT_LEAST_0,
    )
    patchsize: int = field(
        "Height of the training crops in pixels, a multiple of 32; 256 is the height "
        "of the frames of 2019.",
        range=base.multiple_of(2 * STRIDE),
    )
    patch_aspect: int = field(
        "Width of the training crops over their height; 2 makes a crop of height 256 "
        "a whole frame of 512x256, which is what the published code trains on.",
        range=base.AT_LEAST_1,
    )
    augment: bool = field(
        "Whether half of the crops are mirrored; not so as published."
    )
    held_out: bool = field(
        "Whether frames are held out, and the exported weights are those with the "
        "least squared error on them. As published, none are, and the last weights "
        "are exported; frames of a --validation_glob are then measured only."
    )
    batchsize: int = field(
        "Crops per update; the generator and the discriminators take turns on crops "
        "of their own, so a step uses twice as many. 1 as published.",
        range=base.AT_LEAST_1,
    )
    last_step: int = field(
        "Steps to train in all; 82,000 are 55 epochs of Cityscapes, as the published "
        "example had.",
        range=base.AT_LEAST_1,
    )
    learning_rate: float = field(
        "Adam's learning rate of encoder, noise net and generator; 2e-4 as published.",
        range=base.POSITIVE,
    )
    discriminator_learning_rate: float = field(
        "Adam's learning rate of the discriminators; 2e-4 as published.",
        range=base.POSITIVE,
    )
    seed: int = field(
        "Seed of the initial weights, the batches and the noise.", range=base.SEED
    )
    weight_mean: float = 1.0
    """Mean of the raw weight over the training set; found when a run starts."""

    @property
    def rate_setting(self) -> tuple[str, float]:
        return "code_channels", self.code_channels

    @property
    def crop(self) -> tuple[int, int]:
        """Height and width of the training crops in pixels."""
        return self.patchsize, self.patch_aspect * self.patchsize

    @property
    def exports_best(self) -> bool:
        return self.held_out

    @property
    def smallest_frame(self) -> tuple[int, int]:
        """Smallest height and width of a held-out frame in pixels."""
        return self.crop

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.distortion == "ms_ssim" and self.patchsize < MIN_SIDE:
            raise InputError(
                f"distortion=ms_ssim needs a patchsize of at least {MIN_SIDE}, for "
                f"the windows of its five scales, not {self.patchsize}"
            )

    def learning_rate_of(self, step: int) -> float:
        """The learning rate of a step: the same for all."""
        del step
        return self.learning_rate


_AS_PUBLISHED = dict(
    condition_encoder=False,
    weight_distortion=False,
    saliency_weighting="clip",
    saliency_floor=0.1,
    saliency_gain=1.0,
    weight_normalization="none",
    width=1.0,
    code_channels=8,
    quantizer_gradient="blocked",
    final_relu=True,
    noise=True,
    noise_norm=True,
    distortion="mse",
    distortion_weight=12.0,
    patchsize=256,
    patch_aspect=2,
    augment=False,
    held_out=False,
    batchsize=1,
    last_step=82_000,
    learning_rate=2e-4,
    discriminator_learning_rate=2e-4,
    seed=0,
)
PRESETS = {
    "as_published": _AS_PUBLISHED,
    "repaired": dict(
        _AS_PUBLISHED,
        quantizer_gradient="soft",
        final_relu=False,
        noise_norm=False,
        patch_aspect=1,
        augment=True,
        held_out=True,
    ),
}
GAN = Presets(
    GanConfig,
    PRESETS,
    "as_published (what Justin-Tan/generative-compression computes), repaired (its "
    "faults mended: the encoder is trained, all centres are used, frames are held out, "
    "crops are random and mirrored)",
    "The presets say no.",
)
