"""Tests of `curation.model`."""
