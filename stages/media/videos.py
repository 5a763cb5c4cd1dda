"""Decoding videos: every frame once, streamed, and every frame that should have come accounted for.

Where a first pass finds any damage, the file is decoded again with one thread: with several, what a damaged frame looks
like and how many are lost depends on their number, and results must not depend on the machine.
One case remains: FFmpeg's VP8 decoder shows memory it never wrote where flipped bits go unnoticed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av

from stages.cores import available_cores
from stages.media.containers import NoVideoError
from stages.media.evidence import Tally
from stages.media.frame_samples import Decoded, Frame, frame_samples
from stages.media.video_reader import read_frames

_MOST_HELPERS = 4
"""Threads beside the decoder's own: four keep up with any decoder, and each holds frames in memory."""


@dataclass(frozen=True)
class DecodedVideo:
    """What one pass over a video gives.

    Attributes:
        frames: all that came out of the decoder.
        missing: frames that should have come, but did not.
        reason: why the whole video counts as corrupt; how many frames are missing if it does not; else empty.
        is_corrupt: whether the whole video counts as corrupt.
    """

    frames: list[Frame]
    missing: int
    reason: str
    is_corrupt: bool


def decode_video(
    path: Path,
    *,
    max_pixels: int,
    proxy_size: int,
    corruption_threshold: float,
    threads: int,
    add_proxy: Callable[[int, bytes], None],
    restart: Callable[[], None],
    progress: Callable[[int], object] | None = None,
) -> DecodedVideo:
    """Decode a video completely, in bounded memory.

    Args:
        path: the file.
        max_pixels: a video with larger frames is refused from its header.
        proxy_size: short side of the proxies in pixels.
        corruption_threshold: share of damaged and missing frames above which the whole video counts as corrupt.
        threads: threads of the decoder; 0 = one a core. Has no influence on the result.
        add_proxy: takes frame index and JPEG bytes of each sound frame whose pixels are new in this video.
        restart: called where decoding begins again; what `add_proxy` took is void.
        progress: takes the number of frames done since the last call.
    """
    tally = Tally()
    frames: list[Frame] = []
    try:
        frames = _decode_once(path, tally, max_pixels, proxy_size, threads, add_proxy, progress)
        if threads != 1 and tally.is_damaged:
            restart()
            if progress:
                progress(-len(frames))
            tally = Tally()
            frames = _decode_once(path, tally, max_pixels, proxy_size, 1, add_proxy, progress)
    except NoVideoError as error:
        return DecodedVideo([], 0, str(error), is_corrupt=True)
    return _judged(frames, tally, corruption_threshold)


def _judged(frames: list[Frame], tally: Tally, corruption_threshold: float) -> DecodedVideo:
    """Decide whether the video as a whole is corrupt."""
    missing = tally.missing()
    damaged = sum(bool(frame.fault) for frame in frames)
    details = f" (first error: {tally.first_error})" if tally.first_error else ""
    if not frames:
        return DecodedVideo(frames, missing, f"no frame can be decoded{details}", is_corrupt=True)
    total = len(frames) + missing
    numbers = f"{damaged} damaged and {missing} missing of {total} frames"
    if damaged + missing == total or (damaged + missing) / total > corruption_threshold:
        share = f"{100 * (damaged + missing) / total:.1f} %, more than clean.corruption_threshold"
        return DecodedVideo(frames, missing, f"{numbers}: {share}{details}", is_corrupt=True)
    return DecodedVideo(frames, missing, f"{numbers}{details}" if missing else "", is_corrupt=False)


def _decode_once(
    path: Path,
    tally: Tally,
    max_pixels: int,
    proxy_size: int,
    threads: int,
    add_proxy: Callable[[int, bytes], None],
    progress: Callable[[int], object] | None,
) -> list[Frame]:
    """Decode all frames, and hand over the proxies."""
    frames: list[Frame] = []
    pictures = read_frames(path, max_pixels=max_pixels, threads=threads, tally=tally)
    helpers = min(threads or available_cores(), _MOST_HELPERS)
    for frame in frame_samples(_timed(pictures, tally), proxy_size=proxy_size, threads=helpers, add_proxy=add_proxy):
        frames.append(frame)
        if progress:
            progress(1)
    return frames


def _timed(pictures: Iterable[av.VideoFrame], tally: Tally) -> Iterator[Decoded]:
    """Give each frame its place in time, and say what is wrong with it."""
    first_pts: int | None = None
    for index, picture in enumerate(pictures):
        if first_pts is None:
            first_pts = picture.pts
        yield Decoded(index, _time_s(picture, index, first_pts, tally), _fault_of(picture, tally), picture)


def _fault_of(picture: av.VideoFrame, tally: Tally) -> str:
    """Say what is wrong with a frame that came out of the decoder, empty if nothing is."""
    if picture.is_corrupt:
        return "the decoder marks the frame as damaged"
    if picture.pts is not None and picture.pts in tally.damaged_pts:
        return "the frame's data is cut off or damaged"
    return ""


def _time_s(picture: av.VideoFrame, index: int, first_pts: int | None, tally: Tally) -> float:
    """Return seconds since the first frame, from time stamps; from the average rate where there are none."""
    if picture.pts is not None and first_pts is not None and tally.time_base:
        return float((picture.pts - first_pts) * tally.time_base)
    return float(index / tally.rate) if tally.rate else 0.0
