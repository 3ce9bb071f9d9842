"""The demonstration: a photograph by several codecs, and a training of both arms."""
