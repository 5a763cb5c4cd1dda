"""Tests of `curation.image`."""
