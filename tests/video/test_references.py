"""Damage followed to the frames that were decoded from it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.smeared_frames import compared, with_noise
from curation.video.random_access import RandomAccess
from curation.video.references import ReferenceLog
from tests.media_files import VIDEO_FORMATS, write_video_as


class _Packet(bytes):
    """Bytes that say, as a packet does, whether they hold a key frame."""

    is_keyframe = False


def _log(packets: int, entries: set[int], came: list[int] | None = None, **more: object) -> ReferenceLog:
    log = ReferenceLog(entries=entries, **more)  # type: ignore[arg-type]
    log.stamps.extend(range(packets))
    log.places.extend(range(100, 100 * packets + 1, 100))
    log.came.extend(range(packets) if came is None else came)
    return log


def test_damage_reaches_from_the_packet_before_it_to_the_next_place_where_decoding_can_begin() -> None:
    assert _log(12, {0, 5, 10}, damaged={7}).spoilt(set()) == {6, 7, 8, 9}
    assert _log(12, {0, 5, 10}, broken={7}).spoilt(set()) == {7, 8, 9}
    assert _log(12, {0, 5, 10}, damaged={5}).spoilt(set()) == {4, 5, 6, 7, 8, 9}
    assert _log(12, {0, 5, 10}).spoilt({10}) == {10, 11}
    assert _log(12, {0, 5, 10}).spoilt(set()) == frozenset()
    assert _log(12, set(range(12)), damaged={7}, is_intra_only=True).spoilt(set()) == {7}


def test_frames_shown_before_an_entry_refer_to_what_came_before_it() -> None:
    in_order = [0, 1, 2, 4, 5, 3, 6, 7]  # 4 and 5 are stored behind the entry 3, and shown before it
    assert _log(8, {0, 3}, in_order, broken={1}).spoilt(set()) == {1, 2, 4, 5}
    assert _log(8, {0, 3}, in_order, broken={4}).spoilt(set()) == {4, 5}


def test_a_gradual_refresh_ends_damage_where_it_is_over() -> None:
    assert _log(12, {0}, broken={2}, refreshes={4: 3}).spoilt(set()) == {2, 3, 4, 5, 6, 7}
    assert _log(12, {0}, broken={2}, refreshes={4: 3}, others={5}).spoilt(set()) == {2, 3, 4, 5, 6, 7, 8}
    assert _log(12, {0}, broken={2, 6}, refreshes={4: 3}).spoilt(set()) == set(range(2, 12))


def test_a_packet_that_an_index_names_and_that_did_not_come_breaks_what_follows() -> None:
    log = _log(4, {0})
    assert log.before_lost(np.array([100, 200, 250, 300, 400])) == {1}
    assert log.before_lost(np.array([100, 200, 300, 400])) == set()
    assert log.last_before({250, 90}) == {0, 1}


@pytest.mark.parametrize(("count", "bits"), [(0, "1"), (1, "010"), (3, "00100"), (24, "000011001")])
def test_the_length_of_a_gradual_refresh_is_read(count: int, bits: str) -> None:
    payload = int(f"{bits}10".ljust(24, "0"), 2).to_bytes(3, "big")
    packet = _Packet(b"\0\0\1\x06\x06\x03" + payload + b"\x80")
    assert RandomAccess("h264", is_intra_only=False, length_size=0).refresh_frames(packet) == count  # type: ignore[arg-type]


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["h264.mp4", "mpeg4-b.avi", "h264.ts", "mpeg2.mpg"])
def test_frames_that_are_kept_look_as_in_the_undamaged_video(tmp_path: Path, name: str) -> None:
    form = replace(VIDEO_FORMATS[name], size=(176, 144), gop=20)
    sound = write_video_as(tmp_path / name, form, frames=80, seed=3)
    damaged = tmp_path / f"damaged-{name}"
    damaged.write_bytes(with_noise(sound.read_bytes(), 3, 0.5))
    outcome = compared(sound, damaged)
    assert outcome.wrong <= 0.01 * outcome.kept
    assert outcome.kept > 20
    assert outcome.frames - outcome.kept > outcome.expendable  # some were wrong, and are refused
