"""Blocks of work side by side on threads. Each block writes to a place of its own, so their number changes nothing."""

from collections.abc import Callable
from concurrent.futures import Executor


def in_blocks(executor: Executor, task: Callable[[int, int], None], length: int, size: int) -> None:
    """Call `task(start, stop)` for consecutive blocks of `range(length)`, and wait for all."""
    if length <= size:
        if length:
            task(0, length)
        return
    stops = [min(start + size, length) for start in range(0, length, size)]
    for _ in executor.map(task, range(0, length, size), stops):
        pass
