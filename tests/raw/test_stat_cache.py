"""What was read of raw files is believed only while the file system says that they are the same."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from time import time_ns

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.core.hashing import sha256_of_bytes
from curation.raw.stat_cache import TRUSTED_AFTER_S, ReadFiles, StatCache, stamps_of, with_answers

LATER = 2 * TRUSTED_AFTER_S * 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of three files that were read long after they were written."""
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("a.mp4", "b.jpg", "c.jpg"):
        (raw / name).write_bytes(name.encode())
    return raw


NAMES = ["a.mp4", "b.jpg", "c.jpg"]


def _hashes(folder: Path) -> dict[str, str]:
    return {name: sha256_of_bytes((folder / name).read_bytes()) for name in NAMES}


@pytest.fixture
def cache(folder: Path, tmp_path: Path) -> StatCache:
    cache = StatCache(tmp_path / "memory", "code")
    read = ReadFiles(
        _hashes(folder), {"a.mp4": 7, "a.mp4/track-2.mp4": 5}, {"b.jpg": 1, "c.jpg": 4}, {"a.mp4": (2, 3), "b.jpg": ()}
    )
    cache.remember(stamps_of(folder, NAMES), read, time_ns() + LATER)
    return cache


def _recalled(cache: StatCache, folder: Path) -> ReadFiles:
    return cache.recall(stamps_of(folder, NAMES))


def test_all_is_known_of_files_that_are_the_same(cache: StatCache, folder: Path) -> None:
    found = _recalled(cache, folder)
    assert found.content_hashes == _hashes(folder)
    assert found.frames == {"a.mp4": 7, "a.mp4/track-2.mp4": 5}
    assert found.pages == {"b.jpg": 1, "c.jpg": 4}
    assert found.tracks == {"a.mp4": (2, 3), "b.jpg": ()}
    assert [path for path, _ in found.further_tracks()] == ["a.mp4/track-2.mp4", "a.mp4/track-3.mp4"]
    assert cache.recall(stamps_of(folder, [])).content_hashes == {}


def test_other_code_asks_anew_but_a_hash_stays(cache: StatCache, folder: Path) -> None:
    assert cache.file is not None
    assert _recalled(StatCache(cache.file, "other"), folder) == ReadFiles(_hashes(folder))


def _longer(file: Path) -> None:
    file.write_bytes(b"longer than before")


def _in_place(file: Path) -> None:
    """Write as many bytes, and give the file the time of modification that it had."""
    status = file.stat()
    while file.stat().st_ctime_ns == status.st_ctime_ns:  # until the clock of the file system ticks
        file.write_bytes(b"B.JPG")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)


def _replaced(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(b"B.JPG")
    os.utime(other, ns=(0, file.stat().st_mtime_ns))
    other.replace(file)


def _gone(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("change", [_longer, _in_place, _replaced, _gone])
def test_a_file_that_changed_is_not_believed(cache: StatCache, folder: Path, change: Callable[[Path], None]) -> None:
    change(folder / "b.jpg")
    assert sorted(_recalled(cache, folder).content_hashes) == ["a.mp4", "c.jpg"]


def test_a_file_that_was_young_when_it_was_read_is_read_again(folder: Path, tmp_path: Path) -> None:
    """A change within the same tick of the clock, to as many bytes, would move no stamp."""
    os.utime(folder / "b.jpg", ns=(0, time_ns() + 2 * LATER))  # a time of modification to come is no proof of age
    cache, stamps = StatCache(tmp_path / "memory", ""), stamps_of(folder, NAMES)
    cache.remember(stamps, ReadFiles(_hashes(folder)), time_ns() + LATER)
    assert sorted(cache.recall(stamps).content_hashes) == ["a.mp4", "c.jpg"]
    cache.remember(stamps, ReadFiles(_hashes(folder)), time_ns())
    assert cache.recall(stamps).content_hashes == {}


def _cut(content: bytes) -> bytes:
    return content[:-1]


def _flipped(content: bytes) -> bytes:
    return content[:-20] + bytes([content[-20] ^ 1]) + content[-19:]


def _of_another_table(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"path": ["b.jpg"]}), sink)
    body: bytes = sink.getvalue().to_pybytes()
    return hashlib.sha256(body).digest() + body


def _of_no_table(content: bytes) -> bytes:
    return hashlib.sha256(b"PAR1").digest() + b"PAR1"


@pytest.mark.parametrize("damage", [_cut, _flipped, _of_another_table, _of_no_table, lambda content: b""])
def test_damaged_or_foreign_content_is_none(cache: StatCache, folder: Path, damage: Callable[[bytes], bytes]) -> None:
    assert cache.file is not None
    cache.file.write_bytes(damage(cache.file.read_bytes()))
    assert _recalled(cache, folder) == ReadFiles()


def test_only_what_was_listed_last_is_kept(cache: StatCache, folder: Path) -> None:
    known = _recalled(cache, folder)
    cache.remember(stamps_of(folder, ["c.jpg"]), known, time_ns() + LATER)
    assert sorted(_recalled(cache, folder).content_hashes) == ["c.jpg"]


def test_a_place_that_cannot_be_written_costs_time_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    StatCache(tmp_path / "file" / "memory", "").remember(stamps_of(folder, NAMES), ReadFiles(), 0)


def test_only_unknown_files_are_asked(tmp_path: Path) -> None:
    asked: list[Path] = []

    def ask(files: list[Path]) -> dict[Path, int]:
        asked.extend(files)
        return {tmp_path / "new": 3}

    found = with_answers(tmp_path, {"old": 1, "elsewhere": 9}, ["old", "new", "silent"], ask)
    assert found == {"old": 1, "new": 3}
    assert asked == [tmp_path / "new", tmp_path / "silent"]
