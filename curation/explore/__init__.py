"""One table of all samples that a revision knows, and tools that show a million of them."""
