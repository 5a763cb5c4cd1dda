"""Networks, their weights and the names these have elsewhere."""
