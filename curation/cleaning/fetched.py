"""Raw files that are objects in a bucket, for as long as they are decoded: fetched, hashed, decoded, and removed.

Worker processes run this. A worker may die or be ended at any moment, and whether the object was here by then decides
if its content is at fault: so it leaves a note of that beside the file, which tells the process that watches over it.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from curation.cleaning.decoded_file import DecodedFile
from curation.cleaning.tasks import RawFile
from curation.core.kinds import VIDEO
from curation.raw.listing import extension_of

_NOTE = "note.json"
_FILE = "object"
_SUFFIX = ".objects"
NOT_FETCHED = "it was not fetched: "
"""Begins the reason of an object whose worker ended before it was here."""


@dataclass(frozen=True)
class Fetching:
    """How objects are fetched.

    Attributes:
        most_bytes: of all objects that are here at once; a larger one is here alone.
        known: file of contents that need not be decoded, of `write_known`; None: everything is decoded.
        only_hashes: whether nothing is decoded, since only the content is asked for.
    """

    most_bytes: int = 2048 << 20
    known: Path | None = None
    only_hashes: bool = False


BY_DEFAULT = Fetching()


@dataclass(frozen=True)
class Fetched:
    """What is known of an object that is here, or was.

    Attributes:
        content_hash: SHA-256 of its bytes.
        declared: frames that it says it has; None: that was not found out yet.
    """

    content_hash: str
    declared: int | None


def place_of(file: RawFile, shard_folder: Path) -> Path:
    """Return the folder for one object, in a folder for those of its shard."""
    return shard_folder / f"{file.shard}{_SUFFIX}" / (file.member or "0")


def decode_object(
    file: RawFile,
    announce: Callable[[int], None],
    decode: Callable[[RawFile, Path], DecodedFile],
    *,
    shard_folder: Path,
    timeout_s: float,
    fetching: Fetching,
) -> DecodedFile:
    """Fetch an object, decode it, and remove it. If that fails half-way, `discard` has to remove it.

    Args:
        file: with its `source`.
        announce: takes 0 as a sign of life.
        decode: takes the file, and where it lies now.
        shard_folder: an existing folder, which the object is in for a moment.
        timeout_s: of `fetch`.
        fetching: see there.
    """
    from curation.buckets.fetching import UnreachableError  # what only those workers load that fetch
    from curation.video.declared import declared_frames

    place = place_of(file, shard_folder)
    try:
        path, found = _fetched(file, shard_folder, announce, timeout_s)
    except UnreachableError as error:
        discard(file, shard_folder)
        return unreachable(file, error.reason)
    if fetching.only_hashes or (fetching.known and file.known is None and _is_known(file, found, fetching.known)):
        decoded = DecodedFile(file.path, file.media, [], 0, is_corrupt=False, reason="", shard="")
    else:
        if found.declared is None:
            found = replace(found, declared=declared_frames(path))
            _write_note(place, found)
        decoded = decode(replace(file, declared=found.declared or 0), path)
    discard(file, shard_folder)
    return replace(decoded, content_hash=found.content_hash, declared=found.declared)


def unreachable(file: RawFile, reason: str) -> DecodedFile:
    """Return the outcome of an object that could not be fetched."""
    nothing = DecodedFile(file.path, file.media, [], 0, is_corrupt=True, reason=reason, shard="")
    return replace(nothing, is_unreachable=True)


def noted(file: RawFile, shard_folder: Path) -> Fetched | None:
    """Return what a worker that has ended had found out about an object; None where it was not here yet."""
    try:
        return Fetched(**json.loads((place_of(file, shard_folder) / _NOTE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remove_bytes(file: RawFile, shard_folder: Path) -> None:
    """Remove an object that is to be fetched once more; what is known of it stays."""
    for path in place_of(file, shard_folder).glob("*"):
        if path.name != _NOTE:
            path.unlink()


def discard(file: RawFile, shard_folder: Path) -> None:
    """Remove an object, and what is noted of it."""
    shutil.rmtree(place_of(file, shard_folder), ignore_errors=True)


def discard_all(shard_folder: Path) -> None:
    """Remove the folders in which objects were."""
    for folder in shard_folder.glob(f"*{_SUFFIX}"):
        shutil.rmtree(folder)


def write_known(contents: Iterable[tuple[str, str]], path: Path) -> None:
    """Write contents that need not be decoded, so that workers find one among millions without reading them all.

    Args:
        contents: hash and media of each.
        path: the file.
    """
    keys = np.array(sorted({_key(content, media) for content, media in contents}), dtype="S65")
    with path.open("wb") as file:
        np.save(file, keys, allow_pickle=False)


def _is_known(file: RawFile, found: Fetched, known: Path) -> bool:
    keys = np.load(known, mmap_mode="r", allow_pickle=False)
    wanted = np.bytes_(_key(found.content_hash, file.media))
    place = int(np.searchsorted(keys, wanted))
    return place < len(keys) and bool(keys[place] == wanted)


def _key(content: str, media: str) -> bytes:
    """Return a text for content that is read as a video, or as an image: the same bytes may be both by their names."""
    return f"{content}{'v' if media == VIDEO else 'i'}".encode()


def _fetched(
    file: RawFile, shard_folder: Path, announce: Callable[[int], None], timeout_s: float
) -> tuple[Path, Fetched]:
    """Fetch an object; return where it lies, and what is known of it.

    A former try that ended while frames were counted is not repeated: the file says nothing, as one does in `ingest`
    whose counting does harm.
    """
    from curation.buckets.fetching import fetch

    if file.source is None:
        raise ValueError(f"{file.path} is no object in a bucket")
    former, place = noted(file, shard_folder), place_of(file, shard_folder)
    counting_failed = former is not None and former.declared is None
    discard(file, shard_folder)
    place.mkdir(parents=True)
    path = place / f"{_FILE}.{extension_of(file.path)}"
    content = fetch(file.source, path, announce, timeout_s=timeout_s)
    declared = 0 if counting_failed else None if file.media == VIDEO else file.declared
    found = Fetched(content, declared)
    _write_note(place, found)
    return path, found


def _write_note(place: Path, found: Fetched) -> None:
    """Write the note in one step; it is gone with the machine, so it need not be flushed to the disk."""
    temporary = place / f"{_NOTE}.new"
    temporary.write_text(json.dumps({"content_hash": found.content_hash, "declared": found.declared}), encoding="utf-8")
    os.replace(temporary, place / _NOTE)
