"""The same as `python -m salcomp.compress`, under the name that it had for a GAN."""

from salcomp import cli
from salcomp.compress import FLAGS, main

__all__ = ["FLAGS", "main"]

if __name__ == "__main__":
    cli.run(main)
