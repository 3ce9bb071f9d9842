"""The same as `python -m salcomp.export`, under the name that it had for a GAN."""

from salcomp import cli
from salcomp.export import FLAGS, main

__all__ = ["FLAGS", "main"]

if __name__ == "__main__":
    cli.run(main)
