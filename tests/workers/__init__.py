"""Tests of `curation.workers`."""
