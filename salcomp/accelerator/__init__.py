"""The training step on devices that TensorFlow cannot drive."""
