"""SAM put together, as a Keras model."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from data_prep.predictors.sam import backbones
from data_prep.predictors.sam.attentive_convlstm import AttentiveConvLSTM
from data_prep.predictors.sam.learned_prior import LearnedPrior

HEIGHT, WIDTH = 240, 320
RATIO = 16  # pixels of the map a side, for each position of the features

# The layer between backbone and head.
RECURRENT = "attentive_convlstm"

_BACKBONES = {"sam-vgg": backbones.vgg, "sam-resnet": backbones.resnet}
NETWORKS = tuple(_BACKBONES)


def build(network: str, height: int = HEIGHT, width: int = WIDTH) -> tf.keras.Model:
    """A network as it is before training, all of it to be trained.

    Paper, section III; marcellacornia/sam, `models.py`. With weights of ImageNet in the
    backbone it is where the authors start.

    Args:
      network: "sam-vgg" or "sam-resnet".
      height, width: of the images, in pixels.

    Returns:
      A model of float32 [B, height, width, 3], BGR minus the mean, to float32
      [B, 16 h, 16 w] of any non-negative scale, where [h, w] is the grid of the
      backbone's features: 480x640 for 240x320.
    """
    images = tf.keras.Input((height, width, 3))
    features = _BACKBONES[network](images)
    state = AttentiveConvLSTM(name=RECURRENT)(features)
    return tf.keras.Model(images, _head(state), name=network)


def parts(model: tf.keras.Model):
    """A network's backbone, attentive ConvLSTM and head, which share its variables.

    Returns:
      A model of images to features, the layer, and a model of its output to maps.
    """
    recurrent = model.get_layer(RECURRENT)
    backbone = tf.keras.Model(model.input, recurrent.input)
    head = tf.keras.Model(recurrent.output, model.output)
    return backbone, recurrent, head


def _head(x: tf.Tensor) -> tf.Tensor:
    """Priors, dilated convolutions, upsampling: [B, H, W, 512] to [B, 16 H, 16 W]."""
    for i in (1, 2):
        x = LearnedPrior(name=f"prior_{i}")(x)
        x = backbones.Conv(
            backbones.CHANNELS, 5, dilation_rate=4, activation="relu", name=f"head_{i}"
        )(x)
    x = backbones.Conv(1, 1, activation="relu", name="saliency")(x)
    return upsample(x[..., 0])


def interpolation_matrix(length: int, ratio: int = RATIO) -> np.ndarray:
    """The upsampling of one axis as a matrix.

    Output o interpolates linearly at (o - (ratio - 1) // 2) / ratio; beyond the ends
    the outermost values repeat.

    Args:
      length: samples in.
      ratio: samples out per sample in.

    Returns:
      float32 [length * ratio, length], rows sum to 1.
    """
    outputs = np.arange(length * ratio)
    at = np.clip((outputs - (ratio - 1) // 2) / ratio, 0, length - 1)
    distance = np.abs(at[:, None] - np.arange(length))
    return np.maximum(1 - distance, 0).astype(np.float32)


def upsample(x: tf.Tensor) -> tf.Tensor:
    """Makes 16 by 16 of each position, bilinearly: [B, H, W] to [B, 16 H, 16 W].

    Theano's `bilinear_upsampling`, which marcellacornia/sam, `models.py`, calls. It is
    half an output pixel off what `tf.image.resize` computes.
    """
    rows, columns = (interpolation_matrix(length) for length in x.shape[1:3])
    return tf.matmul(tf.matmul(rows, x), columns, transpose_b=True)
