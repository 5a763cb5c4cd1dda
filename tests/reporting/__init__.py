"""Tests of `curation.reporting`."""
