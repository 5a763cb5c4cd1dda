"""Hashes, figures and proxies of a video's frames, made by several threads in the order of the frames."""

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import av

from curation.core.records import Records
from curation.image.crops import NO_CROPPING, Crop, Cropping, WantedBox, cut
from curation.image.decoded_sample import DecodedSample
from curation.image.proxies import member_name, proxy_dimensions
from curation.image.quality import Quality, quality_of
from curation.image.view import Views, small, view_of
from curation.image.window import ValueRange, Window, WindowOf, own_window
from curation.image.yuv import SWAPPING, encode_jpeg, turned
from curation.video.deep_frames import values_of
from curation.video.frame import as_seen, has_hash, pixel_hash, small_picture, transpose_of
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
    decoded: Iterable[DecodedFrame],
    *,
    proxy_size: int,
    threads: int,
    add_proxy: Callable[[int, bytes], None],
    cropping: Cropping = NO_CROPPING,
    window_of: WindowOf = own_window,
    views: Views | None = None,
) -> Iterator[DecodedSample]:
    """Yield what is kept of each frame, in the order in which they come.

    Args:
        decoded: taken in the calling thread, a few frames ahead of what is yielded.
        proxy_size: short side of the proxies in pixels.
        threads: how many work besides the calling one, which decodes; with 1 it does all itself. Has no influence on
            the result.
        add_proxy: takes frame index and JPEG bytes of each sound frame whose pixels are new.
        cropping: what to cut out of these.
        window_of: says through which window values are seen that have no range of their own.
        views: takes what was seen of these.
    """
    keeper = FrameKeeper(add_proxy, cropping, views)

    def made(one: DecodedFrame) -> Work:
        boxes = cropping.boxes.get(one.index, ())
        return work_on(one.picture, proxy_size, keeper.seen, one.fault, one.known, boxes, window_of)

    for one, work in _in_order(decoded, made, threads):
        yield keeper.keep(one.index, one.time_s, work)


class Work(NamedTuple):
    """The record of one frame; `jpeg` and `quality` are None if it is damaged or its pixels were known.

    For `values`, `window` and `note`, see `curation.image.view.View`.
    """

    width: int
    height: int
    fault: str
    digest: str = ""
    jpeg: bytes | None = None
    quality: Quality | None = None
    crops: tuple[Crop, ...] = ()
    values: ValueRange | None = None
    window: Window | None = None
    note: str = ""


class FrameKeeper:
    """Takes what was made of each frame, in the order of the frames, and hands over the proxies.

    Attributes:
        seen: hashes of the frames so far, with the place of their figures.
        views: what was seen of those whose pixels were new.
    """

    def __init__(
        self, add_proxy: Callable[[int, bytes], None], cropping: Cropping = NO_CROPPING, views: Views | None = None
    ) -> None:
        self.seen: dict[str, int] = {}
        self.views = Views() if views is None else views
        self._qualities = Records(Quality)
        self._add_proxy = add_proxy
        self._cropping = cropping

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
            self.views.add(index, work.values, work.window, work.note)
            for crop in work.crops:
                self._cropping.add(index, crop)
        quality = self._qualities[self.seen[work.digest]] if work.digest in self.seen else None
        member = "" if work.fault or is_repeated else member_name(index)
        return DecodedSample(index, time_s, work.width, work.height, work.digest, work.fault, member, quality)


def work_on(
    picture: av.VideoFrame,
    proxy_size: int,
    seen: Container[str],
    fault: str = "",
    known: str = "",
    boxes: Sequence[WantedBox] = (),
    window_of: WindowOf = own_window,
) -> Work:
    """Hash a frame, scale it before it becomes an array, and make of this its figures and its upright JPEG file.

    Args:
        picture: the frame.
        proxy_size: short side in pixels.
        seen: hashes of frames before it; others may be added meanwhile, which only saves work.
        fault: what is wrong with it, else empty.
        known: hash that it had before, which it keeps if it has these pixels; else empty.
        boxes: to be cut out of it.
        window_of: says through which window values are seen that have no range of their own.
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
        values = values_of(picture)
        view = None if values is None else view_of(values, window_of)
        size = proxy_dimensions(width, height, proxy_size)
        proxy = small_picture(picture, size) if view is None else small(view.picture, size)
        whole = None if not boxes else as_seen(picture) if view is None else view.picture
        crops = () if whole is None else cut(whole, transpose, boxes, proxy_size)
    except av.error.OSError as error:  # a damaged header can name a format that FFmpeg does not convert
        return Work(*upright, f"the frame's pixels cannot be converted ({error_text(error)})")
    work = Work(*upright, "", digest, encode_jpeg(turned(proxy, transpose)), quality_of(proxy, transpose), crops)
    return work if view is None else work._replace(values=view.values, window=view.window, note=view.note)


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
