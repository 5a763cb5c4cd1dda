"""Asking many raw files what their headers say, in worker processes: opening a file may do harm to who opens it."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from curation.core.cores import available_cores
from curation.workers.outcomes import Done, Limits
from curation.workers.processes import run_in_workers
from curation.workers.worker import Announce

Answer = TypeVar("Answer")

_LIMITS = Limits(timeout_s=60, memory_mb=4096)


def asked(
    paths: Sequence[Path],
    ask: Callable[[Path, int, Announce], Answer],
    size_of: Callable[[Path], int],
    *,
    files_per_batch: int,
) -> dict[Path, Answer]:
    """Return what is found out about files, of those that do no harm to the process that opens them.

    Args:
        paths: the files.
        ask: what asks one file; must be importable by the workers.
        size_of: returns the size of a file, bytes.
        files_per_batch: how many a worker gets at once.
    """
    batches = [paths[start : start + files_per_batch] for start in range(0, len(paths), files_per_batch)]
    cores = available_cores()
    events = run_in_workers(ask, batches, workers=cores, cores=cores, limits=_LIMITS, size_of=size_of)
    with closing(events):
        return {path: event.result for path, event in events if isinstance(event, Done)}
