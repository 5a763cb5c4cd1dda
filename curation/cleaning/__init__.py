"""The fate of every raw file and sample."""
