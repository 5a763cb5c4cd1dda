"""What becomes of every raw file and sample."""
