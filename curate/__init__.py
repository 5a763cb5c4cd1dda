"""`python -m curate` is the command-line tool of `curation.cli`."""
