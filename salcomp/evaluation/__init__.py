"""Many pictures and many codecs, measured and drawn."""
