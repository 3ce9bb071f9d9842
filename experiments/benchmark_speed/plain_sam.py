"""SAM layer by layer, as the paper has it: what SAM is compared with.

Backbone, priors and head are those of `data_prep.predictors.sam`. The attentive
ConvLSTM is the ten convolutions and the attention of each of its four steps, one after
the other.
"""

from __future__ import annotations

import tensorflow as tf

from data_prep.predictors.sam import model as sam
from data_prep.predictors.sam.attentive_convlstm import (
    STEPS,
    AttentiveConvLSTM,
    softmax_over_positions,
)


def attentive_convlstm(x: tf.Tensor, layer: AttentiveConvLSTM) -> tf.Tensor:
    """The state after the last step, by the formulas of `attentive_convlstm`.

    Args:
      x: features, [B, H, W, C].
      layer: whose variables are used.

    Returns:
      [B, H, W, C].
    """

    def conv(x, name):
        y = tf.nn.conv2d(x, layer.kernels[name], 1, "SAME")
        return tf.nn.bias_add(y, layer.biases[name]) if name in layer.biases else y

    h = c = tf.zeros_like(x)
    for _ in range(STEPS):
        e = conv(tf.tanh(conv(h, "w_a") + conv(x, "u_a")), "v_a")
        attended = x * softmax_over_positions(e)
        i = tf.sigmoid(conv(attended, "w_i") + conv(h, "u_i"))
        f = tf.sigmoid(conv(attended, "w_f") + conv(h, "u_f"))
        g = tf.tanh(conv(attended, "w_c") + conv(h, "u_c"))
        o = tf.sigmoid(conv(attended, "w_o") + conv(h, "u_o"))
        c = f * c + i * g
        h = o * tf.tanh(c)
    return h


def plain(model: tf.keras.Model):
    """A compiled function of images [B, H, W, 3] to maps, with a model's variables."""
    backbone, layer, head = sam.parts(model)

    @tf.function(reduce_retracing=True)
    def network(images):
        features = backbone(images, training=False)
        return head(attentive_convlstm(features, layer), training=False)

    return network
