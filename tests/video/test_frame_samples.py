"""Hashes, figures and proxies of frames: the same and in the same order whatever the number of threads."""

import threading
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import av
import pytest

from curation.image.decoded_sample import DecodedSample
from curation.video import frame_samples as module
from curation.video.frame_samples import DecodedFrame, Work, frame_samples
from tests.media_files import picture


def _decoded(seeds: list[int], faults: dict[int, str] | None = None) -> Iterator[DecodedFrame]:
    for index, seed in enumerate(seeds):
        frame = av.VideoFrame.from_ndarray(picture(seed, 64, 48), format="rgb24").reformat(format="yuv420p")
        yield DecodedFrame(index, index / 10, (faults or {}).get(index, ""), frame)


def _samples(decoded: Iterator[DecodedFrame], threads: int) -> tuple[list[DecodedSample], list[tuple[int, bytes]]]:
    proxies: list[tuple[int, bytes]] = []
    frames = frame_samples(decoded, proxy_size=32, threads=threads, add_proxy=lambda *each: proxies.append(each))
    return list(frames), proxies


@pytest.mark.parametrize("threads", [2, 4])
def test_threads_have_no_influence(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = [1, 2, 2, 1, 3, 4, 5, 5, 5, 1, 6, 7, 8, 9, 10, 2]
    expected = _samples(_decoded(seeds, {4: "damaged"}), threads=1)
    frames, proxies = expected
    assert [frame.frame for frame in frames] == list(range(16))
    assert [index for index, _ in proxies] == [0, 1, 5, 6, 10, 11, 12, 13, 14]
    assert (frames[4].fault, frames[4].pixel_hash, frames[4].quality) == ("damaged", "", None)
    assert frames[1].quality == frames[2].quality == frames[15].quality
    work = module.work_on
    numbers = count()

    def delayed(*arguments: Any) -> Work:
        time.sleep(0.01 if next(numbers) % 3 == 0 else 0)
        return work(*arguments)

    monkeypatch.setattr(module, "work_on", delayed)
    assert _samples(_decoded(seeds, {4: "damaged"}), threads) == expected


def test_few_frames_are_taken_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def noted() -> Iterator[DecodedFrame]:
        for one in _decoded(list(range(30))):
            taken.append(one.index)
            yield one

    for done, _ in enumerate(frame_samples(noted(), proxy_size=32, threads=2, add_proxy=lambda *_: None)):
        assert len(taken) - done <= 2 * module._FRAMES_PER_THREAD + 1


@pytest.mark.parametrize("threads", [1, 3])
def test_what_a_thread_or_the_decoder_raises_ends_the_work(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(threading.enumerate())

    def failing() -> Iterator[DecodedFrame]:
        yield from _decoded([1, 2])
        raise RuntimeError("decoder")

    with pytest.raises(RuntimeError, match="decoder"):
        _samples(failing(), threads)

    def fail(_: object) -> str:
        raise MemoryError

    monkeypatch.setattr(module, "pixel_hash", fail)
    with pytest.raises(MemoryError):
        _samples(_decoded([1, 2, 3]), threads)
    assert set(threading.enumerate()) <= before
