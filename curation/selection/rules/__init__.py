"""Rules that choose samples."""
