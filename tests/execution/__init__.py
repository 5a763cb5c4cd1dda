"""Tests of `curation.execution`."""
