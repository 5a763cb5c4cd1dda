"""Decoding as `clean` does it, with a limit to the time of it all."""

import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from curation.cleaning.decode_file import DecodedFile, Settings
from curation.cleaning.decode_files import decode_all
from curation.cleaning.tasks import tasks_of
from curation.core.errors import CurationError

BATCH = 250
"""Files decoded in one go."""

_LIMIT_S = 600
"""How long that may take; more is a hang."""

_FILE_LIMIT_S = 20
_MEMORY_MB = 1024
"""The limits of one file; beyond them its decoder is given up, which costs that file."""


def settings_of(corruption_threshold: float) -> Settings:
    """Return settings with which small files are decoded quickly, but for what a video may lack."""
    return Settings(
        max_pixels=10_000_000,
        proxy_size=32,
        corruption_threshold=corruption_threshold,
        decode_timeout_s=_FILE_LIMIT_S,
        decode_memory_mb=_MEMORY_MB,
    )


def outcome_of(file: DecodedFile | None) -> str:
    """Return `kept`, `corrupt`, `unaccounted` for None, or `given up` where the decoder's process was."""
    if file is None:
        return "unaccounted"
    if file.reason.startswith("its decoder"):
        return "given up"
    return "corrupt" if file.is_corrupt else "kept"


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in the main thread after some seconds."""

    def expire(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    former = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds, 5)  # again and again, since it may first meet a clean-up that waits
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def decoded(
    folder: Path, files: Sequence[tuple[str, str, int]], settings: Settings, workers: int
) -> tuple[dict[str, DecodedFile], str]:
    """Decode files as `clean` does.

    Args:
        folder: of raw data.
        files: path, media and declared frames of each.
        settings: of the decoders.
        workers: processes.

    Returns:
        What became of each file; and `crash` or `hang` if that ended the whole, else nothing.
    """
    with tempfile.TemporaryDirectory() as shards:
        try:
            with time_limit(_LIMIT_S):
                results = decode_all(tasks_of(sorted(files)), folder, Path(shards), settings, workers)
        except TimeoutError:
            return {}, "hang"
        except CurationError as error:
            click.echo(str(error), err=True)
            return {}, "crash"
    return {file.path: file for file in results}, ""
