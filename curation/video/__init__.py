"""Videos: their packets, their frames, and whether all came that should."""
