"""The adversarial losses, as published.

Least-squares GAN (Mao et al., ICCV 2017) without the halves, and feature matching
(Wang et al., CVPR 2018) without the usual normalisation.
"""

from __future__ import annotations

import tensorflow as tf

from salcomp.extreme_gan.networks import Judgement

FEATURE_WEIGHT = 10.0


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
    return FEATURE_WEIGHT * tf.add_n(
        [
            tf.reduce_mean(tf.abs(a - b))
            for x, g in zip(real, fake)
            for a, b in zip(x.features, g.features)
        ]
    )
