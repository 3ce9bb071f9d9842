"""The training loop: `run.train` and what it is made of."""
