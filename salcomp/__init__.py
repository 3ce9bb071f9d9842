"""salcomp: an image codec that spends its bits where people look."""

import os

__version__ = "0.2.0"

# TensorFlow's C++ side reports missing GPUs as errors when it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow leaves oneDNN off on processors without AVX-512. It is faster there too,
# and without it dilated convolutions have no gradient. One set of kernels everywhere.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
