"""Saliency by Google's attention-center model, a TFLite file that the user gives.

https://github.com/google/attention-center; trained on SALICON, Apache-2.0. The model's
output is one point, where people look first. The map that it averages to that point is
a tensor inside the network, and is what is read here.
"""

from __future__ import annotations

import os
import threading

import numpy as np
import tensorflow as tf
from PIL import Image as pil
from tensorflow.lite.tools import flatbuffer_utils

from salcomp.errors import InputError

HEIGHT, WIDTH = 480, 640  # of what the network takes and of its map, in pixels
_INPUT = "image:0"
_MAP = "Sigmoid"


class AttentionCenter:
    """The network of one TFLite file.

    One interpreter serves all threads in turn: each takes five seconds to warm up and
    300 MB, and on two cores a second one, or a second thread in it, gains little.
    """

    def __init__(self, path: str | os.PathLike):
        """Reads the network.

        Raises:
          InputError: the file is not there, no TFLite model, or another model.
        """
        try:
            flatbuffer_utils.read_model(str(path))  # TFLite crashes on half a file
            self._interpreter = tf.lite.Interpreter(
                str(path), num_threads=1, experimental_preserve_all_tensors=True
            )
            self._interpreter.allocate_tensors()
        except Exception as error:  # the two raise all kinds on damaged files
            raise InputError(
                f"{path}: cannot be read as a TFLite model; give attention-center's"
            ) from error
        inputs = self._interpreter.get_input_details()
        tensors = self._interpreter.get_tensor_details()
        self._input = _index(path, inputs, _INPUT, [1, HEIGHT, WIDTH, 3])
        self._map = _index(path, tensors, _MAP, [1, HEIGHT, WIDTH])
        self._lock = threading.Lock()

    def predict(self, rgb: np.ndarray) -> np.ndarray:
        """Predicts the map of a picture; may be called by several threads.

        The network sees the picture undistorted, as people do: fitted into 640x480 and
        surrounded by its mean colour. On OSIE cropped to 2:1 and 2:3, such maps agree
        better with the fixations than maps of stretched pictures: NSS 1.95 against
        1.81, and 1.74 against 1.66.

        Args:
          rgb: uint8 [H, W, 3].

        Returns:
          float32 [h, w] in 0..1 with a maximum of 1; h = 480 or w = 640, and h / w is
          H / W up to rounding.
        """
        image, inside = fitted(rgb)
        with self._lock:
            self._interpreter.set_tensor(self._input, image[None] / 255)
            self._interpreter.invoke()
            saliency = self._interpreter.get_tensor(self._map)[0][inside]
        # The lowest values are some 1e-7 of the highest: there is no floor to remove.
        return saliency / max(saliency.max(), np.finfo(np.float32).tiny)


def _index(path, tensors: list[dict], name: str, shape: list[int]) -> int:
    for tensor in tensors:
        if tensor["name"] == name and tensor["shape"].tolist() == shape:
            return tensor["index"]
    raise InputError(
        f"{path}: not the attention-center model (no tensor {name} of shape "
        f"{shape}); give that file"
    )


def fitted(rgb: np.ndarray) -> tuple[np.ndarray, tuple[slice, slice]]:
    """A picture amid its mean colour.

    Returns:
      float32 [480, 640, 3] in 0..255, and the rows and columns of the picture in it.
    """
    scale = min(HEIGHT / rgb.shape[0], WIDTH / rgb.shape[1])
    height, width = (max(1, round(scale * length)) for length in rgb.shape[:2])
    top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
    inside = slice(top, top + height), slice(left, left + width)
    picture = pil.fromarray(rgb).resize((width, height), pil.Resampling.BILINEAR)
    image = np.empty((HEIGHT, WIDTH, 3), np.float32)
    image[:] = np.asarray(picture).mean((0, 1))
    image[inside] = picture
    return image, inside
