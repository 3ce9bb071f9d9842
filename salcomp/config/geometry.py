"""How far transforms and measures see: geometry of convolutions and of windows.

Dilated layers, 3x3 convolutions whose taps lie `rate` samples apart (Yu and Koltun,
"Multi-scale context aggregation by dilated convolutions", ICLR 2016), may stand between
the second and the third convolution of g_a, and in the mirrored place of g_s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

# (support, stride) of the convolutions of g_a, in order.
CONVOLUTIONS = ((9, 4), (5, 2), (5, 2))
# Image samples per latent, along each side.
STRIDE = math.prod(stride for _, stride in CONVOLUTIONS)
# Latents per latent of a hyperprior, along each side.
HYPER_STRIDE = 4
# After which convolution of g_a the dilated layers stand, and their support.
DILATED_AFTER, DILATED_SUPPORT = 1, 3
# MS-SSIM (Wang, Simoncelli, Bovik, Asilomar 2003): the exponents of the scales, the
# Gaussian windows in samples, the constants.
EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
SIGMA, RADIUS = 1.5, 5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# The smallest side for which the last of five scales still holds one whole window: 176.
# Below, MS-SSIM is not defined without dropping scales.
MIN_SIDE = (2 * RADIUS + 1) * 2 ** (len(EXPONENTS) - 1)

# Rows of latents around a strip that the layers without dilation need: one row of g_a's
# output sees 57 pixels, plus the 3x3 kernels of modulation at each resolution; g_s
# reaches less than 2 rows.
_PLAIN_HALO = 4


def of_latent(dilation_rates: Sequence[int]) -> int:
    """The side, in pixels, of the square of the image that one latent sees."""
    pixels, reduction = 1, 1
    for i, (support, stride) in enumerate(CONVOLUTIONS):
        pixels += (support - 1) * reduction
        reduction *= stride
        if i == DILATED_AFTER:
            for rate in dilation_rates:
                pixels += (DILATED_SUPPORT - 1) * rate * reduction
    return pixels


def halo(dilation_rates: Sequence[int]) -> int:
    """Rows of latents around a strip on which its values depend, in both transforms."""
    added = (of_latent(dilation_rates) - of_latent(())) // 2  # pixels to one side
    return _PLAIN_HALO + -(-added // STRIDE)
