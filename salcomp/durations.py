"""Spans of time in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """A span of time in its largest fitting unit, such as "2.5 hours"."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
