"""Learned priors: Gaussians that tell where people look whatever the picture.

Paper, section III-B; marcellacornia/sam, `gaussian_prior.py`.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

PRIORS = 16

# Bounds of mu_x, mu_y, sigma_x and sigma_y in widths of the map, x to the right and y
# down. Applied to the value, not to the variable: beyond them the gradient is 0.
BOUNDS = ((0.25, 0.75), (0.35, 0.65), (0.1, 0.9), (0.2, 0.8))
_EPSILON = 1e-7


class LearnedPrior(tf.keras.layers.Layer):
    """Appends 16 Gaussians to features: [B, H, W, C] to [B, H, W, C + 16].

    Attributes:
      parameters: variable [64]: mu_x of each Gaussian, then mu_y, sigma_x, sigma_y. As
        drawn here, as in the original, many start beyond their bounds and stay there.
    """

    def build(self, input_shape):
        def initial(shape, dtype=None, **kwargs):
            count = shape[0] // 2
            mu = tf.random.uniform((count,), 0.3, 0.7, dtype)
            sigma = tf.random.uniform((count,), 0.05, 0.3, dtype)
            return tf.concat([mu, sigma], axis=0)

        self.parameters = self.add_weight(
            "parameters", (4 * PRIORS,), initializer=initial
        )
        super().build(input_shape)

    def call(self, features):
        maps = gaussians(self.parameters, *features.shape[1:3])
        shape = tf.concat([tf.shape(features)[:3], [PRIORS]], axis=0)
        return tf.concat([features, tf.broadcast_to(maps, shape)], axis=3)


def gaussians(parameters: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """The maps of Gaussians, each scaled to a maximum of 1.

    Args:
      parameters: [64], as `LearnedPrior` has them.
      height, width: of the maps, in positions.

    Returns:
      [height, width, 16] in 0..1.
    """
    limits = np.float32(BOUNDS)[..., None]  # [4, 2, 1]
    groups = tf.reshape(parameters, (4, PRIORS))
    mu_x, mu_y, sigma_x, sigma_y = tf.unstack(
        tf.clip_by_value(groups, limits[:, 0], limits[:, 1])
    )
    aspect = height / width
    top = (1 - aspect) / 2
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :, None]
    y = np.linspace(top, top + aspect, height, dtype=np.float32)[:, None, None]
    exponent = (x - mu_x) ** 2 / (2 * sigma_x**2 + _EPSILON)
    exponent += (y - mu_y) ** 2 / (2 * sigma_y**2 + _EPSILON)
    density = tf.exp(-exponent) / (2 * math.pi * sigma_x * sigma_y + _EPSILON)
    return density / tf.reduce_max(density, axis=(0, 1))
