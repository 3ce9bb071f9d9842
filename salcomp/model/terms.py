"""What a training step tells of itself, also where there is no TensorFlow."""

from __future__ import annotations

# In the order that a compiled step returns them.
TERMS = ("loss", "bpp", "mse", "weighted_mse", "effective_lambda")
