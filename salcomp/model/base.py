"""What runs, exports and codecs need of a model, whatever its kind."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from salcomp.config.base import BaseConfig
from salcomp.model.prior import Tables


class Model(tf.keras.Model):
    """What runs, checkpoints and exports need of a model; it has a `config`."""

    config_class: type[BaseConfig]
    tables_class: type[NamedTuple] = Tables
    """What `tables` gives: arrays by name."""
    parts: tuple[str, ...]
    """Names of the attributes that hold its variables, or None."""
    step_terms: tuple[str, ...]
    """Names of what a training step gives, "loss", "bpp" and "mse" among them."""

    def optimizers(self) -> dict[str, tuple]:
        """Each optimizer with the variables that it trains; none before `compile`."""
        if getattr(self, "optimizer", None) is None:
            return {}
        return {"optimizer": (self.optimizer, self.trainable_variables)}

    def exported_variables(self) -> dict[str, tf.Variable]:
        """By name, the variables that compressing and decompressing need."""
        return named_variables(self)

    def tables(self) -> NamedTuple:
        """The range coder's tables, a `tables_class`."""
        raise NotImplementedError


def to_uint8(rgb: tf.Tensor) -> tf.Tensor:
    """Rounds and clips float RGB to 8 bits."""
    return tf.saturate_cast(tf.round(rgb), tf.uint8)


def named_variables(model: Model) -> dict[str, tf.Variable]:
    """The variables of a model's `parts` by path: `analysis/gdns/0/reparam_beta`."""
    names, seen = {}, set()
    view = tf.train.TrackableView(model)
    parts = [(part, getattr(model, part)) for part in model.parts]
    level = [(path, part) for path, part in parts if part is not None]
    while level:  # breadth first: a variable gets its shortest path
        children = []
        for path, node in level:
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, tf.Variable):
                names[path] = node
            else:
                children += [
                    (f"{path}/{name.strip('_')}", child)
                    for name, child in view.children(node).items()
                ]
        level = children
    return names
