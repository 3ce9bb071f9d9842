"""The flags of a tool: absl's, each defined in one call."""

from __future__ import annotations

from absl import flags


def _defining(define):
    def method(self, *arguments, **keywords):
        define(*arguments, flag_values=self, **keywords)

    method.__doc__ = f"As `absl.flags.{define.__name__}`, among these flags."
    return method


class Flags(flags.FlagValues):
    """The flags of one tool, and no others."""

    boolean = _defining(flags.DEFINE_boolean)
    enum = _defining(flags.DEFINE_enum)
    float = _defining(flags.DEFINE_float)
    integer = _defining(flags.DEFINE_integer)
    list = _defining(flags.DEFINE_list)
    multi_string = _defining(flags.DEFINE_multi_string)
    string = _defining(flags.DEFINE_string)
