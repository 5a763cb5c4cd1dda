"""Tests of `curation.video`."""
