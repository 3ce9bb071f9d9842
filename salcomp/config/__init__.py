"""What a run is told, as numbers and words, without TensorFlow."""
