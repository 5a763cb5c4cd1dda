"""Hashes, figures and proxies of a video's frames, made by several threads in the order of the frames."""

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import av

from curation.core.records import Records
from curation.image.decoded_sample import DecodedSample
from curation.image.proxies import member_name, proxy_dimensions
from curation.image.quality import Quality, quality_of
from curation.image.yuv import SWAPPING, encode_jpeg, turned
from curation.video.frame import has_hash, pixel_hash, small_picture, transpose_of
from curation.video.opening import error_text

_FRAMES_PER_THREAD = 2
"""Decoded frames that wait for a thread or are worked on: enough that no thread waits, few for the memory's sake."""


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One frame as it comes out of the decoder.

    Attributes:
        index: its place among all frames of the video, 0 for the first in decoded order.
        time_s: seconds since the first frame's time stamp.
        fault: what is wrong with it, else empty.
        picture: its pixels.
        known: hash of its pixels that it had before; empty where none is known.
    """

    index: int
    time_s: float
    fault: str
    picture: av.VideoFrame
    known: str = ""


def frame_samples(
    decoded: Iterable[DecodedFrame], *, proxy_size: int, threads: int, add_proxy: Callable[[int, bytes], None]
) -> Iterator[DecodedSample]:
    """Yield what is kept of each frame, in the order in which they come.

    Args:
        decoded: taken in the calling thread, a few frames ahead of what is yielded.
        proxy_size: short side of the proxies in pixels.
        threads: how many work besides the calling one, which decodes; with 1 it does all itself. Has no influence on
            the result.
        add_proxy: takes frame index and JPEG bytes of each sound frame whose pixels are new.
    """
    keeper = FrameKeeper(add_proxy)
    for one, work in _in_order(
        decoded, lambda one: work_on(one.picture, proxy_size, keeper.seen, one.fault, one.known), threads
    ):
        yield keeper.keep(one.index, one.time_s, work)


class Work(NamedTuple):
    """The record of one frame; `jpeg` and `quality` are None if it is damaged or its pixels were known."""

    width: int
    height: int
    fault: str
    digest: str = ""
    jpeg: bytes | None = None
    quality: Quality | None = None


class FrameKeeper:
    """Takes what was made of each frame, in the order of the frames, and hands over the proxies.

    Attributes:
        seen: hashes of the frames so far, with the place of their figures.
    """

    def __init__(self, add_proxy: Callable[[int, bytes], None]) -> None:
        self.seen: dict[str, int] = {}
        self._qualities = Records(Quality)
        self._add_proxy = add_proxy

    def keep(self, index: int, time_s: float, work: Work) -> DecodedSample:
        """Return what is kept of the next frame.

        Args:
            index: see `DecodedFrame`.
            time_s: see `DecodedFrame`.
            work: what was made of it.
        """
        is_repeated = work.digest in self.seen
        if not work.fault and not is_repeated:
            if work.jpeg is None or work.quality is None:
                raise RuntimeError(f"frame {index} has neither a proxy nor an equal before it")
            self.seen[work.digest] = len(self._qualities)
            self._qualities.append(work.quality)
            self._add_proxy(index, work.jpeg)
        quality = self._qualities[self.seen[work.digest]] if work.digest in self.seen else None
        member = "" if work.fault or is_repeated else member_name(index)
        return DecodedSample(index, time_s, work.width, work.height, work.digest, work.fault, member, quality)


def work_on(picture: av.VideoFrame, proxy_size: int, seen: Container[str], fault: str = "", known: str = "") -> Work:
    """Hash a frame, scale it before it becomes an array, and make of this its figures and its upright JPEG file.

    Args:
        picture: the frame.
        proxy_size: short side in pixels.
        seen: hashes of frames before it; others may be added meanwhile, which only saves work.
        fault: what is wrong with it, else empty.
        known: hash that it had before, which it keeps if it has these pixels; else empty.
    """
    transpose = transpose_of(picture)
    width, height = picture.width, picture.height
    upright = (height, width) if transpose in SWAPPING else (width, height)
    if fault:
        return Work(*upright, fault)
    try:
        digest = known if known and has_hash(picture, known) else pixel_hash(picture)
        if digest in seen:
            return Work(*upright, "", digest)
        small = small_picture(picture, proxy_dimensions(width, height, proxy_size))
    except av.error.OSError as error:  # a damaged header can name a format that FFmpeg does not convert
        return Work(*upright, f"the frame's pixels cannot be converted ({error_text(error)})")
    return Work(*upright, "", digest, encode_jpeg(turned(small, transpose)), quality_of(small, transpose))


def _in_order(
    decoded: Iterable[DecodedFrame], function: Callable[[DecodedFrame], Work], threads: int
) -> Iterator[tuple[DecodedFrame, Work]]:
    """Yield each frame with what `function` makes of it, in the order of the frames, whichever is ready first."""
    if threads <= 1:
        for one in decoded:
            yield one, function(one)
        return
    waiting: deque[tuple[DecodedFrame, Future[Work]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for one in decoded:
            waiting.append((one, pool.submit(function, one)))
            while len(waiting) > _FRAMES_PER_THREAD * threads or (waiting and waiting[0][1].done()):
                first, work = waiting.popleft()
                yield first, work.result()
        while waiting:
            first, work = waiting.popleft()
            yield first, work.result()
