"""The dilated VGG-16 and ResNet-50 that SAM sees with: stride 8, 512 channels out.

Paper, section III-C; marcellacornia/sam, `dcn_vgg.py` and `dcn_resnet.py`. Layers carry
the names that the published files give them.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

CHANNELS = 512

# The network's own, as in `dcn_resnet.py` under Keras 1.1; Keras 2 has 1e-3.
BN_EPSILON = 1e-5

# Filters and dilation of each block of 3x3 convolutions, and how many it has.
_VGG_BLOCKS = ((64, 1, 2), (128, 1, 2), (256, 1, 3), (512, 1, 3), (512, 2, 3))

# Of each stage: filters within a block, stride, dilation, and the blocks.
_RESNET_STAGES = {
    2: (64, 1, 1, "abc"),
    3: (128, 2, 1, "abcd"),
    4: (256, 1, 2, "abcdef"),
    5: (512, 1, 4, "abc"),
}


class Conv(tf.keras.layers.Conv2D):
    """A convolution with zero padding to the same size, whose dilation is fast.

    Keras rearranges the pixels for a dilated convolution, and back; TensorFlow's kernel
    needs no such thing, but has no gradient on a CPU without oneDNN.
    """

    def __init__(self, filters, size, **options):
        super().__init__(filters, size, padding="same", **options)

    def convolution_op(self, inputs, kernel):
        rearranging = super().convolution_op

        @tf.custom_gradient
        def convolve(x, kernel):
            def gradient(dy):
                with tf.GradientTape() as tape:
                    tape.watch((x, kernel))
                    y = rearranging(x, kernel)
                return tape.gradient(y, (x, kernel), dy)

            y = tf.nn.conv2d(
                x, kernel, self.strides, "SAME", dilations=self.dilation_rate
            )
            return y, gradient

        return convolve(inputs, tf.convert_to_tensor(kernel))


class BatchNorm(tf.keras.layers.BatchNormalization):
    """Batch normalisation that rounds as the original's does.

    With random weights the network is so sensitive that other roundings of the same
    formula, such as those of TensorFlow's fused kernel, move its output by 0.002 of the
    maximum.
    """

    def __init__(self, name: str):
        super().__init__(momentum=0.99, epsilon=BN_EPSILON, name=name)

    def call(self, inputs, training=None):
        if training:
            return super().call(inputs, training=True)
        # Each maximum changes nothing, but hides an operation from TensorFlow's
        # optimiser: the root, which would become a product with its less exact
        # reciprocal; and the negation, without which this sum and the one that adds the
        # shortcut would be taken in another order.
        deviation = tf.maximum(tf.sqrt(self.moving_variance + self.epsilon), 0.0)
        negated = tf.maximum(-self.beta, -np.inf)
        return (inputs - self.moving_mean) * self.gamma / deviation - negated


def same_max_pool(x: tf.Tensor, size: int, stride: int) -> tf.Tensor:
    """Max pooling with the 'same' border of Keras 1 on Theano.

    Windows start one before the image, where TensorFlow's "SAME" would start at its
    first pixel or, on even sizes, with the odd pixel at the other end.

    Args:
      x: [B, H, W, C], at least 0 everywhere: the border is zeros.
      size: side of the window, 2 or 3.
      stride: 1 or 2.

    Returns:
      [B, ceil(H / stride), ceil(W / stride), C].
    """
    border = (1, size - 2)
    padded = tf.keras.layers.ZeroPadding2D((border, border))(x)
    return tf.keras.layers.MaxPool2D(size, stride)(padded)


def vgg(images: tf.Tensor) -> tf.Tensor:
    """The 13 convolutions of VGG-16, the last three dilated.

    Args:
      images: float32 [B, H, W, 3], BGR minus the mean.

    Returns:
      [B, ceil(H // 4 / 2), ceil(W // 4 / 2), 512], at least 0.
    """
    x = images
    pools = [
        tf.keras.layers.MaxPool2D(2),
        tf.keras.layers.MaxPool2D(2),
        lambda x: same_max_pool(x, 2, 2),
        lambda x: same_max_pool(x, 2, 1),
        lambda x: x,
    ]
    for block, (filters, dilation, count) in enumerate(_VGG_BLOCKS, start=1):
        options = {"dilation_rate": dilation, "activation": "relu"}
        for i in range(1, count + 1):
            x = Conv(filters, 3, name=f"block{block}_conv{i}", **options)(x)
        x = pools[block - 1](x)
    return x


def resnet(images: tf.Tensor) -> tf.Tensor:
    """ResNet-50 with dilation for the strides of its last stages, and an adapter.

    Args:
      images: float32 [B, H, W, 3], BGR minus the mean.

    Returns:
      [B, ceil(H / 8), ceil(W / 8), 512], at least 0.
    """
    x = tf.keras.layers.ZeroPadding2D(3)(images)
    x = tf.keras.layers.Conv2D(64, 7, 2, name="conv1")(x)
    x = tf.nn.relu(BatchNorm("bn_conv1")(x))
    x = same_max_pool(x, 3, 2)
    for stage, (filters, stride, dilation, blocks) in _RESNET_STAGES.items():
        for block in blocks:
            first, name = block == "a", f"{stage}{block}"
            steps = stride if first else 1
            x = _bottleneck(x, name, filters, steps, dilation, first)
    return Conv(CHANNELS, 3, activation="relu", name="adapter")(x)


def _bottleneck(x, block: str, filters: int, stride: int, dilation: int, project: bool):
    """A block of ResNet's first form, which strides in its first convolution.

    [B, H, W, C] -> [B, ceil(H / stride), ceil(W / stride), 4 * filters].
    """

    def conv(x, branch, filters, size=1, stride=1, dilation=1):
        name = f"res{block}_branch{branch}"
        x = Conv(filters, size, strides=stride, dilation_rate=dilation, name=name)(x)
        return BatchNorm(f"bn{block}_branch{branch}")(x)

    shortcut = conv(x, "1", 4 * filters, stride=stride) if project else x
    x = tf.nn.relu(conv(x, "2a", filters, stride=stride))
    x = tf.nn.relu(conv(x, "2b", filters, size=3, dilation=dilation))
    return tf.nn.relu(conv(x, "2c", 4 * filters) + shortcut)
