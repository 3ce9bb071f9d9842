"""Encoder, noise net, generator and discriminators.

In the notation of the paper, with k the stride and IN instance normalisation:
encoder c7s1-60, d120, d240, d480, d960, c3s1-C; generator c3s1-960, R960 x9, u480,
u240, u120, u60, c7s1-3; discriminators PatchGAN (Isola et al., CVPR 2017) on three
scales. All channels but those of images, code and logits are times `width`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from salcomp.config.config import STRIDE
from salcomp.data import sampling
from salcomp.extreme_gan.layers import Conv, batch_norm, instance_norm

NOISE_SIZE = 128
_ENCODER = (60, 120, 240, 480, 960)
_RESIDUAL_BLOCKS = 9
_NOISE = (256, 128, 64, 32)
# Image samples per position of the noise net's first layer: 4x8 for 512x1024.
_NOISE_STRIDE = 128
_DISCRIMINATOR = (64, 128, 256, 512)
_SCALES = 3
_SLOPE = 0.2


def _scaled(channels: int, width: float) -> int:
    return max(1, round(width * channels))


class Encoder(tf.keras.layers.Layer):
    """[B, H, W, 3 or 4] to [B, H/16, W/16, C], before quantisation."""

    def __init__(self, inputs: int, code_channels: int, width: float, final_relu: bool):
        """Makes the layers; `width` is a factor on the hidden channels.

        The inputs are the channels of RGB, or of RGB and the map. The last layer has a
        ReLU, as published, if `final_relu` says so.
        """
        super().__init__(name="encoder")
        self._final_relu = final_relu
        self.convs, self.norms = [], []
        for i, base in enumerate(_ENCODER):
            outputs = _scaled(base, width)
            if i == 0:
                self.convs.append(Conv(inputs, outputs, 7, reflect=True))
            else:
                self.convs.append(Conv(inputs, outputs, 3, stride=2))
            self.norms.append(instance_norm(outputs))
            inputs = outputs
        self.convs.append(Conv(inputs, code_channels, 3, reflect=True))
        self.norms.append(instance_norm(code_channels))

    def call(self, x):
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            x = norm(conv(x))
            if self._final_relu or i < len(self.convs) - 1:
                x = tf.nn.relu(x)
        return x


class NoiseNet(tf.keras.layers.Layer):
    """Noise [B, 128] to channels beside the code, [B, h, w, C]."""

    def __init__(
        self, code_channels: int, width: float, crop: tuple[int, int], norm: bool
    ):
        """Makes the layers.

        Args:
          width: factor on the hidden channels.
          crop: height and width of the training images in pixels.
          norm: whether the first layer is normalised over the batch, as published.
        """
        super().__init__(name="noise_net")
        self._grid = [-(-side // _NOISE_STRIDE) for side in crop]
        channels = [_scaled(base, width) for base in _NOISE]
        units = channels[0] * self._grid[0] * self._grid[1]
        self.dense = tf.keras.layers.Dense(units)
        self.dense.build((None, NOISE_SIZE))
        self.dense_norm = batch_norm(units, 2) if norm else None
        self.convs, self.norms = [], []
        for inputs, outputs in zip(channels, channels[1:]):
            self.convs.append(Conv(inputs, outputs, 5, stride=2, transposed=True))
            self.norms.append(batch_norm(outputs, 4))
        self.last = Conv(channels[-1], code_channels, 7, reflect=True)

    def call(self, noise, height, width):
        """Of [B, 128] to [B, height, width, C]; sizes in positions of the code."""
        x = tf.nn.relu(self.dense(noise))
        if self.dense_norm is not None:
            x = self.dense_norm(x)
        channels = x.shape[-1] // (self._grid[0] * self._grid[1])
        x = tf.reshape(x, (-1, *self._grid, channels))
        for conv, norm in zip(self.convs, self.norms):
            x = norm(tf.nn.relu(conv(x)))
        x = self.last(x)  # [B, 8 rows of the grid, 8 columns of the grid, C]
        # Images of another size than the training's, or of no multiple of 128.
        return tf.image.resize(x, (height, width))


class ResidualBlock(tf.keras.layers.Layer):
    """x + IN(conv(ReLU(IN(conv(x))))), 3x3 with reflected borders."""

    def __init__(self, channels: int):
        super().__init__()
        self.convs = [Conv(channels, channels, 3, reflect=True) for _ in range(2)]
        self.norms = [instance_norm(channels) for _ in range(2)]

    def call(self, x):
        y = tf.nn.relu(self.norms[0](self.convs[0](x)))
        return x + self.norms[1](self.convs[1](y))


class Generator(tf.keras.layers.Layer):
    """Code and noise channels [B, h, w, *] to RGB in -1..1, [B, 16 h, 16 w, 3]."""

    def __init__(self, inputs: int, width: float):
        """Makes the layers; `width` is a factor on the hidden channels."""
        super().__init__(name="generator")
        channels = [_scaled(base, width) for base in reversed(_ENCODER)]
        self.first = Conv(inputs, channels[0], 3, reflect=True)
        self.first_norm = instance_norm(channels[0])
        self.blocks = [ResidualBlock(channels[0]) for _ in range(_RESIDUAL_BLOCKS)]
        self.convs, self.norms = [], []
        for narrow, wide in zip(channels[1:], channels):
            self.convs.append(Conv(wide, narrow, 3, stride=2, transposed=True))
            self.norms.append(instance_norm(narrow))
        self.last = Conv(channels[-1], 3, 7, reflect=True)

    def call(self, code):
        x = tf.nn.relu(self.first_norm(self.first(code)))
        for block in self.blocks:
            x = block(x)
        for conv, norm in zip(self.convs, self.norms):
            x = tf.nn.relu(norm(conv(x)))
        return tf.tanh(self.last(x))


class Judgement(NamedTuple):
    """What a discriminator says of images.

    Attributes:
      logits: [B, h, w, 1], one for each patch.
      features: outputs of the hidden layers.
    """

    logits: tf.Tensor
    features: list[tf.Tensor]


class Discriminator(tf.keras.layers.Layer):
    """A PatchGAN on images [B, H, W, 3] in -1..1."""

    def __init__(self, width: float):
        super().__init__()
        self.convs, self.norms = [], []
        inputs = 3
        for base in _DISCRIMINATOR:
            outputs = _scaled(base, width)
            self.convs.append(Conv(inputs, outputs, 4, stride=2))
            inputs = outputs
            if len(self.convs) > 1:
                self.norms.append(instance_norm(outputs))
        self.last = Conv(inputs, 1, 4)

    def call(self, x) -> Judgement:
        features = []
        for i, conv in enumerate(self.convs):
            x = conv(x)
            if i:
                x = self.norms[i - 1](x)
            x = tf.nn.leaky_relu(x, _SLOPE)
            features.append(x)
        return Judgement(self.last(x), features)


class Discriminators(tf.keras.layers.Layer):
    """Three of them, on the image and on its halves and quarters."""

    def __init__(self, width: float):
        super().__init__(name="discriminators")
        self.scales = [Discriminator(width) for _ in range(_SCALES)]

    def call(self, x) -> list[Judgement]:
        judgements = []
        for i, discriminator in enumerate(self.scales):
            if i:
                x = tf.nn.avg_pool2d(x, 3, 2, "SAME")
            judgements.append(discriminator(x))
        return judgements


def code_size(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the code of an image.

    At least two of each, since the layers reflect borders.
    """
    return max(2, -(-height // STRIDE)), max(2, -(-width // STRIDE))


def decoding_noise() -> np.ndarray:
    """The noise of every decoder, float32 [1, 128]: files decode alike everywhere."""
    return sampling.normal(0, 0, (1, NOISE_SIZE))
