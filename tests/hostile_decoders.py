"""Decoders that harm their process, for worker processes in tests."""

import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

from curation.cleaning.decode_file import DecodedFile, Settings, decode_file
from curation.cleaning.fetched import BY_DEFAULT, Fetching
from curation.cleaning.tasks import RawFile
from curation.video.declared import declared_frames
from tests.hostile_work import do_harm


def decode_or_do_harm(
    file: RawFile,
    threads: int,
    announce: Callable[[int], None],
    *,
    raw_folder: Path,
    shard_folder: Path,
    settings: Settings,
) -> DecodedFile:
    """Decode a file; then do the harm that its last line asks for, as `ORDER WORD` or `ORDER WORD:PATH`."""
    decoded = decode_file(file, threads, announce, raw_folder=raw_folder, shard_folder=shard_folder, settings=settings)
    last_line = (raw_folder / file.path).read_bytes().rpartition(b"\n")[2]
    if last_line.startswith(b"ORDER "):
        do_harm(last_line.removeprefix(b"ORDER ").decode(), threads, announce)
    return decoded


def decode_where_a_function_raises(
    file: RawFile,
    threads: int,
    announce: Callable[[int], None],
    *,
    raw_folder: Path,
    shard_folder: Path,
    settings: Settings,
) -> DecodedFile:
    """Decode a file; while that is done, the function that its name names raises what no decoder should raise."""
    words = file.path.partition("@")[2].rpartition(".")[0]
    fault = AssertionError(f"of {words}")
    with patch(words, side_effect=fault) if words else nullcontext():
        return decode_file(file, threads, announce, raw_folder=raw_folder, shard_folder=shard_folder, settings=settings)


def count_or_do_harm(path: Path, threads: int, announce: Callable[[int], None]) -> int:
    """Return the frames that a video declares, or do the harm that its last line asks for."""
    last_line = path.read_bytes().rpartition(b"\n")[2]
    if last_line.startswith(b"ORDER "):
        do_harm(last_line.removeprefix(b"ORDER ").decode(), threads, announce)
    return declared_frames(path)


def _crash(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _hang(*_: object, **__: object) -> None:
    signal.pause()


def decode_with_harm(
    file: RawFile,
    threads: int,
    announce: Callable[[int], None],
    *,
    raw_folder: Path,
    shard_folder: Path,
    settings: Settings,
    fetching: Fetching = BY_DEFAULT,
) -> DecodedFile:
    """Decode a file; what its name says does harm to the process."""
    step, _, harm = Path(file.path).stem.partition(" ")
    places = {
        "fetch": "curation.buckets.fetching.fetch",
        "count": "curation.video.declared.declared_frames",
        "decode": "curation.cleaning.decode_file._decode_image",
        "watch": "curation.cleaning.decode_file._decode_video",
    }
    options = {"raw_folder": raw_folder, "shard_folder": shard_folder, "settings": settings, "fetching": fetching}
    if step not in places:
        return decode_file(file, threads, announce, **options)  # type: ignore[arg-type]
    with patch(places[step], {"crashes": _crash, "hangs": _hang}[harm]):
        return decode_file(file, threads, announce, **options)  # type: ignore[arg-type]
