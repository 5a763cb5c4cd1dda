"""Tests of `curation.core`."""
