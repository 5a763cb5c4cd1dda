"""Giving memory back to the system: allocators keep what was freed, and what others take then comes on top of it."""

import ctypes
import gc
import sys

import pyarrow as pa

MANY = 100_000
"""Rows of a table whose memory is worth the tenth of a second that giving it back may take."""


def give_back(rows: int) -> None:
    """Return the memory that a table took and that is free again, as far as its allocators can.

    Args:
        rows: that the table had; for few nothing is done.
    """
    if rows <= MANY:
        return
    gc.collect()
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # glibc has it: man 3 malloc_trim
        trim(0)
