"""Formats of labels, one a file: each says in `LABEL_FORMAT` what it is (`curation.labels.format`)."""
