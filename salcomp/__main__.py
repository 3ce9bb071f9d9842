"""`salcomp TOOL ...` is `python -m salcomp.TOOL ...`."""

from __future__ import annotations

import importlib

import salcomp
from salcomp import cli
from salcomp.errors import InputError

TOOLS = {
    "train": "train a model on RGBA PNG images",
    "export": "make a model that can be used of any checkpoint of a run",
    "export_step": "the training step, for accelerators that TensorFlow cannot drive",
    "run_step": "train by an exported step, with JAX and without TensorFlow",
    "compress": "images to .salc files",
    "decompress": ".salc files to PNG images",
    "compare": "a page that shows photographs coded in several ways, at the same bytes",
    "evaluate": "rates and qualities of models and of other codecs on images",
    "extreme_gan.train": "train the GAN baseline of 2019, as published or repaired",
    "recurrent.train": "train the recurrent codec of 2017, one model for all rates",
    "extreme_gan.export": "another name of export",
    "extreme_gan.compress": "another name of compress",
    "extreme_gan.decompress": "another name of decompress",
}


def usage() -> str:
    """The list of tools, with a line on each."""
    lines = [f"  {tool:<24}{purpose}" for tool, purpose in TOOLS.items()]
    return "\n".join(
        [
            f"{salcomp.__doc__}\n",
            "usage: salcomp TOOL [FLAGS AND FILES]",
            "       salcomp TOOL --help    lists the tool's flags",
            "       salcomp --version\n",
            "tools:",
            *lines,
        ]
    )


def run_tool(argv: list[str]) -> int | None:
    """Runs the tool that `argv` names after the program, on the arguments after it.

    Raises:
      InputError: there is no such tool; and what the tool raises.
    """
    tool = argv[1] if len(argv) > 1 else "--help"
    if tool in ("--help", "-h", "help"):
        print(usage())
        return None
    if tool == "--version":
        print(f"salcomp {salcomp.__version__}")
        return None
    if tool not in TOOLS:
        raise InputError(f"no tool {tool!r}; the tools are {', '.join(TOOLS)}")
    # One module only: some tools start without TensorFlow, which takes seconds.
    module = importlib.import_module(f"salcomp.{tool}")
    return module.main([f"salcomp {tool}", *argv[2:]])


def main() -> None:
    """The entry point of the console script."""
    cli.run(run_tool)


if __name__ == "__main__":
    main()
