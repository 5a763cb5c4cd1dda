"""Work that worker processes would do, done at once: they take seconds to start."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from curation.workers.outcomes import Done


def in_this_process(
    work: Callable[..., Any], batches: Sequence[Sequence[Any]], **_: object
) -> Iterator[tuple[Any, Done[Any]]]:
    """Do at once what `run_in_workers` gives to worker processes."""
    return ((item, Done(work(item, 1, lambda _: None))) for batch in batches for item in batch)
