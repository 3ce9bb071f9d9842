"""What the project measures: a module for each figure or table."""

import salcomp  # noqa: F401 - quiets TensorFlow before a module here imports it
