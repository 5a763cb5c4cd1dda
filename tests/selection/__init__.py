"""Tests of `curation.selection`."""
