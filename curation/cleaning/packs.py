"""Packs: what became of decoded raw files, with their proxies and crops, as bytes that are whole or count as absent.

A pack is records one after the other, so that it can grow. Each record is of one file: the key that names it, what
`DecodedFile` says of it, and what `decode_file` wrote. A digest ends it, so that a record that was cut off or changed
counts as absent, as does all that comes after a damaged length. Nothing in a pack is run or unpickled.
"""

import errno
import io
import json
import os
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from blake3 import blake3

from curation.cleaning.crop_shards import crop_shard
from curation.cleaning.decode_file import DecodedFile, proxies_of
from curation.cleaning.described import decoded_of, described
from curation.cleaning.proxy_writing import writing
from curation.cleaning.tasks import RawFile
from curation.core.kinds import IMAGE
from curation.core.records import Buffer

_MARK: Final = b"clean-1" + sys.byteorder[:1].encode()
"""Begins a record: the form, and the order of bytes, in which numbers are kept as they lie in memory."""

_START = struct.Struct("<8s32sIQ")
"""The mark, the key, and the bytes of the header and of what comes after it."""

_DIGEST_BYTES: Final = 32
_CHUNK: Final = 1 << 20

PROXIES, CROPS = "proxies", "crops"
"""Names under which the shards of a video, or of a file of pages, are kept. Those of an image go by their members."""


class Part(NamedTuple):
    """A part of a pack: an open file or the like, where the part begins in there, and its bytes."""

    pack: BinaryIO
    start: int
    length: int


Contents = Mapping[str, bytes | Path | Part]
"""What `decode_file` wrote of a file, by the names under which it is kept: bytes, or where they are."""


@dataclass(frozen=True)
class Outcome:
    """What became of one raw file.

    Attributes:
        key: 64 hexadecimal digits that name all that the outcome depends on (`curation.cleaning.outcome_keys`).
        decoded: under the path and the temporary names that it had.
        contents: what was written of it.
    """

    key: str
    decoded: DecodedFile
    contents: Contents


class Place(NamedTuple):
    """Where a record lies in a pack.

    Attributes:
        start: of the record, bytes from the beginning of the pack.
        header: bytes of its header.
        body: bytes of what comes after that, without the digest.
    """

    start: int
    header: int
    body: int

    @property
    def end(self) -> int:
        """The first byte after the record."""
        return self.start + _START.size + self.header + self.body + _DIGEST_BYTES


class DamagedRecordError(ValueError):
    """A record was cut off, or changed: it counts as absent."""


def packed(outcomes: Iterable[Outcome]) -> bytes:
    """Return a pack of outcomes, which is in memory as a whole."""
    pack = io.BytesIO()
    for outcome in outcomes:
        add_outcome(pack, outcome)
    return pack.getvalue()


def unpacked(pack: bytes) -> list[Outcome]:
    """Return the outcomes in a pack, without those that were cut off or changed; their contents are parts of it."""
    return list(outcomes_in(io.BytesIO(pack)))


def outcomes_in(pack: BinaryIO) -> Iterator[Outcome]:
    """Yield the outcomes in a pack one after the other, as `unpacked`."""
    for _, place in places_in(pack):
        with suppress(DamagedRecordError):
            yield read_outcome(pack, place)


def outcome_of(key: str, decoded: DecodedFile, shard_folder: Path) -> Outcome:
    """Return the outcome of a file with what was written of it; of an image, before the shard of its chunk is made.

    Args:
        key: see `Outcome`.
        decoded: the file.
        shard_folder: where its proxies and crops are.

    Raises:
        OSError: they cannot be read.
    """
    if decoded.media != IMAGE:
        shards = {PROXIES: shard_folder / decoded.shard, CROPS: shard_folder / crop_shard(decoded.shard)}
        return Outcome(key, decoded, {name: path for name, path in shards.items() if path.is_file()})
    folder = _name_of(shard_folder, decoded.shard)
    members = [*(sample.member for sample in decoded.samples), *(crop.member for crop in decoded.crops)]
    return Outcome(key, decoded, {member: _content_of(f"{folder}/{member}") for member in members})


@lru_cache(maxsize=4)
def _name_of(shard_folder: Path, shard: str) -> str:
    """Return the folder for the proxies of a chunk of images; most files have that of the one before."""
    return str(proxies_of(shard_folder, shard))


