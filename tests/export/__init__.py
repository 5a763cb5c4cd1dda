"""Tests of `curation.export`."""
