"""Pictures or curves in, numbers out."""
