"""Keeping what becomes of each file as soon as it is decoded, in the process that has decoded it.

Each worker appends to a pack of its own. So a run that is killed has lost the files that were in hand, one a worker.
"""

import errno
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

from curation.cleaning.decode_file import DecodedFile
from curation.cleaning.packs import add_outcome, outcome_of
from curation.cleaning.tasks import RawFile
from curation.core.kinds import IMAGE
from curation.raw.tracks import file_on_disk
from curation.workers.worker import Announce

PACK_BYTES: Final = 64 << 20
"""A pack that has grown so large is left as it is, and the next one begun."""

_RECORDS: Final = 64
"""Records of images after which the free space is looked at once more; the record of a video may be large."""

_OF_THE_MACHINE: Final = tuple(
    os.strerror(number)
    for number in (
        *(errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM),
        *(errno.ESTALE, errno.ETIMEDOUT, errno.ECONNRESET, errno.ENODEV, errno.ENOENT, errno.EBUSY),
    )
)
"""Words about a file that tell of the machine, and not of its content."""


@dataclass(frozen=True)
class Journal:
    """Where a worker keeps what it has decoded.

    Attributes:
        folder: of the packs.
        ending: of the name of each pack.
        least_free: bytes that stay free in the file system: the run itself needs them.
        since_ns: when the run began; a file that was changed after that may not be what its key says.
    """

    folder: Path
    ending: str
    least_free: int
    since_ns: int


@dataclass(frozen=True)
class Kept:
    """What became of a file.

    Attributes:
        decoded: the file.
        trouble: why what this worker decodes is kept no more, if that is so since this file; else empty.
    """

    decoded: DecodedFile
    trouble: str = ""


class Keeping:
    """Decodes files, and keeps what becomes of those that have a key.

    Args:
        decode: what decodes one file.
        journal: None: nothing is kept.
        raw_folder: where the raw files are.
        shard_folder: where `decode` writes.
    """

    def __init__(
        self,
        decode: Callable[[RawFile, int, Announce], DecodedFile],
        journal: Journal | None,
        raw_folder: Path,
        shard_folder: Path,
    ) -> None:
        self._decode = decode
        self._journal = journal
        self._raw_folder = raw_folder
        self._shard_folder = shard_folder
        self._pack: FileIO | None = None
        self._size = 0
        self._records = 0

    def __call__(self, file: RawFile, threads: int, announce: Announce) -> Kept:
        """Decode one file; the worker process calls this."""
        decoded = self._decode(file, threads, announce)
        journal = self._journal
        if journal is None or not file.key or not self._is_of_content(decoded, file, journal):
            return Kept(decoded)
        try:
            self._keep(journal, file.key, decoded, announce)
        except MemoryError:  # the file was decoded within its limit, and that counts
            return Kept(decoded)
        except OSError as error:
            self._journal = None
            return Kept(decoded, os.strerror(error.errno) if error.errno else str(error))
        return Kept(decoded)

    def _is_of_content(self, decoded: DecodedFile, file: RawFile, journal: Journal) -> bool:
        """Return whether the outcome comes from what the file held when it was listed, and from nothing else."""
        if not decoded.is_corrupt and not decoded.shard:  # it was not decoded, since its content was known
            return False
        path = f"{self._raw_folder}/{file.path}"
        place = path if file.source is None else str(self._shard_folder)
        if decoded.reason and any(words in decoded.reason for words in (place, *_OF_THE_MACHINE)):
            return False
        if file.source is not None:  # what was fetched is what was listed, or it is unreachable
            return not decoded.is_unreachable
        try:
            return _changed_ns(path) < journal.since_ns
        except OSError:
            return False

    def _keep(self, journal: Journal, key: str, decoded: DecodedFile, announce: Callable[[int], None]) -> None:
        """Append to this worker's pack.

        Raises:
            OSError: it cannot be written, or there is too little space for it.
        """
        pack = self._pack or _new_pack(journal)
        self._pack = pack
        if decoded.media != IMAGE or self._records % _RECORDS == 0:
            _require_space(pack, journal.least_free)
        try:
            self._size += add_outcome(pack, outcome_of(key, decoded, self._shard_folder), lambda: announce(0))
        except BaseException:
            pack.truncate(self._size)
            pack.seek(self._size)
            raise
        self._records += 1
        if self._size >= PACK_BYTES:
            self.close()

    def close(self) -> None:
        """Close the pack; the next record begins another one."""
        if self._pack is not None:
            self._pack.close()
        self._pack, self._size = None, 0


def _changed_ns(path: str) -> int:
    """Return when a file was changed last, nanoseconds; of a further track of a video the file that has it."""
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return file_on_disk(Path(path)).stat().st_mtime_ns


def _require_space(pack: FileIO, least_free: int) -> None:
    """Make sure that the run itself has room enough.

    Raises:
        OSError: it has not.
    """
    space = os.fstatvfs(pack.fileno())
    if space.f_bavail * space.f_frsize < least_free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _new_pack(journal: Journal) -> FileIO:
    """Create a pack under a name that no other process has."""
    journal.folder.mkdir(parents=True, exist_ok=True)
    return FileIO(journal.folder / f"{secrets.token_hex(8)}{journal.ending}", "x")
