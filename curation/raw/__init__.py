"""Raw files: which there are, which are wanted, what they and their samples are called."""
