"""Tests of `curation.datapool`."""
