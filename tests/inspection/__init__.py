"""Tests of `curation.inspection`."""
