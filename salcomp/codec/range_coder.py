"""Symbols to bytes and back, by the range coder of tensorflow-compression.

A symbol's table is that of its channel, or one that an index names. Tables have no
escapes of tfc's, from which its decoder does not always return: any bytes decode to
symbols.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_compression as tfc

_SYMBOLS = tf.TensorSpec((1, None, None, None), tf.int32)
_CDF = tf.TensorSpec([None], tf.int32)
_PAYLOAD = tf.TensorSpec([], tf.string)
_SHAPE = tf.TensorSpec([3], tf.int32)


@tf.function(autograph=False, input_signature=[_SYMBOLS, _CDF])
def encode(symbols, cdf):
    """Encodes int32 [1, h, w, N], each channel by its table of `prior.Tables.cdf`."""
    handle = tfc.create_range_encoder([1], cdf)
    handle = tfc.entropy_encode_channel(handle, symbols)
    return tfc.entropy_encode_finalize(handle)[0]


@tf.function(autograph=False, input_signature=[_PAYLOAD, _SHAPE, _CDF])
def decode(payload, shape, cdf):
    """Symbols of a shape [h, w, N], and whether the payload ended where it should."""
    handle = tfc.create_range_decoder(payload[None], cdf)
    handle, symbols = tfc.entropy_decode_channel(handle, shape, tf.int32)
    return symbols[0], tfc.entropy_decode_finalize(handle)[0]


class Encoder:
    """Encodes symbols one lot after another, each by the table that an index names."""

    def __init__(self, cdf: np.ndarray):
        """Begins a string; the tables are as those of `prior.Tables.cdf`."""
        self._handle = tfc.create_range_encoder([], cdf)

    def put(self, symbols: np.ndarray, index: np.ndarray) -> None:
        """Encodes symbols and their indices, int32 of one shape."""
        self._handle = tfc.entropy_encode_index(self._handle, index, symbols)

    def finish(self) -> bytes:
        """The string of all that was put."""
        return tfc.entropy_encode_finalize(self._handle).numpy()


class Decoder:
    """Decodes what an `Encoder` made, lot by lot."""

    def __init__(self, string: bytes, cdf: np.ndarray):
        self._handle = tfc.create_range_decoder(string, cdf)

    def take(self, index: np.ndarray) -> np.ndarray:
        """Decodes symbols, int32 shaped as their indices."""
        self._handle, symbols = tfc.entropy_decode_index(
            self._handle, index, index.shape, tf.int32
        )
        return symbols.numpy()

    def finish(self) -> bool:
        """Whether the string ended where it should."""
        return bool(tfc.entropy_decode_finalize(self._handle))
