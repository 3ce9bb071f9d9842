"""Small recurrent models for the tests."""

from __future__ import annotations


def small_config(**changes):
    """The smoke preset's configuration with some fields changed."""
    from salcomp.recurrent.config import RECURRENT

    return RECURRENT.make("smoke", **changes)


def untrained_codec(**changes):
    """The codec of a model with random weights, the same each time."""
    import tensorflow as tf

    from salcomp.recurrent.codec import RecurrentCodec
    from salcomp.recurrent.model import RecurrentCoder
    from salcomp.zoo.exported import Export

    tf.keras.utils.set_random_seed(0)
    model = RecurrentCoder(small_config(**changes))
    return RecurrentCodec(Export(model, model.tables(), bytes(32), 0))
