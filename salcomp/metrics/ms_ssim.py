"""Multi-scale structural similarity, plain and weighted by a map.

Wang, Simoncelli, Bovik: Multi-scale structural similarity for image quality
assessment, Asilomar 2003. Images are uint8 [H, W, 3] of one size.
"""

from __future__ import annotations

import cv2
import numpy as np

from salcomp.config.geometry import C1, C2, EXPONENTS, MIN_SIDE, RADIUS, SIGMA

_WINDOW = np.exp(-(np.arange(-RADIUS, RADIUS + 1) ** 2) / (2 * SIGMA**2))
_WINDOW /= _WINDOW.sum()


def ms_ssim(x: np.ndarray, x_hat: np.ndarray) -> float:
    """Five-scale MS-SSIM as TensorFlow's `ssim_multiscale`, averaged over RGB, 0..1.

    NaN for images with a side under MIN_SIDE.
    """
    return weighted_ms_ssims(x, x_hat, [np.ones(x.shape[:2])])[0]


def weighted_ms_ssims(
    x: np.ndarray, x_hat: np.ndarray, weights: list[np.ndarray]
) -> list[float]:
    """MS-SSIM whose maps are pooled by a weight instead of a plain mean, 0..1.

    Per scale and channel sum(w cs) / sum(w), at the last scale sum(w l cs) / sum(w)
    (pooled as in IW-SSIM, Wang and Li, TIP 2011); the product over scales with the
    exponents of Wang 2003; the mean over channels. From scale to scale images and
    weight are averaged 2x2. Windows lie wholly inside the image, so at every scale
    the outer five pixels of the weight have no say: at the last, 80 of the image's.
    A uniform weight gives `ms_ssim`.
    The result has a value per weight: NaN for images with a side under MIN_SIDE, or a
    weight that is zero at every window's centre.

    Args:
      x, x_hat: uint8 [H, W, 3].
      weights: of shape [H, W], not negative, of any scale; the maps serve all.
    """
    if min(x.shape[:2]) < MIN_SIDE:
        return [float("nan")] * len(weights)
    x, x_hat = x.astype(np.float64), x_hat.astype(np.float64)
    weight = np.stack(weights, -1).astype(np.float64)  # [H, W, weights]
    product = np.ones((len(weights), 3))
    for scale, exponent in enumerate(EXPONENTS):
        if scale:
            x, x_hat, weight = _halve(x), _halve(x_hat), _halve(weight)
        luminance, structure = _ssim_maps(x, x_hat)
        last = scale == len(EXPONENTS) - 1
        similarity = luminance * structure if last else structure
        inner = weight[RADIUS:-RADIUS, RADIUS:-RADIUS]
        with np.errstate(invalid="ignore"):  # 0 / 0: no weight at all
            pooled = np.tensordot(inner, similarity, ((0, 1), (0, 1)))
            pooled /= inner.sum((0, 1))[:, None]  # [weights, 3]
        product *= np.maximum(pooled, 0) ** exponent
    return product.mean(1).tolist()


def similarity_db(similarity: float) -> float:
    """-10 log10(1 - similarity): MS-SSIM in dB; infinite at 1."""
    return float("inf") if similarity >= 1 else float(-10 * np.log10(1 - similarity))


def _ssim_maps(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luminance and contrast-structure terms of SSIM, [H - 10, W - 10, 3] each."""
    mean_x, mean_y = _blur(x), _blur(y)
    product = 2 * mean_x * mean_y
    squares = mean_x**2 + mean_y**2
    luminance = (product + C1) / (squares + C1)
    covariance = 2 * _blur(x * y) - product
    variances = _blur(x * x + y * y) - squares
    return luminance, (covariance + C2) / (variances + C2)


def _blur(image: np.ndarray) -> np.ndarray:
    """Separable 11-tap Gaussian, sigma 1.5, valid area: [H - 10, W - 10, C]."""
    inner = slice(RADIUS, -RADIUS)
    return cv2.sepFilter2D(image, -1, _WINDOW, _WINDOW)[inner, inner]


def _halve(image: np.ndarray) -> np.ndarray:
    """Means of 2x2 blocks; an odd side is first extended by its last line, as in
    `tf.image.ssim_multiscale`."""
    height, width = image.shape[:2]
    image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), "symmetric")
    return (
        image[0::2, 0::2] + image[1::2, 0::2] + image[0::2, 1::2] + image[1::2, 1::2]
    ) / 4
