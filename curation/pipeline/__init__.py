"""The paths and the commands that the stages of the pipeline have in common."""
