"""Giving memory back to the system: allocators keep what was freed, and what others take then comes on top of it."""

import ctypes
import gc
import sys

import pyarrow as pa


def give_back() -> None:
    """Return the memory that tables took and that is free again, as far as its allocators can."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # glibc has it: man 3 malloc_trim
        trim(0)
