"""What the stages of the pipeline have in common: their paths and their commands."""
