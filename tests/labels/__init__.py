"""Tests of `curation.labels`."""
