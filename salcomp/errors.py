"""The errors that salcomp raises: one line each, what is wrong and what to do."""


class SalcompError(Exception):
    """Base of all errors that a user can cause and mend."""


class InputError(SalcompError):
    """A file, folder or flag that the user gave cannot be used."""


class OutputError(InputError):
    """An output cannot be written: no room, no right, or no such place."""


class BitstreamError(SalcompError):
    """A compressed file cannot be decoded: damaged, or of another version or model."""


class DivergenceError(SalcompError):
    """Training produced a loss that is not finite."""
