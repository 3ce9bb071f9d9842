"""From pictures to frames: found, cut, packed, recorded."""
