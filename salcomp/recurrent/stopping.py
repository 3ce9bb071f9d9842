"""Where to spend iterations: rules by which blocks stop, and encoders that follow them.

A rule looks at the course of a picture whose blocks all have all iterations: the
weighted error and the bits of each block. Any model will do, and any weight: that of a
saliency map, for which the model need not have been trained, or 1 everywhere. The
decoder is told where blocks stop, and nothing of the map. Johnston et al. (CVPR 2018)
let a block stop at a quality that is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from salcomp.codec.base import Encoded
from salcomp.codec.encoders import tell
from salcomp.codec.rate_search import closest
from salcomp.config.geometry import STRIDE
from salcomp.recurrent.codec import RecurrentCodec

Rule = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From errors, as those of a `Course`, and bits, both [T, h, w], to stops.

The stops are int [h, w], how many iterations each block has: 1 to T.
"""
Weight = Callable[[np.ndarray], np.ndarray]
"""The weight of the errors at a map, float32 [H, W] to the same; proportions count."""

# What the rate is found among, by binary search: from one iteration everywhere to all.
_LAMBDAS = np.geomspace(1e-6, 10, 141).tolist()


def by_gain(lmbda: float) -> Rule:
    """A block has as many iterations as make bits + lambda * weighted error least.

    Lambda is in bit per squared 8-bit level, as that of refinement is.
    """

    def rule(errors, bits):
        return (bits.cumsum(axis=0) + lmbda * errors).argmin(axis=0) + 1

    return rule


def by_error(most: float) -> Rule:
    """A block stops when its weighted mean squared error is at most `most`, if ever."""

    def rule(errors, bits):
        reached = errors <= most * STRIDE**2
        reached[-1] = True
        return reached.argmax(axis=0) + 1

    return rule


class Adaptive:
    """An encoder as `codec.encoders` has them, whose blocks stop by a rule.

    It codes a picture twice: to see what iterations bring, and then with the stops.
    """

    workers = 1

    def __init__(
        self,
        codec: RecurrentCodec,
        rule: Rule | None,
        weight_of: Weight | None = None,
        iterations: int | None = None,
    ):
        """Makes an encoder.

        Args:
          rule: None if no block stops early.
          weight_of: uniform if None.
          iterations: the most that a block has, 1 to T; T if None.
        """
        self._codec, self._rule = codec, rule
        self._weight_of = weight_of
        self._iterations = min(filter(None, (iterations, codec.config.iterations)))
        self.max_pixels = codec.max_pixels
        self.uses_map = codec.config.condition_encoder or (
            rule is not None and weight_of is not None
        )

    def encode(self, name: str, rgb: np.ndarray, saliency: np.ndarray) -> Encoded:
        """Encodes uint8 [H, W, 3] under a map, float32 [H, W], 0..1."""
        del name
        by_rule = self.looked_at(rgb, saliency)
        return by_rule(self._rule)

    def looked_at(
        self, rgb: np.ndarray, saliency: np.ndarray
    ) -> Callable[[Rule | None], Encoded]:
        """Codes a picture once; gives what encodes it by any rule."""
        codec, size = self._codec, rgb.shape[:2]
        weight = (self._weight_of or np.ones_like)(saliency)
        weight = weight / weight.mean()
        everywhere = np.full(codec.latent_shape(*size)[1:3], self._iterations)
        course = codec.run(rgb, saliency, everywhere, weight)
        errors = course.errors[: self._iterations]
        bits = codec.block_bits(course.latents)[: self._iterations]

        def encode(rule: Rule | None) -> Encoded:
            latents = course.latents
            if rule is not None:
                stops = rule(errors, bits)
                latents = codec.run(rgb, saliency, stops, weight).latents
            return codec.encode_latents(latents, size)

        return encode


class AtRate(Adaptive):
    """An encoder by gain, with whichever lambda comes closest to a rate."""

    def __init__(self, codec, bpp: float, weight_of=None, iterations=None):
        """Makes an encoder; `bpp` is the rate of the whole file in bit per pixel."""
        super().__init__(codec, by_gain(1.0), weight_of, iterations)
        self._bpp = bpp

    def encode(self, name: str, rgb: np.ndarray, saliency: np.ndarray) -> Encoded:
        """As `Adaptive.encode`; logs what was reached."""
        by_rule = self.looked_at(rgb, saliency)
        lmbda, encoded, within = closest(
            lambda lmbda: by_rule(by_gain(lmbda)), _LAMBDAS, self._bpp
        )
        tell(name, self._bpp, encoded, within, f"lambda {lmbda:.3g}")
        return encoded
