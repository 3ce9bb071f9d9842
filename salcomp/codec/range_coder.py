"""Symbols to bytes and back, by the range coder of tensorflow-compression.

A symbol's table is that of its channel, or one that an index names. Tables have no
escapes, from which tfc's decoder does not always return: any bytes decode to symbols.
"""

from __future__ import annotations

import tensorflow as tf
import tensorflow_compression as tfc

_SYMBOLS = tf.TensorSpec((1, None, None, None), tf.int32)
_CDF = tf.TensorSpec([None], tf.int32)
_PAYLOAD = tf.TensorSpec([], tf.string)


@tf.function(input_signature=[_SYMBOLS, _CDF])
def encode(symbols, cdf):
    """Encodes int32 [1, h, w, N], each channel by its table of `prior.Tables.cdf`."""
    handle = tfc.create_range_encoder([1], cdf)
    handle = tfc.entropy_encode_channel(handle, symbols)
    return tfc.entropy_encode_finalize(handle)[0]


@tf.function(input_signature=[_PAYLOAD, tf.TensorSpec([3], tf.int32), _CDF])
def decode(payload, shape, cdf):
    """Symbols of a shape [h, w, N], and whether the payload ended where it should."""
    handle = tfc.create_range_decoder(payload[None], cdf)
    handle, symbols = tfc.entropy_decode_channel(handle, shape, tf.int32)
    return symbols[0], tfc.entropy_decode_finalize(handle)[0]


@tf.function(input_signature=[_SYMBOLS, _SYMBOLS, _CDF])
def encode_indexed(symbols, index, cdf):
    """Encodes int32 [1, h, w, N], each by the table that an index, alike, names."""
    handle = tfc.create_range_encoder([1], cdf)
    handle = tfc.entropy_encode_index(handle, index, symbols)
    return tfc.entropy_encode_finalize(handle)[0]


@tf.function(input_signature=[_PAYLOAD, _SYMBOLS, _CDF])
def decode_indexed(payload, index, cdf):
    """Symbols shaped as their indices, and whether the payload ended as it should."""
    handle = tfc.create_range_decoder(payload[None], cdf)
    shape = tf.shape(index)[1:]
    handle, symbols = tfc.entropy_decode_index(handle, index, shape, tf.int32)
    return symbols, tfc.entropy_decode_finalize(handle)[0]
