"""Where the map of an image comes from: the `--saliency` option of the tools.

Also the masks of `--roi_masks`, which mark a region and are found in the same way.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np
from PIL import Image as pil

from salcomp.errors import InputError
from salcomp.files import disk, images, notices

# For the help of the flag.
CHOICES = (
    "`auto`: the image's alpha channel, or a centre prior where it has none; `center`: "
    "the centre prior; `uniform`: everywhere alike; or a path, to a grey mask file "
    "(white is salient) of any size or to a folder of masks named as the images are."
)

# Of the Gaussian to which fixations of ten data sets were fitted; lengths are in half
# widths of the image, and the vertical variance is that fraction of the horizontal
# one: Clarke and Tatler, "Deriving an appropriate baseline for describing fixation
# behaviour", Vision Research 102, 2014.
FIXATION_VARIANCE = 0.23
FIXATION_ANISOTROPY = 0.45


# EXIF's orientations that exchange height and width, and how they are undone.
_TURNS = {
    5: pil.Transpose.TRANSPOSE,
    6: pil.Transpose.ROTATE_270,
    7: pil.Transpose.TRANSVERSE,
    8: pil.Transpose.ROTATE_90,
}


def saliency_for(
    spec: str,
    path: str | os.PathLike,
    image: images.Image,
    max_pixels: int = images.MAX_PIXELS,
) -> tuple[np.ndarray, str]:
    """Finds the saliency map of one image, and says in a few words where it is from.

    It is float32 [H, W], with values in 0..1 as in the mask (white is 1), which are not
    stretched to fill that range.

    Args:
      spec: `auto`, `center`, `uniform`, or the path of a mask file or of a folder with
        one, as `CHOICES` tells.
      path: the image's file; its stem names the mask in a folder.
      max_pixels: most pixels of a mask.

    Raises:
      InputError: there is no such mask, or not just one; or it is in colour, or zero
        everywhere, which would leave nothing to weigh.
    """
    height, width = image.rgb.shape[:2]
    if spec == "uniform":
        return np.ones((height, width), np.float32), "uniform"
    if spec == "auto" and image.alpha is not None:
        return _from_uint8(image.alpha), "alpha channel of the image"
    if spec in ("auto", "center"):
        return center_prior(height, width), "centre prior"
    mask_path = find_mask(
        "saliency", spec, Path(path), "; the other choices are auto, center and uniform"
    )
    mask = read_mask_for(mask_path, (height, width), image.orientation, max_pixels)
    saliency = resize(mask, height, width)
    if not saliency.any():
        raise InputError(
            f"{mask_path}: zero everywhere; --saliency=uniform prefers no place"
        )
    return saliency, f"mask {mask_path}"


def region_for(spec: str, path: str | os.PathLike, image: images.Image) -> np.ndarray:
    """Finds the region that a mask marks in one image: where it is half white or more.

    It is bool [H, W], False everywhere for a black mask.

    Args:
      spec: the path of a folder of grey masks, of any size and named as the images
        are, or of one mask file.

    Raises:
      InputError: there is no such mask, or not just one; or it is in colour.
    """
    height, width = image.rgb.shape[:2]
    mask_path = find_mask("roi_masks", spec, Path(path))
    mask = read_mask_for(mask_path, (height, width), image.orientation) >= 0.5
    white = pil.fromarray(mask.astype(np.uint8))
    resized = white.resize((width, height), pil.Resampling.NEAREST)
    return np.asarray(resized).astype(bool)


def center_prior(height: int, width: int, aspect: float | None = None) -> np.ndarray:
    """Where people look in a picture of which nothing is known: near its centre.

    float32 [height, width] in 0..1: an anisotropic Gaussian, with standard deviations
    of .24 widths across and .16 widths down (Clarke and Tatler 2014), and a maximum of
    1. `aspect` is the picture's height over its width, where the map's is another.
    """
    aspect = height / width if aspect is None else aspect
    across = _gaussian(width, 1.0, FIXATION_VARIANCE)
    down = _gaussian(height, aspect, FIXATION_VARIANCE * FIXATION_ANISOTROPY)
    return np.outer(down, across).astype(np.float32)


def _gaussian(cells: int, extent: float, variance: float) -> np.ndarray:
    """A Gaussian over cells that span an extent, in widths of the picture."""
    half_widths = (np.arange(cells) - (cells - 1) / 2) * (2 * extent / cells)
    values = np.exp(-(half_widths**2) / (2 * variance))
    return values / values.max()


def find_mask(flag: str, spec: str, image_path: Path, choices: str = "") -> Path:
    """Finds the mask file that `--FLAG=SPEC` means for an image.

    Args:
      spec: path of a mask, or of a folder of masks named as the images are, right in
        it or in folders that are named as those of the images.
      choices: what else the flag takes, for the message.

    Raises:
      InputError: there is no such mask, or not just one.
    """
    given = Path(spec).expanduser()
    if given.is_file():
        return given
    if not given.is_dir():
        raise InputError(f"--{flag}={spec}: no such file or folder{choices}")
    above = image_path.absolute().parent.parts[1:]
    found: list[Path] = []
    for i in range(len(above) + 1):
        folder = given.joinpath(*above[i:])
        if not found and ".." not in above[i:] and folder.is_dir():
            # The time tells a folder that has changed from the one that was indexed.
            named = _files_by_stem(folder, folder.stat().st_mtime_ns)
            # In a folder of images beside their masks, the image is not its own mask.
            image, found = image_path.resolve(), named.get(image_path.stem, [])
            found = [path for path in found if path.resolve() != image]
    if not found:
        raise InputError(
            f"--{flag}={spec}: has no mask named {image_path.stem}.png; add it"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InputError(f"--{flag}={spec}: several masks fit ({names}); keep one")
    return found[0]


@functools.lru_cache(maxsize=64)
def _files_by_stem(folder: Path, modified_ns: int) -> dict[str, list[Path]]:
    """The images in a folder, listed once for all the images that have masks there."""
    del modified_ns  # a part of the cache's key
    files: dict[str, list[Path]] = {}
    for path in disk.files_in(folder):
        files.setdefault(path.stem, []).append(path)
    return files


def read_mask_for(
    path: Path,
    size: tuple[int, int],
    orientation: int = 1,
    max_pixels: int = images.MAX_PIXELS,
) -> np.ndarray:
    """Reads a mask, and turns it as the image was if it is one of the stored image.

    It is float32 [h, w] in 0..1, of any size. The log has a line where its shape is
    another, so that it will be stretched.

    Args:
      size: (height, width) of the image.
      orientation: by which the image was turned, as `images.Image` has it.
      max_pixels: most pixels of the mask.

    Raises:
      InputError: it cannot be read, or is in colour.
    """
    mask = read_mask(path, max_pixels)
    if not _alike(mask.shape, size):
        if orientation in _TURNS and _alike(mask.shape, size[::-1]):
            return np.asarray(pil.fromarray(mask).transpose(_TURNS[orientation]))
        notices.warn(
            f"{path}: {mask.shape[1]}x{mask.shape[0]} is stretched to the shape of the "
            f"image, {size[1]}x{size[0]}"
        )
    return mask


def _alike(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sizes are in proportion, but for less than a pixel of the first."""
    return abs(size[0] * other[1] - size[1] * other[0]) < max(other)


