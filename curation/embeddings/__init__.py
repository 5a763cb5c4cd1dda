"""Embedding shards: content-addressed tables of samples with their embeddings."""
