"""What counts as the code of a stage, and one digest of it."""