def read_mask(path: Path, max_pixels: int = images.MAX_PIXELS) -> np.ndarray:
    """Reads the alpha channel of a file that has one, else its grey values as stored.

    They become float32 [H, W] in 0..1. Raises InputError if it cannot be read, or is in
    colour.
    """
    mask = images.read_image(path, max_pixels, to_srgb=False)
    if mask.alpha is not None:
        return _from_uint8(mask.alpha)
    # JPEG moves the colours of a grey picture by a level or two.
    if np.ptp(mask.rgb, axis=2).max() > 8:
        raise InputError(f"{path}: a mask must be grey, or in an alpha channel")
    return _from_uint8(mask.rgb[..., 1])


def _from_uint8(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32) / 255


def resize(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes a float32 map [H, W]: bilinear, averaged where it shrinks."""
    resized = pil.fromarray(mask).resize((width, height), pil.Resampling.BILINEAR)
    return np.clip(np.asarray(resized), 0, 1)


def level_counts(saliency: np.ndarray) -> np.ndarray:
    """Counts the pixels of a map, uint8 [H, W], at each level: int64 [256]."""
    return np.bincount(saliency.ravel(), minlength=256)


def weighting_bound(counts: np.ndarray, floor: float) -> float:
    """Computes 10 log10(AM/GM) of the weights max(s, floor), in dB.

    At high rate, what knowing the weights is worth in weighted PSNR (from Shannon's
    lower bound; Martinian, Wornell, Zamir, "Source coding with distortion side
    information", IEEE Transactions on Information Theory, 2008).

    Args:
      counts: of pixels [256], by level of saliency.
      floor: smallest weight, over 0.
    """
    weights, share = np.maximum(np.arange(256) / 255, floor), counts / counts.sum()
    return float(10 * (np.log10(share @ weights) - share @ np.log10(weights)))


def blur(saliency: np.ndarray, sigma: float) -> np.ndarray:
    """Blurs a float32 map [H, W] by a Gaussian; it keeps its maximum.

    `sigma` is the standard deviation in its pixels; 0 leaves it as it is.
    """
    if not sigma or not saliency.any():
        return saliency
    from scipy import ndimage  # slow to import, and missing where `run_step` runs

    blurred = ndimage.gaussian_filter(saliency, sigma, mode="nearest")
    return blurred * (saliency.max() / blurred.max())
