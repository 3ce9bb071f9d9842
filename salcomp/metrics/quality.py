"""How good a reconstruction is: plain, saliency-weighted and by region.

All functions take 8-bit RGB images, uint8 [H, W, 3], as a viewer would see them
(a codec's output already rounded), and work in float64. dB values of a perfect
reconstruction are infinite. A value that an image does not have is NaN: MS-SSIM
of a small image, the PSNR of an empty region, a weighting that is zero everywhere.

EWPSNR is from Li, Qin, Itti: Visual attention guided bit allocation in video
compression, Image and Vision Computing 29(1), 2011. For MS-SSIM see `ms_ssim.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from salcomp.errors import InputError
from salcomp.metrics.ms_ssim import similarity_db, weighted_ms_ssims

# Percent of the pixels, the most salient first, that make a region of interest.
ROI_PERCENTS = (5, 10, 20)

# The keys of `all_metrics`, in the order of the CSV's columns, and what they are.
METRICS = {
    "mse": "Squared error, RGB",
    "psnr-rgb": "PSNR, RGB (dB)",
    "ewpsnr": "Saliency-weighted PSNR (dB)",
    "ewpsnr-train": "PSNR by the training weight (dB)",
    **{
        f"{side}roi-psnr-{p}": f"PSNR {place} the most salient {p} % (dB)"
        for p in ROI_PERCENTS
        for side, place in (("", "of"), ("non-", "outside"))
    },
    **{
        f"{side}{region}-psnr": f"PSNR {place} the {regions} (dB)"
        for region, regions in (("boxes", "boxes"), ("mask", "masks"))
        for side, place in (("", "inside"), ("non-", "outside"))
    },
    "ms-ssim-rgb": "MS-SSIM, RGB",
    "ms-ssim-rgb-db": "MS-SSIM, RGB (dB)",
    "weighted-ms-ssim": "Saliency-weighted MS-SSIM",
    "weighted-ms-ssim-db": "Saliency-weighted MS-SSIM (dB)",
}
# Those that have a figure and a BD-rate.
IN_DB = tuple(name for name, title in METRICS.items() if title.endswith("(dB)"))


def mse(x: np.ndarray, x_hat: np.ndarray) -> float:
    """Mean squared error over pixels and channels, on the 0..255 scale."""
    return float(_squared_error(x, x_hat).mean())


def psnr(x: np.ndarray, x_hat: np.ndarray) -> float:
    """10 log10(255^2 / MSE) in dB; infinite for equal images."""
    return _psnr_of(mse(x, x_hat))


def ewpsnr(x: np.ndarray, x_hat: np.ndarray, weight: np.ndarray) -> float:
    """Weighted PSNR in dB: 10 log10(255^2 / (sum w e / sum w)) (Li et al. 2011).

    Args:
      x, x_hat: uint8 [H, W, 3]; e is their squared error, averaged over RGB.
      weight: [H, W], not negative, of any scale. NaN results where it sums to 0.

    Raises:
      InputError: the shapes differ, or a weight is negative or not a number.
    """
    return _psnr_of(_weighted_mean(_squared_error(x, x_hat), weight))


def roi_psnr(x: np.ndarray, x_hat: np.ndarray, mask: np.ndarray) -> float:
    """PSNR in dB over the pixels of `mask`, bool [H, W]; NaN if there are none."""
    return ewpsnr(x, x_hat, mask.astype(bool))


def non_roi_psnr(x: np.ndarray, x_hat: np.ndarray, mask: np.ndarray) -> float:
    """PSNR in dB over the pixels outside `mask`; NaN if there are none."""
    return ewpsnr(x, x_hat, ~mask.astype(bool))


def top_fraction_mask(saliency: np.ndarray, fraction: float) -> np.ndarray:
    """The most salient pixels: bool [H, W] with round(fraction H W) pixels set.

    Equal values are taken in raster order, so that the mask is the same everywhere.
    """
    values = saliency.ravel()
    count = round(fraction * values.size)
    mask = np.zeros(values.size, bool)
    if count:
        threshold = np.partition(values, -count)[-count]
        mask = values > threshold
        ties = np.flatnonzero(values == threshold)
        mask[ties[: count - mask.sum()]] = True
    return mask.reshape(saliency.shape)


def boxes_mask(boxes, height: int, width: int) -> np.ndarray:
    """The pixels that any box touches: bool [H, W].

    Args:
      boxes: rows [left, top, right, bottom] in pixels, fractions allowed; pixel i
        spans i to i + 1. Parts outside the image are ignored.
    """
    mask = np.zeros((height, width), bool)
    for left, top, right, bottom in boxes:
        rows = slice(max(0, int(np.floor(top))), max(0, int(np.ceil(bottom))))
        columns = slice(max(0, int(np.floor(left))), max(0, int(np.ceil(right))))
        mask[rows, columns] = True
    return mask


def all_metrics(
    x: np.ndarray,
    x_hat: np.ndarray,
    saliency: np.ndarray,
    weights: Mapping[str, np.ndarray] | None = None,
    boxes=None,
    mask: np.ndarray | None = None,
) -> dict[str, float]:
    """Computes all METRICS of one image, by name; NaN where not defined.

    Args:
      x, x_hat: uint8 [H, W, 3].
      saliency: [H, W] in 0..1, the map that scores: "ewpsnr", "weighted-ms-ssim"
        and, by its most salient pixels, "roi-psnr-5" and so on. A constant map
        singles out no pixels, so the latter are then NaN.
      weights: further weights [H, W] of an EWPSNR, such as those of a training run, by
        the metric's name, "ewpsnr-train".
      boxes: annotated regions as in `boxes_mask`, for "boxes-psnr".
      mask: bool [H, W], an annotated region, for "mask-psnr". As an image without
        boxes, one whose mask is empty has no region and nothing outside it.

    Raises:
      InputError: shapes differ, or a weight is negative or not a number.
    """
    values = dict.fromkeys(METRICS, float("nan"))
    values["mse"] = mse(x, x_hat)
    values["psnr-rgb"] = _psnr_of(values["mse"])
    values["ewpsnr"] = ewpsnr(x, x_hat, saliency)
    for name, weight in (weights or {}).items():
        values[name] = ewpsnr(x, x_hat, weight)
    regions = {}
    if np.ptp(saliency) > 0:
        for p in ROI_PERCENTS:
            regions[f"roi-psnr-{p}"] = top_fraction_mask(saliency, p / 100)
    if boxes:
        regions["boxes-psnr"] = boxes_mask(boxes, *x.shape[:2])
    if mask is not None and mask.any():
        regions["mask-psnr"] = mask
    for name, region in regions.items():
        values[name] = roi_psnr(x, x_hat, region)
        values[f"non-{name}"] = non_roi_psnr(x, x_hat, region)
    plain, weighted = weighted_ms_ssims(x, x_hat, [np.ones_like(saliency), saliency])
    for name, value in (("ms-ssim-rgb", plain), ("weighted-ms-ssim", weighted)):
        values[name], values[f"{name}-db"] = value, similarity_db(value)
    return values


def _check_pair(x: np.ndarray, x_hat: np.ndarray) -> None:
    if x.shape != x_hat.shape or x.ndim != 3 or x.shape[2] != 3:
        raise InputError(
            f"metrics compare two RGB images of one size, not {x.shape} and "
            f"{x_hat.shape}"
        )
    if x.dtype != np.uint8 or x_hat.dtype != np.uint8:
        raise InputError(
            f"metrics compare 8-bit images, not {x.dtype} and {x_hat.dtype}"
        )


def _check_weight(x: np.ndarray, weight: np.ndarray) -> None:
    if weight.shape != x.shape[:2]:
        raise InputError(
            f"the weight is {weight.shape}, the image {x.shape[:2]}: resize the map"
        )
    if not np.all(weight >= 0):
        raise InputError("a weight is negative or not a number")


def _squared_error(x: np.ndarray, x_hat: np.ndarray) -> np.ndarray:
    """Squared error per pixel, the mean over RGB: float64 [H, W]."""
    _check_pair(x, x_hat)
    difference = x.astype(np.int32) - x_hat
    # Exact, and several times as fast as squares and means of floats.
    return np.einsum("ijk,ijk->ij", difference, difference) / 3


def _weighted_mean(error: np.ndarray, weight: np.ndarray) -> float:
    _check_weight(error, weight)
    weight = weight.astype(np.float64)
    total = weight.sum()
    return float((weight * error).sum() / total) if total > 0 else float("nan")


def _psnr_of(error: float) -> float:
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))
