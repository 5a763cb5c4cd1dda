"""The datapool: its files, how they are read, written, and united."""
