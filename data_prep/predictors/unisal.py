"""Saliency by UNISAL, which `python -m data_prep.get_weights unisal` brings.

Droste, Jiao, Noble: Unified Image and Video Saliency Modeling, ECCV 2020; trained on
DHF1K, Hollywood-2, UCF-Sports and SALICON, Apache-2.0. What it predicts is a density of
fixations, so that its values mean something, not their order alone.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime
from absl import logging
from PIL import Image as pil

from salcomp.errors import InputError
from salcomp.files import disk

HEIGHT, WIDTH = 256, 416  # of what the network takes and of its map, in pixels
# SHA-256 of the published network, as `Unisal.weights_sha256` has it.
PUBLISHED = "63784ce229b966a77e22b8a2f02c06eac656d9f0e873b9544284dedcf5f80ed2"
_INPUT = "input", [1, 1, 3, HEIGHT, WIDTH]
_OUTPUT = "output", [1, 1, 1, HEIGHT, WIDTH]
# Of ImageNet's pictures, by which the network's inputs were normalised in training.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


class Unisal:
    """The network of one ONNX file and its weights, which lie beside it as *.onnx.data.

    Attributes:
      weights_sha256: hexadecimal, of the two files one after the other, as `cat
        unisal.onnx unisal.onnx.data | sha256sum` prints it.
    """

    def __init__(self, path: str | os.PathLike):
        """Reads the network.

        Raises:
          InputError: one of the two files is not there or cannot be read, or they are
            no ONNX model, or that of another network.
        """
        files = Path(path), Path(f"{path}.data")
        for file in files:
            if not file.is_file():
                raise InputError(
                    f"{file}: no such file; UNISAL is two, unisal.onnx and "
                    "unisal.onnx.data, in one folder"
                )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # several threads predict a map each
        options.log_severity_level = 4  # what fails is raised as well
        try:
            self.weights_sha256 = disk.sha256(*files)
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises all kinds on damaged files
            raise InputError(
                f"{path}: cannot be read as an ONNX model, or the .data beside it is "
                "not its; bring both anew by python -m data_prep.get_weights unisal"
            ) from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        found = [(tensor.name, tensor.shape) for tensor in (*inputs, *outputs)]
        if found != [_INPUT, _OUTPUT]:
            raise InputError(
                f"{path}: not UNISAL, whose tensors are {_INPUT} and {_OUTPUT}; bring "
                "it by python -m data_prep.get_weights unisal"
            )
        if self.weights_sha256 != PUBLISHED:
            message = "%s: not the published UNISAL, but another version, or damaged"
            logging.warning(message, path)

    def predict(self, rgb: np.ndarray) -> np.ndarray:
        """Predicts the map of a picture; may be called by several threads.

        Args:
          rgb: uint8 [H, W, 3].

        Returns:
          float32 [256, 416] in 0..1 with a maximum of 1: the density of fixations in
          the picture, stretched to that size, over its maximum.

        Raises:
          InputError: the network's weights are damaged, so that there is no map.
        """
        image = (stretched(rgb) / np.float32(255) - _MEAN) / _DEVIATION
        image = np.ascontiguousarray(image.transpose(2, 0, 1))[None, None]
        (output,) = self._session.run([_OUTPUT[0]], {_INPUT[0]: image})
        log_density = output[0, 0, 0]
        peak = log_density.max()
        if not np.isfinite(peak):
            raise InputError(
                "UNISAL's map is not finite, so its weights are damaged; bring them "
                "anew by python -m data_prep.get_weights unisal"
            )
        return np.exp(log_density - peak)


def stretched(rgb: np.ndarray) -> np.ndarray:
    """Brings a picture to the network's size, uint8 [256, 416, 3].

    Of the ways tried on the 500 photographs of EyeCrowd, this gives the fixations the
    greatest likelihood, in bit per fixation over uniform, raw: 1.430 by Lanczos, 1.427
    bicubic, 1.423 by the mean over the area, 1.418 bilinear; and 1.367 for pictures
    fitted in undistorted, bilinear, amid their mean colour.
    """
    size = WIDTH, HEIGHT
    return np.asarray(pil.fromarray(rgb).resize(size, pil.Resampling.LANCZOS))
