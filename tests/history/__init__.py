"""Tests of `curation.history`."""
