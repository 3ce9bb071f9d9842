"""Saliency maps of photographs by SAM, with published or converted weights."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from data_prep.predictors.sam import model as sam
from data_prep.predictors.sam import preprocessing, weights
from data_prep.predictors.sam.attentive_convlstm import attentive_convlstm


def compiled(model: tf.keras.Model):
    """The network as it is now, for inference: a function of float32 [B, H, W, 3].

    It is compiled anew for each B. Later changes of the model's variables may or may
    not show in its results.
    """
    backbone, recurrent, head = sam.parts(model)
    kernels = recurrent.fused_kernels()

    @tf.function(autograph=False)
    def network(images):
        features = backbone(images, training=False)
        return head(attentive_convlstm(features, kernels), training=False)

    return network


class SamPredictor:
    """SAM from photographs to maps; several threads may share one.

    Attributes:
      network: "sam-vgg" or "sam-resnet".
      weights_sha256: hexadecimal, of the published file that the weights are from.
    """

    def __init__(self, model: tf.keras.Model, weights_sha256: str):
        self.network = model.name
        self.weights_sha256 = weights_sha256
        self._compiled = compiled(model)
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: str, network: str | None = None) -> SamPredictor:
        """A predictor with the weights of a file.

        Args:
          path: of a published or a converted file.
          network: "sam-vgg" or "sam-resnet"; by default what the file holds.

        Raises:
          InputError: the file is missing, damaged, not of SAM, or not of that network.
        """
        stored = weights.read(path, network)
        model = sam.build(network or stored.network)
        weights.assign(model, stored)
        return cls(model, stored.sha256)

    def predict(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The saliency map of each image.

        On a GPU all go through the network at once. On a CPU, which one image keeps
        busy, they go one by one: a batch is no faster there, and so a map is to the bit
        the same whatever is predicted with it.

        Args:
          images: uint8 [H, W, 3] RGB, of any sizes.

        Returns:
          float32 [H, W] in 0..1, with a maximum of 1 unless it is 0 everywhere.
        """
        if not images:
            return []
        inputs = np.stack([preprocessing.fit(image) for image in images])
        at_once = len(inputs) if tf.config.list_physical_devices("GPU") else 1
        with self._lock:
            outputs = [
                output
                for first in range(0, len(inputs), at_once)
                for output in self._compiled(inputs[first : first + at_once]).numpy()
            ]
        return [
            preprocessing.restore(output, *image.shape[:2])
            for output, image in zip(outputs, images)
        ]
