"""The distortion D of the loss R + lambda D: four ways to count what is wrong.

    mse      mean of w e², e the error of a sample in 8-bit levels; the 2019 experiment
    l1       mean of w |e|
    ms_ssim  1 - MS-SSIM (Wang, Simoncelli, Bovik, Asilomar 2003), pooled by w
    mix      mean of w (0.84 (1 - MS-SSIM) + 0.16 |e|), both at a pixel and through
             Gaussian windows (Zhao, Gallo, Frosio, Kautz, "Loss functions for image
             restoration with neural networks", IEEE TCI 2017)

Each is multiplied by its entry of `SCALES`, so that one lambda gives comparable rates.
No gradient is ever NaN: a mean similarity that is not positive, whose fractional power
has none, gets the gradient of a function that goes on below (`_log`).
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from salcomp.config.geometry import C1, C2, EXPONENTS, MIN_SIDE, RADIUS, SIGMA
from salcomp.errors import InputError

# Squared 8-bit levels that one unit of each is worth, so that a lambda of 0.01 gives
# about the rate that it gives with mse: found by training on street frames.
SCALES = {"mse": 1.0, "l1": 28.0, "ms_ssim": 1800.0, "mix": 500.0}

# Zhao et al. 2017: the part of MS-SSIM, and the standard deviations of its windows.
_ALPHA = 0.84
_SIGMAS = (0.5, 1.0, 2.0, 4.0, 8.0)
_RADII = 3  # standard deviations from the centre to the edge of such a window
# Mean similarities under this have the gradient of a continuation of the logarithm.
_SMALL = 0.01
# Added to weights, so that those of a window are never all zero; no weight but zero
# changes by it.
_TINY = 1e-12
# Subtracted from samples before they are squared: what is left loses less to rounding.
_MIDDLE = 127.5


def distortion(name: str) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    """One of the distortions, as a function (x, x_hat, weight) -> D.

    Its arguments are float32: images [B, H, W, 3] in 0..255, of which x_hat may go
    beyond, and the weights of the pixels [B, H, W], not negative. Its result, [B], has
    the unit of a squared 8-bit level. Where a weight is 1 everywhere, D is what it is
    without weights; one that is c everywhere multiplies D by c.

    Args:
      name: a key of `SCALES`.
    """
    measure, scale = _MEASURES[name], SCALES[name]
    return lambda x, x_hat, weight: scale * measure(x, x_hat, weight)


def _mse(x, x_hat, weight):
    error = tf.reduce_mean(tf.math.squared_difference(x, x_hat), axis=-1)
    return tf.reduce_mean(weight * error, axis=(1, 2))


def _l1(x, x_hat, weight):
    error = tf.reduce_mean(tf.abs(x - x_hat), axis=-1)  # [B, H, W]
    return tf.reduce_mean(weight * error, axis=(1, 2))


def _ms_ssim(x, x_hat, weight):
    """1 - MS-SSIM of `tf.image.ssim_multiscale`, times the mean weight.

    Per scale and channel sum(w cs) / sum(w), at the last scale sum(w l cs) / sum(w), as
    in `ms_ssim.weighted_ms_ssim`. Those ratios do not change with the weights' scale:
    the factor keeps how much an image, or crop, counts beside others.
    """
    height, width = x.shape[1:3]
    if None not in (height, width) and min(height, width) < MIN_SIDE:
        raise InputError(
            f"the distortion ms_ssim needs images of at least {MIN_SIDE}x{MIN_SIDE} "
            f"pixels, not {height}x{width}; take larger ones, or another distortion"
        )
    importance = tf.reduce_mean(weight, axis=(1, 2))
    x, x_hat, weight = _planes(x), _planes(x_hat), weight[:, None] + _TINY
    pooled = []
    for scale in range(len(EXPONENTS)):
        if scale:
            x, x_hat, weight = _halve(x), _halve(x_hat), _halve(weight)
        luminance, structure = _similarities(x, x_hat, SIGMA, RADIUS, "valid")
        last = scale == len(EXPONENTS) - 1
        similarity = luminance * structure if last else structure
        inner = weight[:, :, RADIUS:-RADIUS, RADIUS:-RADIUS]
        total = tf.reduce_sum(inner, axis=(2, 3))  # [B, 1]
        pooled.append(tf.reduce_sum(inner * similarity, axis=(2, 3)) / total)
    similarity = _weighted_product(tf.stack(pooled, axis=-1))  # [B, 3]
    return importance * (1 - tf.reduce_mean(similarity, axis=-1))


def _mix(x, x_hat, weight):
    """Zhao et al.'s loss at every pixel, on samples in 0..1.

    The scales are Gaussian windows on the full resolution, and all exponents are 1. At
    the border of an image the windows are those parts of them that lie within.
    """
    x, x_hat = _planes(x), _planes(x_hat)
    similarity = 1.0
    for sigma in _SIGMAS:
        radius = round(_RADII * sigma)
        luminance, structure = _similarities(x, x_hat, sigma, radius, "same")
        similarity *= structure
    similarity *= luminance  # of the largest window alone
    error = _blur(tf.abs(x - x_hat), sigma, radius, "same") / 255
    mixed = _ALPHA * (1 - similarity) + (1 - _ALPHA) * error  # [B, 3, H, W]
    return tf.reduce_mean(weight * tf.reduce_mean(mixed, axis=1), axis=(1, 2))


_MEASURES = {"mse": _mse, "l1": _l1, "ms_ssim": _ms_ssim, "mix": _mix}


def _weighted_product(similarities):
    """The product over scales of each to the power of its exponent, [..., 5] to [...].

    Its value is zero where a similarity is negative, as in TensorFlow. There the
    gradient is that of a product that goes on falling and stays positive.
    """
    value = tf.reduce_prod(tf.maximum(similarities, 0) ** EXPONENTS, axis=-1)
    smooth = tf.exp(tf.reduce_sum(EXPONENTS * _log(similarities), axis=-1))
    return smooth + tf.stop_gradient(value - smooth)


def _log(x):
    """The logarithm; below d = `_SMALL` that of d² / (2 d - x), which touches it."""
    large, small = tf.maximum(x, _SMALL), tf.minimum(x, _SMALL)
    return tf.math.log(large) - tf.math.log(2 - small / _SMALL)


def _similarities(x, x_hat, sigma, radius, area):
    """Luminance and contrast-structure terms of SSIM in each Gaussian window.

    Of x and x_hat, [B, C, H, W] in 0..255, two of [B, C, h, w], each in -1..1; the
    windows are those of `_blur`.
    """
    x, x_hat = x - _MIDDLE, x_hat - _MIDDLE
    planes = (x, x_hat, x * x + x_hat * x_hat, x * x_hat)
    blurred = _blur(tf.concat(planes, axis=1), sigma, radius, area)
    mean, mean_hat, squares, product = tf.split(blurred, 4, axis=1)
    variances = squares - mean * mean - mean_hat * mean_hat
    covariance = product - mean * mean_hat
    structure = (2 * covariance + C2) / (variances + C2)
    mean, mean_hat = mean + _MIDDLE, mean_hat + _MIDDLE
    luminance = (2 * mean * mean_hat + C1) / (mean * mean + mean_hat * mean_hat + C1)
    return luminance, structure


def _blur(planes, sigma, radius, area):
    """Gaussian means over square windows, for planes [B, C, H, W].

    As products with banded matrices: for crops as fast as convolutions in TensorFlow,
    and twenty times as fast in programs of XLA on a CPU. For images of thousands of
    rows and columns convolutions would be faster.

    Args:
      planes: to blur.
      sigma: standard deviation in samples.
      radius: samples from the centre of a window to its edge.
      area: "valid" for windows that lie wholly inside, [B, C, H - 2 radius, W - 2
        radius]; or "same" for one around every sample, without what is outside.
    """
    rows, columns = (
        _band(tf.shape(planes)[axis], sigma, radius, area) for axis in (2, 3)
    )
    return tf.matmul(tf.matmul(rows, planes), columns, transpose_b=True)


def _band(side, sigma, radius, area):
    """The matrix whose rows are windows, [windows, side]."""
    positions = tf.range(tf.cast(side, tf.float32))
    distance = positions[:, None] - positions
    window = tf.exp(-(distance**2) / (2 * sigma**2))
    window = tf.where(tf.abs(distance) <= radius, window, 0)
    window /= tf.reduce_sum(window, axis=1, keepdims=True)
    return window[radius:-radius] if area == "valid" else window


def _planes(image):
    """[B, H, W, C] to [B, C, H, W]."""
    return tf.transpose(image, (0, 3, 1, 2))


def _halve(planes):
    """Means of 2x2 blocks; an odd side is first extended by its last line, as in
    `tf.image.ssim_multiscale`."""
    odd = tf.shape(planes)[2:] % 2
    planes = tf.pad(
        planes, [[0, 0], [0, 0], [0, odd[0]], [0, odd[1]]], mode="SYMMETRIC"
    )
    shape = tf.shape(planes)
    blocks = (*tf.unstack(shape[:2]), shape[2] // 2, 2, shape[3] // 2, 2)
    return tf.reduce_mean(tf.reshape(planes, blocks), axis=(3, 5))
