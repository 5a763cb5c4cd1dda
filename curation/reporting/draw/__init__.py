"""Charts, pictures and typefaces of the report."""
