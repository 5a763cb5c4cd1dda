"""Formats of exported lists, one a file: each says in `FORMAT` what it is (`curation.export.format`)."""
