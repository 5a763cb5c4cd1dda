"""Work that worker processes would do, done at once: they take seconds to start."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from curation.workers.outcomes import Done

USERS = ("curation.cleaning.decode_files", "curation.export.images", "curation.workers.asking")
"""The modules that start worker processes."""


def in_this_process(
    work: Callable[..., Any], batches: Sequence[Sequence[Any]], **_: object
) -> Iterator[tuple[Any, Done[Any]]]:
    """Do at once what `run_in_workers` gives to worker processes; what comes and goes is a copy, as there."""
    return ((item, Done(_copy(work(_copy(item), 1, lambda _: None)))) for batch in batches for item in batch)


def _copy(message: Any) -> Any:
    return pickle.loads(pickle.dumps(message))
