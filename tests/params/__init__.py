"""Tests of `curation.params`."""
