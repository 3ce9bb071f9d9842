"""Why the GAN baseline of 2019 overfitted."""
