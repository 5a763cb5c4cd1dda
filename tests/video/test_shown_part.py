"""What a container leaves out: frames by an edit list, and the sides of the pictures."""

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from curation.video.declared import declared_frames
from curation.video.reader import read_frames
from curation.video.sampling import FrameChoice
from curation.video.structure.mp4_samples import shown_samples
from tests.decoded_videos import decoded
from tests.media_files import VIDEO_FORMATS, VideoFormat, write_video_as

FRAMES = 40
SIDES = (16, 8, 4, 2)
"""Pixels to cut off: left, right, top, bottom."""


def _boxes(content: bytes, at: int = 0) -> Iterator[tuple[bytes, bytes]]:
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        yield kind, content[at + 8 : at + size]
        at += size


def _rebuilt(content: bytes, change: Callable[[bytes, bytes], bytes]) -> bytes:
    """Return boxes in which each content is what `change` makes of it; the innermost first."""
    parts = []
    for kind, inner in _boxes(content):
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"):
            inner = _rebuilt(inner, change)
        changed = change(kind, inner)
        parts.append(struct.pack(">I4s", 8 + len(changed), kind) + changed)
    return b"".join(parts)


def _with_edits(path: Path, edits: list[tuple[int, int]]) -> Path:
    """Write a file whose edit list shows parts of the track: first frame, and how many."""
    content = path.read_bytes()
    scale = struct.unpack_from(">I", content, content.index(b"mdhd") + 16)[0]
    movie = struct.unpack_from(">I", content, content.index(b"mvhd") + 16)[0]
    entries = [(number * movie // 25, first * scale // 25, 0x10000) for first, number in edits]
    together = sum(entry[0] for entry in entries)

    def change(kind: bytes, inner: bytes) -> bytes:
        if kind == b"elst":
            return struct.pack(">II", 0, len(entries)) + b"".join(struct.pack(">IiI", *entry) for entry in entries)
        return inner[:20] + struct.pack(">I", together) + inner[24:] if kind == b"tkhd" else inner

    target = path.with_name(f"edited-{path.name}")
    target.write_bytes(_rebuilt(content, change))
    return target


@pytest.mark.parametrize("edits", [[(0, 8), (20, 10)], [(20, 12)], [(8, 4), (8, 4), (0, 4)]])
def test_frames_that_edits_show_are_all_there_are(tmp_path: Path, edits: list[tuple[int, int]]) -> None:
    form = VideoFormat(".mp4", "libx264", options={"bf": "0"}, gop=4)
    whole = write_video_as(tmp_path / "v.mp4", form, frames=FRAMES)
    path = _with_edits(whole, edits)
    hashes = [frame.pixel_hash for frame in decoded(whole).frames]
    shown = [number for first, count in edits for number in range(first, first + count)]
    video = decoded(path)
    assert [frame.pixel_hash for frame in video.frames] == [hashes[number] for number in shown]
    assert (video.missing, video.reason, video.is_corrupt) == (0, "", False)
    assert declared_frames(path) == len(shown)


def test_samples_that_edits_show_are_counted() -> None:
    durations = struct.pack(">IIIIII", 0, 2, 3, 10, 2, 20)  # at 0, 10, 20, 30, 50
    offsets = struct.pack(">IIIiIi", 0, 2, 1, 10, 4, -10)  # shown at 10, 0, 10, 20, 40
    assert shown_samples(durations, b"", [(0, 70)], 1) == 5
    assert shown_samples(durations, b"", [(0, 21), (10, 21), (99, 9)], 1) == 4
    assert shown_samples(durations, offsets, [(10, 31)], 1) == 3
    assert shown_samples(durations, offsets[:-4], [(0, 70)], 1) is None
    assert shown_samples(struct.pack(">IIII", 0, 1, 1 << 31, 1), b"", [(0, 70)], 1) is None


def _with_aperture(path: Path) -> Path:
    width, height = VIDEO_FORMATS["h264.mp4"].size
    left, right, top, bottom = SIDES
    aperture = (width - left - right, 1, height - top - bottom, 1, left - right, 2, top - bottom, 2)
    box = struct.pack(">I4s8i", 40, b"clap", *aperture)

    def change(kind: bytes, inner: bytes) -> bytes:
        if kind != b"stsd":
            return inner
        size = struct.unpack_from(">I", inner, 8)[0]
        return inner[:8] + struct.pack(">I", size + 40) + inner[12 : 8 + size] + box + inner[8 + size :]

    target = path.with_name(f"cropped-{path.name}")
    target.write_bytes(_rebuilt(path.read_bytes(), change))
    return target


def _with_pixel_crop(path: Path) -> Path:
    """Write a Matroska file with elements in place of some that say nothing, so that nothing moves."""
    content = path.read_bytes()
    ids = (0x54CC, 0x54DD, 0x54BB, 0x54AA)
    crop = b"".join(struct.pack(">HBB", number, 0x81, side) for number, side in zip(ids, SIDES, strict=True))
    begin = content.index(b"\x16\x54\xae\x6b")
    track = content[begin : content.index(b"\x1f\x43\xb6\x75")]
    video = track.index(b"\xe0", track.index(b"\x83\x81\x01"))
    head = track[:video]
    for said in (rb"\x23\xe3\x83\x84.{4}", rb"\x9c\x81.", rb"\x22\xb5\x9c\x83und"):
        head = re.sub(said, b"", head, count=1, flags=re.DOTALL)
    crop += b"\xec" + bytes([0x80 | video - len(head) - len(crop) - 2]) + bytes(video - len(head) - len(crop) - 2)
    moved = head + bytes([0xE0, track[video + 1] + len(crop)]) + crop + track[video + 2 :]
    changed = content.replace(track, moved)
    target = path.with_name(f"cropped-{path.name}")
    target.write_bytes(changed)
    return target


@pytest.mark.parametrize(("suffix", "crop"), [(".mp4", _with_aperture), (".mkv", _with_pixel_crop)])
def test_the_sides_that_a_container_hides_are_cut_off(
    tmp_path: Path, suffix: str, crop: Callable[[Path], Path]
) -> None:
    whole = write_video_as(tmp_path / f"v{suffix}", VIDEO_FORMATS[f"h264{suffix}"], frames=FRAMES)
    path, (left, right, top, bottom) = crop(whole), SIDES
    pairs = zip(*(read_frames(each, max_pixels=10**8, threads=1) for each in (whole, path)), strict=True)
    for full, part in pairs:
        expected, found = (each.to_ndarray(format="gray") for each in (full, part))
        np.testing.assert_array_equal(found, expected[top : expected.shape[0] - bottom, left:-right])
        assert full.pts == part.pts
    every = decoded(path)
    assert {(frame.width, frame.height) for frame in every.frames} == {(96 - left - right, 80 - top - bottom)}
    assert (len(every.frames), every.reason) == (FRAMES, "")
    hashes = {frame.frame: frame.pixel_hash for frame in every.frames}
    chosen = decoded(path, FrameChoice(fps=5))
    assert {frame.frame: frame.pixel_hash for frame in chosen.frames} == {n: hashes[n] for n in range(0, FRAMES, 5)}


def test_sides_that_leave_nothing_are_not_cut_off(tmp_path: Path) -> None:
    path = _with_aperture(write_video_as(tmp_path / "v.mp4", VIDEO_FORMATS["h264.mp4"], frames=5))
    content = path.read_bytes()
    at = content.index(b"clap") + 4
    for values in ((200, 1), (90, 0), (90, -1)):
        path.write_bytes(content[:at] + struct.pack(">ii", *values) + content[at + 8 :])
        with av.open(str(path)) as container:
            width = container.streams.video[0].width
        assert {frame.width for frame in decoded(path).frames} == {width}
