"""The adversarial losses, as published, and the distortions in their units.

Least-squares GAN (Mao et al., ICCV 2017) without the halves, and feature matching
(Wang et al., CVPR 2018) without the usual normalisation.
"""

from __future__ import annotations

import tensorflow as tf

from salcomp.extreme_gan.networks import Judgement
from salcomp.model import distortion as measures

FEATURE_WEIGHT = 10.0
# What is 1 here, in the unit of each measure: errors of images in -1..1, and what does
# not depend on the range of an image.
_UNITS = {"mse": 127.5**2, "l1": 127.5, "ms_ssim": 1.0, "mix": 1.0}
DISTORTIONS = tuple(_UNITS)


def discriminator_loss(real: list[Judgement], fake: list[Judgement]) -> tf.Tensor:
    """Sum over the scales of mean (D(x) - 1)^2 + mean D(G)^2."""
    terms = [tf.reduce_mean(tf.square(x.logits - 1)) for x in real]
    terms += [tf.reduce_mean(tf.square(g.logits)) for g in fake]
    return tf.add_n(terms)


def adversarial_loss(fake: list[Judgement]) -> tf.Tensor:
    """Mean (D(G) - 1)^2 of the full resolution; the other scales have no say."""
    return tf.reduce_mean(tf.square(fake[0].logits - 1))


def feature_matching_loss(real: list[Judgement], fake: list[Judgement]) -> tf.Tensor:
    """10 times the sum, over scales and hidden layers, of mean |D_i(x) - D_i(G)|."""
    pairs = [pair for x, g in zip(real, fake) for pair in zip(x.features, g.features)]
    return FEATURE_WEIGHT * tf.add_n([tf.reduce_mean(tf.abs(a - b)) for a, b in pairs])


def distortion(
    kind: str, x: tf.Tensor, x_hat: tf.Tensor, weight: tf.Tensor
) -> tf.Tensor:
    """The weighted distortion of each image, [B]; `kind` is one of DISTORTIONS.

    The images are [B, H, W, 3] in -1..1; the weight of each pixel is [B, H, W].
    """
    measure = measures.distortion(kind)
    found = measure(127.5 * (x + 1), 127.5 * (x_hat + 1), weight)
    return found / (measures.SCALES[kind] * _UNITS[kind])
