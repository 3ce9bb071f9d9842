"""The codec as TensorFlow: tensors in and out, no file, no flag."""
