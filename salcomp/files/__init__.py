"""Bytes on disk, without any idea of a codec."""
