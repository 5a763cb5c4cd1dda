"""Tests of `curation.cleaning`."""
