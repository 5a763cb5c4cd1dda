"""Tests of `curation.raw`."""