def _content_of(path: str) -> bytes:
    """Return what a file holds; in half the calls of `Path.read_bytes`, since there are many small ones."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        content = os.read(descriptor, _CHUNK)
        while len(content) % _CHUNK == 0 and (more := os.read(descriptor, _CHUNK)):
            content += more
        return content
    finally:
        os.close(descriptor)


def restored(outcome: Outcome, file: RawFile, shard_folder: Path) -> DecodedFile:
    """Write what was written of a file under the names that it has in this run, as `decode_file` would.

    Args:
        outcome: of a file with the same content.
        file: the file.
        shard_folder: an existing folder for the shards.

    Returns:
        What `decode_file` would return.

    Raises:
        OutputError: the folder cannot be written.
    """
    decoded = outcome.decoded
    names = {PROXIES: file.shard, CROPS: crop_shard(file.shard)}
    if file.media == IMAGE and decoded.samples:
        then, folder = decoded.samples[0].member.removesuffix(".jpg"), proxies_of(shard_folder, file.shard).name
        here = file.member.removesuffix(".jpg")
        members = {name: here + name.removeprefix(then) for name in outcome.contents}
        samples = [replace(sample, member=members[sample.member]) for sample in decoded.samples]
        crops = [replace(crop, member=members[crop.member]) for crop in decoded.crops]
        decoded = replace(decoded, samples=samples, crops=crops)
        names = {name: f"{folder}/{member}" for name, member in members.items()}
    with writing():
        for name, content in outcome.contents.items():
            target = shard_folder / names[name]
            target.parent.mkdir(exist_ok=True)
            with target.open("wb") as written:
                written.writelines(chunks_of(content))
    return replace(decoded, path=file.path, shard=file.shard if decoded.shard else "")


def add_outcome(pack: BinaryIO, outcome: Outcome, alive: Callable[[], object] = lambda: None) -> int:
    """Append the record of an outcome to a pack.

    Args:
        pack: to be written.
        outcome: see there.
        alive: called after every chunk of a long record.

    Returns:
        The bytes of the record.

    Raises:
        OSError: what was written of the file cannot be read, or the pack not be written.
    """
    decoded, contents = outcome.decoded, outcome.contents
    lengths = {name: _length(content) for name, content in contents.items()}
    description, columns = described(decoded)
    header = json.dumps({**description, "contents": lengths}).encode()
    body = sum(map(len, columns)) + sum(lengths.values())
    start = _START.pack(_MARK, bytes.fromhex(outcome.key), len(header), body)
    chunks = chain([start, header], columns, *map(chunks_of, contents.values()))
    if body <= _CHUNK:  # one call for each of the many small records
        record = b"".join(chunks)
        _write(pack, record + blake3(record).digest())
        return len(record) + _DIGEST_BYTES
    digest = blake3()
    for chunk in chunks:
        digest.update(chunk)
        _write(pack, chunk)
        alive()
    _write(pack, digest.digest())
    return len(start) + len(header) + body + _DIGEST_BYTES


def _write(pack: BinaryIO, content: Buffer) -> None:
    """Write all of some bytes: a file without a buffer writes fewer where the disk becomes full."""
    if pack.write(content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def places_in(pack: BinaryIO) -> Iterator[tuple[str, Place]]:
    """Yield key and place of each record that is there in full length; `read_outcome` tells whether it is sound."""
    size, start = pack.seek(0, os.SEEK_END), 0
    while start + _START.size <= size:
        pack.seek(start)
        mark, key, header, body = _START.unpack(pack.read(_START.size))
        place = Place(start, header, body)
        if mark != _MARK or place.end > size:
            return
        yield key.hex(), place
        start = place.end


def read_outcome(pack: BinaryIO, place: Place) -> Outcome:
    """Read a record; what was written of the file stays where it is, as parts of the pack.

    Raises:
        DamagedRecordError: it is not what was written.
        OSError: it cannot be read.
    """
    digest = blake3()
    for chunk in chunks_of(Part(pack, place.start, place.end - _DIGEST_BYTES - place.start)):
        digest.update(chunk)
    if pack.read(_DIGEST_BYTES) != digest.digest():
        raise DamagedRecordError
    pack.seek(place.start)
    mark, key, _, _ = _START.unpack(pack.read(_START.size))
    header = json.loads(pack.read(place.header))
    if mark != _MARK:
        raise DamagedRecordError
    decoded = decoded_of(header, pack.read)
    contents, start = dict[str, Part](), pack.tell()
    for name, length in header["contents"].items():
        contents[name] = Part(pack, start, length)
        start += length
    return Outcome(key.hex(), decoded, contents)


def _length(content: bytes | Path | Part) -> int:
    """Return how many bytes one of the contents has."""
    if isinstance(content, bytes):
        return len(content)
    return content.length if isinstance(content, Part) else content.stat().st_size


def chunks_of(content: bytes | Path | Part) -> Iterator[bytes]:
    """Yield one of the contents piece by piece."""
    if isinstance(content, bytes):
        yield content
    elif isinstance(content, Part):
        content.pack.seek(content.start)
        for start in range(0, content.length, _CHUNK):
            yield content.pack.read(min(_CHUNK, content.length - start))
    else:
        with content.open("rb") as file:
            yield from iter(partial(file.read, _CHUNK), b"")
