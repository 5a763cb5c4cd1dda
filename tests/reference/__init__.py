"""Tests of `curation.reference`."""
