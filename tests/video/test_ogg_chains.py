"""Ogg: streams that are chained, and those that were recorded from somewhere on."""

import re
from pathlib import Path

import pytest

from benchmarks.mutated_fields import with_checksums
from tests.decoded_videos import decoded
from tests.media_files import RATE, VIDEO_FORMATS, write_video_as

FRAMES = 30


def _pages(content: bytes | bytearray) -> list[int]:
    return [match.start() for match in re.finditer(rb"OggS\x00", content)]


@pytest.mark.parametrize("serial", [None, 77])
def test_chained_streams_go_on(tmp_path: Path, serial: int | None) -> None:
    parts = [write_video_as(tmp_path / f"{n}.ogv", VIDEO_FORMATS["vp8.ogv"], frames=FRAMES, seed=n) for n in (1, 2)]
    second = bytearray(parts[1].read_bytes())
    for page in _pages(second) if serial is not None else ():
        second[page + 14 : page + 18] = (serial or 0).to_bytes(4, "little")
    chained = tmp_path / "chained.ogv"
    chained.write_bytes(parts[0].read_bytes() + with_checksums(second))
    video = decoded(chained)
    assert [f.pixel_hash for f in video.frames] == [f.pixel_hash for part in parts for f in decoded(part).frames]
    assert [round(frame.time_s * RATE, 6) for frame in video.frames] == list(range(2 * FRAMES))
    assert (video.missing, video.reason) == (0, "")
    assert not any(frame.fault for frame in video.frames)


@pytest.mark.parametrize("later", [1000, 0])
def test_a_stream_recorded_from_somewhere_on_lacks_nothing(tmp_path: Path, later: int) -> None:
    source = write_video_as(tmp_path / "v.ogv", VIDEO_FORMATS["vp8.ogv"], frames=FRAMES)
    content = source.read_bytes()
    pages = _pages(content)
    group = next(page for page in pages[3:] if content[page + 6 : page + 10] == b"\0\0\0\xc0")  # ends with a key frame
    changed = bytearray(content[: pages[2]] + content[group:])
    for page in _pages(changed)[2:]:
        number, granule = (int.from_bytes(changed[page + a : page + b], "little") for a, b in ((18, 22), (6, 14)))
        changed[page + 18 : page + 22] = (number + later).to_bytes(4, "little")
        changed[page + 6 : page + 14] = (granule + (10 * later << 32)).to_bytes(8, "little")
    source.write_bytes(with_checksums(changed))
    video = decoded(source)
    assert 0 < len(video.frames) < FRAMES
    assert video.missing == (0 if later else FRAMES - len(video.frames))  # else pages may have been lost
