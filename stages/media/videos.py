"""Decoding videos: every frame once, streamed, and every frame that should have come accounted for.

Where a first pass finds any damage, the file is decoded again with one thread: with several, what a damaged frame looks
like and how many are lost depends on their number, and results must not depend on the machine.
One case remains: FFmpeg's VP8 decoder shows memory it never wrote where flipped bits go unnoticed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image

from stages.media.containers import NoVideoError
from stages.media.evidence import Tally
from stages.media.frames import SWAPPING, frame_image, pixel_hash, transpose_of
from stages.media.proxies import encode_jpeg, proxy_dimensions
from stages.media.quality import Quality, quality_of
from stages.media.video_reader import read_frames


@dataclass(frozen=True)
class Frame:
    """One frame that a video's decoder gave.

    Attributes:
        index: 0 for the first in decoded order.
        time_s: seconds since the first frame's time stamp.
        width: pixels, upright.
        height: pixels, upright.
        pixel_hash: 32 hexadecimal digits over the planes as decoded; empty for a damaged frame.
        fault: what is wrong with it, else empty.
        is_repeated: whether an earlier frame of the video has equal pixels, so that it has no proxy.
        quality: figures of its proxy's size; None for a damaged frame.
    """

    index: int
    time_s: float
    width: int
    height: int
    pixel_hash: str
    fault: str
    is_repeated: bool
    quality: Quality | None


@dataclass(frozen=True)
class DecodedVideo:
    """What one pass over a video gives.

    Attributes:
        frames: all that came out of the decoder.
        missing: frames that should have come, but did not.
        reason: why the whole video counts as corrupt; how many frames are missing if it does not; else empty.
        is_corrupt: whether the whole video counts as corrupt.
        limit: the parameter whose limit it exceeds, if it is refused for that; else empty.
    """

    frames: list[Frame]
    missing: int
    reason: str
    is_corrupt: bool
    limit: str = ""


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
        return DecodedVideo([], 0, str(error), is_corrupt=True, limit=error.limit)
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
    """Decode all frames, hash each, and hand over the proxies."""
    frames: list[Frame] = []
    seen: dict[str, Quality] = {}
    first_pts: int | None = None
    pictures = read_frames(path, max_pixels=max_pixels, threads=threads, tally=tally)
    for index, picture in enumerate(pictures):
        if first_pts is None:
            first_pts = picture.pts
        time_s = _time_s(picture, index, first_pts, tally)
        transpose = transpose_of(picture)
        width, height = picture.width, picture.height
        if transpose in SWAPPING:
            width, height = height, width
        fault = _fault_of(picture, tally)
        digest = "" if fault else pixel_hash(picture)
        is_repeated = digest in seen
        if not fault and not is_repeated:
            jpeg, seen[digest] = _proxy(picture, transpose, proxy_size)
            add_proxy(index, jpeg)
        frames.append(Frame(index, time_s, width, height, digest, fault, is_repeated, seen.get(digest)))
        if progress:
            progress(1)
    return frames


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


def _proxy(picture: av.VideoFrame, transpose: Image.Transpose | None, proxy_size: int) -> tuple[bytes, Quality]:
    """Scale a frame before it becomes an array; return it upright as a JPEG file, and its figures."""
    small = frame_image(picture, proxy_dimensions(picture.width, picture.height, proxy_size))
    upright = small.transpose(transpose) if transpose is not None else small
    return encode_jpeg(upright), quality_of(np.asarray(small), transpose)
