"""The template itself, run end to end in temporary git and DVC repositories."""
