"""Tests of `curation.embeddings`."""
