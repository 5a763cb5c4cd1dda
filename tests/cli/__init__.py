"""Tests of `curation.cli`."""
