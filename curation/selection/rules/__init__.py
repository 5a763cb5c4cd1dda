"""Rules that choose samples, one a file: each says in `RULE` what it is (`curation.selection.rule`)."""
