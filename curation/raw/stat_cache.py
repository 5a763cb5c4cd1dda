"""What was read of raw files, by what the file system says of them: only new and changed files need be read again.

A file is recognised by its path, size, inode and both of its time stamps. Whatever writes into a file, or puts another
one in its place, changes one of these, but for one case: a file that changes twice within a tick of the file system's
clock, or while a program has it mapped into memory, can keep its stamps. So what was read of a file whose stamps are
younger than `TRUSTED_AFTER_S` is not kept (git's rule for "racily clean" files): it is read once more next time.

The cache's file holds the SHA-256 of the rest of it, which is a Parquet table. Damaged or foreign content counts as
none, so it may be deleted at any time. It has a row for each raw file that was listed last, and no others.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.core.atomic import write_bytes
from curation.raw.tracks import track_hash, track_path

Answer = TypeVar("Answer")

TRUSTED_AFTER_S = 60
"""Longer than any tick, and than Linux keeps a mapped page from the disk; the next change of it moves the stamps."""

_STAMPS = ("size", "modified_ns", "changed_ns", "inode")
_UNKNOWN = -1
_DIGEST_BYTES = hashlib.sha256().digest_size
_CODE = b"code"

_SCHEMA = pa.schema(
    {
        "path": pa.large_string(),  # relative to the folder of raw data
        **dict.fromkeys(_STAMPS, pa.int64()),
        "content_hash": pa.binary(_DIGEST_BYTES),
        # What code found in the file; missing where nobody asked, or there was no answer.
        "frames": pa.int64(),  # that a video declares
        "pages": pa.int64(),  # of an image file
        "tracks": pa.list_(pa.int32()),  # numbers of the further video tracks
        "track_frames": pa.list_(pa.int64()),  # that these declare
    }
)


@dataclass
class ReadFiles:
    """What is known of the content of raw files. All are by path; what is not known has no entry.

    Attributes:
        content_hashes: SHA-256 in hexadecimal.
        frames: that videos declare, and further video tracks, which have paths of their own (`curation.raw.tracks`).
        pages: of image files.
        tracks: numbers of the further video tracks of videos.
    """

    content_hashes: dict[str, str] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    pages: dict[str, int] = field(default_factory=dict)
    tracks: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def further_tracks(self) -> Iterator[tuple[str, str]]:
        """Yield path and content hash of each further video track."""
        for path, numbers in self.tracks.items():
            for number in numbers:
                yield track_path(path, number), track_hash(self.content_hashes[path], number)


@dataclass(frozen=True)
class StatCache:
    """The file that keeps what was read.

    Attributes:
        file: where it is; None: nothing is kept.
        code: digest of the code that finds frames, pages and tracks: what other code found is asked again, while a hash
            stays one.
    """

    file: Path | None
    code: str

    def recall(self, stamps: pa.Table) -> ReadFiles:
        """Return what is known of files that are still what they were.

        Args:
            stamps: of `stamps_of`.
        """
        rows = self._rows()
        if rows is None:
            return ReadFiles()
        place = pc.index_in(stamps["path"], value_set=rows["path"].combine_chunks()).combine_chunks()
        listed = np.flatnonzero(place.is_valid().to_numpy(zero_copy_only=False))
        place = place.drop_null().to_numpy()
        same = np.ones(len(place), dtype=bool)
        for name in _STAMPS:
            same &= rows[name].to_numpy()[place] == stamps[name].to_numpy()[listed]
        rows = rows.take(place[same])
        names = rows["path"].to_pylist()
        hashes = [content.hex() for content in rows["content_hash"].to_pylist()]
        known = ReadFiles(dict(zip(names, hashes, strict=True)))
        if (rows.schema.metadata or {}).get(_CODE) == self.code.encode():
            columns = ("frames", "pages", "tracks", "track_frames")
            known.frames, known.pages, tracks, of_tracks = (_known(rows, name) for name in columns)
            for path, numbers in tracks.items():
                known.tracks[path] = tuple(numbers)
                counts = zip(numbers, of_tracks[path], strict=True)
                known.frames |= {track_path(path, number): count for number, count in counts if count is not None}
        return known

    def remember(self, stamps: pa.Table, read: ReadFiles, now_ns: int) -> None:
        """Keep what was read of files for the next run, where that is possible.

        Args:
            stamps: of `stamps_of`, from before they were read.
            read: what is known of them now.
            now_ns: the time before the stamps were asked for, nanoseconds since 1970.
        """
        if self.file is None:
            return
        youngest = np.maximum(stamps["modified_ns"].to_numpy(), stamps["changed_ns"].to_numpy())
        trusted = (stamps["size"].to_numpy() != _UNKNOWN) & (youngest < now_ns - TRUSTED_AFTER_S * 10**9)
        rows = stamps.filter(pa.array(trusted))
        paths = rows["path"].to_pylist()
        hashes = (read.content_hashes.get(path) for path in paths)
        tracks = {
            path: [read.frames.get(track_path(path, one)) for one in found] for path, found in read.tracks.items()
        }
        columns = {
            "content_hash": [None if content is None else bytes.fromhex(content) for content in hashes],
            **{name: list(map(getattr(read, name).get, paths)) for name in ("frames", "pages", "tracks")},
            "track_frames": list(map(tracks.get, paths)),
        }
        for name, values in columns.items():
            rows = rows.append_column(name, pa.array(values, _SCHEMA.field(name).type))
        sink = pa.BufferOutputStream()
        kept = rows.filter(pc.is_valid(rows["content_hash"])).replace_schema_metadata({_CODE: self.code.encode()})
        pq.write_table(kept, sink, compression="zstd")
        body = sink.getvalue().to_pybytes()
        with suppress(OSError):  # a folder that cannot be written: the next run takes longer
            write_bytes(self.file, hashlib.sha256(body).digest() + body)

    def _rows(self) -> pa.Table | None:
        """Return the table that is kept; None where there is none that this program wrote."""
        if self.file is None:
            return None
        try:
            content = self.file.read_bytes()
        except OSError:
            return None
        digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            return None
        try:
            rows = pq.read_table(pa.BufferReader(body))
        except (pa.ArrowException, OSError):
            return None
        return rows if rows.schema.equals(_SCHEMA) else None


NOTHING_READ = StatCache(None, "")


def _known(rows: pa.Table, name: str) -> dict[str, Any]:
    """Return the values of a column by path, but the missing ones."""
    some = rows.filter(pc.is_valid(rows[name]))
    return dict(zip(some["path"].to_pylist(), some[name].to_pylist(), strict=True))


def stamps_of(folder: Path, paths: Sequence[str]) -> pa.Table:
    """Return what the file system says of files: a row each, the columns `path` and `_STAMPS`; -1 where it does not.

    Args:
        folder: of raw data.
        paths: relative to it; links are followed.
    """
    numbers = np.full((len(paths), len(_STAMPS)), _UNKNOWN, np.int64)
    root = os.fspath(folder)
    for row, path in enumerate(paths):
        with suppress(OSError):
            status = os.stat(f"{root}/{path}")  # noqa: PTH116 (of a hundred thousand paths, objects cost a second)
            inode = status.st_ino & np.iinfo(np.int64).max  # some file systems use all 64 bits
            numbers[row] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, inode)
    columns = [pa.array(numbers[:, place]) for place in range(len(_STAMPS))]
    return pa.table([pa.array(paths, pa.large_string()), *columns], names=["path", *_STAMPS])


def with_answers(
    folder: Path, known: Mapping[str, Answer], paths: Sequence[str], ask: Callable[[list[Path]], Mapping[Path, Answer]]
) -> dict[str, Answer]:
    """Return what is known of files, and what the others answer, by path.

    Args:
        folder: of raw data.
        known: by path; of others than `paths` it is left out.
        paths: relative to the folder.
        ask: takes the files of which nothing is known, and returns the answers of those that give one.
    """
    asked = {folder / path: path for path in paths if path not in known}
    every = {**known, **{asked[file]: answer for file, answer in ask(list(asked)).items()}}
    return {path: every[path] for path in paths if path in every}
