"""The forger's game, in which one tells a GAN's pictures from real ones."""
