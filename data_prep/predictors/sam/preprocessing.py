"""From photographs to SAM's input, and from its output to maps of the photographs.

marcellacornia/sam, `utilities.py`: `padding`, `preprocess_images` and
`postprocess_predictions`, to the bit.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from data_prep.predictors.sam.model import HEIGHT, WIDTH

# The means of ImageNet's blue, green and red.
MEAN_BGR = np.array([103.939, 116.779, 123.68])

# Of the blur, in pixels of the photograph, whatever its size.
BLUR_SIGMA = 7


def fit(rgb: np.ndarray) -> np.ndarray:
    """Fits a photograph into 240x320, between black bars, and subtracts the mean.

    The mean goes off the bars as well.

    Args:
      rgb: uint8 [h, w, 3].

    Returns:
      float32 [240, 320, 3], BGR, in -124..152.
    """
    height, width = rgb.shape[:2]
    if height / HEIGHT > width / WIDTH:
        size = HEIGHT, max(1, width * HEIGHT // height)
    else:
        size = max(1, height * WIDTH // width), WIDTH
    bgr = cv2.resize(np.ascontiguousarray(rgb[..., ::-1]), size[::-1])
    top, left = (HEIGHT - size[0]) // 2, (WIDTH - size[1]) // 2
    padded = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    padded[top : top + size[0], left : left + size[1]] = bgr
    return (padded - MEAN_BGR).astype(np.float32)


def restore(output: np.ndarray, height: int, width: int) -> np.ndarray:
    """Makes a map of the photograph of the network's output for it.

    Stretches it, cuts the bars off, blurs, and scales to a maximum of 1. The original
    goes on to `floor(255 * map)`.

    Args:
      output: float32 [480, 640], at least 0.
      height, width: of the photograph.

    Returns:
      float32 [height, width] in 0..1; 0 everywhere if `output` is.
    """
    rows, columns = output.shape
    scaled = _to_maximum_1(output) * 255
    if height / rows > width / columns:
        new_width = columns * height // rows
        left = (new_width - width) // 2
        scaled = cv2.resize(scaled, (new_width, height))[:, left : left + width]
    else:
        new_height = rows * width // columns
        top = (new_height - height) // 2
        scaled = cv2.resize(scaled, (width, new_height))[top : top + height]
    return _to_maximum_1(gaussian_filter(scaled, BLUR_SIGMA))


def _to_maximum_1(x: np.ndarray) -> np.ndarray:
    maximum = x.max()
    return x / maximum if maximum > 0 else np.zeros_like(x)
