"""Writing files so that they are complete or absent, and equal for equal content."""
