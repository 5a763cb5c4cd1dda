"""Attacks on everything that is written and read, and what became of them: `make torture`."""
