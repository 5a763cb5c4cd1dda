"""Decoding videos: every frame once, streamed, and every frame that should have come accounted for.

FFmpeg returns fewer frames than a file declares, without an error, for many kinds of damage. So what came out is held
against what the file says, in four ways, and the largest gap counts:

- against the container's frame count, where it has one (mp4, mov, avi);
- against the packets that were read, each of which holds one frame in most containers;
- against the container's duration, where no count exists (Matroska, WebM, flv): a file whose packets, of all streams,
  end long before it should end was cut;
- against the usual distance of frames in time, but only near places where container or decoder met damage: sound videos
  have pauses too.

Frames that are left out on purpose do not count as missing: hidden reference frames (VP8), packets outside an edit
list, repeated frames (empty packets in avi), the second field of interlaced video.

Where a first pass finds any damage, the file is decoded again with one thread: with several, what a damaged frame looks
like and how many are lost depends on their number, and results must not depend on the machine.
One case remains: FFmpeg's VP8 decoder shows memory it never wrote where flipped bits go unnoticed.
"""

import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.stream import Stream
from av.video.reformatter import Interpolation
from PIL import Image

from stages.media.containers import NoVideoError, error_text, open_video, video_stream
from stages.media.proxies import encode_jpeg, proxy_dimensions

_SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
"""Mean of the pixels that a proxy's pixel covers; bit exact, so that the proxy is the same on every processor."""

_DECLARE_DURATION = ("matroska", "flv", "asf", "mov")
"""Containers whose header states the duration; for others FFmpeg derives it from what is there."""

_DAMAGE_MARGIN = 16
"""A gap in time counts as damage up to this many frames from where damage was met: decoders put frames in order."""

_HEADER_BYTES = 256
"""Headers between two Matroska packets take less."""

_UPRIGHT = {
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}
"""What turns a frame upright, for the signs of a, b, c, d in its display matrix (x' = ax + cy, y' = bx + dy)."""

_SWAPPING = {
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
}


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
    """

    index: int
    time_s: float
    width: int
    height: int
    pixel_hash: str
    fault: str
    is_repeated: bool


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


@dataclass
class Tally:
    """What was met while a video was read; times are in seconds of the container's clock.

    Attributes:
        declared: frames that the container's header counts; 0 if it does not.
        shown_packets: packets that hold a frame which is to be seen.
        left_out_packets: packets without such a frame: hidden, outside an edit list, or empty.
        decoded: frames that came out.
        interlaced: those of them that are interlaced.
        errors: raised by decoder or container.
        first_error: its text.
        damaged_pts: time stamps of packets that the container marks as damaged or cut.
        damage_pts: time stamps near which container or decoder met damage of any kind.
        frame_pts: time stamps of the frames that came out.
        last_pts: time stamp of the last packet of the stream.
        read_to: position in the file up to which packets of any stream have covered it.
        damaged_packets: their number.
        damaged_frames: frames that the decoder itself marks as damaged.
        starts: earliest time stamp of any stream.
        ends: latest time stamp of any stream, duration included.
        declared_duration: of the container's header; 0 if it states none.
        time_base: seconds a unit of the frames' time stamps.
        rate: average frames a second.
    """

    declared: int = 0
    shown_packets: int = 0
    left_out_packets: int = 0
    decoded: int = 0
    interlaced: int = 0
    errors: int = 0
    first_error: str = ""
    damaged_pts: set[int] = field(default_factory=set)
    damage_pts: set[int] = field(default_factory=set)
    frame_pts: list[int] = field(default_factory=list)
    last_pts: int = 0
    read_to: int = 0
    damaged_packets: int = 0
    damaged_frames: int = 0
    starts: float = float("inf")
    ends: float = 0.0
    declared_duration: float = 0.0
    time_base: Fraction | None = None
    rate: Fraction | None = None

    def note(self, error: Exception) -> None:
        """Count an error of the decoder or the container."""
        self.errors += 1
        self.damage_pts.add(self.last_pts)
        self.first_error = self.first_error or error_text(error)

    @property
    def is_damaged(self) -> bool:
        """Whether anything went wrong that could look different with another number of threads."""
        return self.shows_damage or self.missing() > 0

    @property
    def shows_damage(self) -> bool:
        """Whether container or decoder told of damage in what was read so far."""
        return bool(self.errors or self.damaged_packets or self.damaged_frames)

    def missing(self) -> int:
        """Return how many frames should have come but did not: the largest of the four kinds of evidence."""
        per_frame = 2 if self.interlaced and self.shown_packets >= 1.8 * self.decoded else 1
        expected = max(self.shown_packets, self.declared - self.left_out_packets) // per_frame
        in_time = self._missing_at_the_end() + self._missing_near_damage()
        return max(0, expected - self.decoded, in_time)

    def _missing_at_the_end(self) -> int:
        """Estimate the frames lost to a cut, from the declared duration and the rate of what was decoded."""
        if self.declared or not self.decoded or not self.declared_duration or self.ends <= self.starts:
            return 0
        span = max(self.ends, self.ends - self.starts)
        gap = self.declared_duration - span
        per_second = self.decoded / (self.ends - self.starts)
        return round(gap * per_second) if gap > max(0.25, 3 / per_second) else 0

    def _missing_near_damage(self) -> int:
        """Count the frames that would fill the gaps in time around places where damage was met."""
        times = np.unique(np.array(self.frame_pts, dtype=np.int64))
        if len(times) < 3 or not self.damage_pts:
            return 0
        distances = np.diff(times)
        usual = float(np.median(distances))
        damage = np.unique(np.array(sorted(self.damage_pts), dtype=np.int64))
        margin = _DAMAGE_MARGIN * usual
        first = np.searchsorted(damage, times[:-1] - margin, side="left")
        behind = np.searchsorted(damage, times[1:] + margin, side="right")
        gaps = distances[(behind > first) & (distances > 1.5 * usual)]
        return int((np.round(gaps / usual) - 1).sum())


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
    """Decode all frames, hash each, and hand over the proxies."""
    frames: list[Frame] = []
    seen: set[str] = set()
    first_pts: int | None = None
    pictures = read_frames(path, max_pixels=max_pixels, threads=threads, tally=tally)
    for index, picture in enumerate(pictures):
        if first_pts is None:
            first_pts = picture.pts
        time_s = _time_s(picture, index, first_pts, tally)
        transpose = _transpose_of(picture)
        width, height = picture.width, picture.height
        if transpose in _SWAPPING:
            width, height = height, width
        fault = _fault_of(picture, tally)
        digest = "" if fault else pixel_hash(picture)
        is_repeated = digest in seen
        if not fault and not is_repeated:
            seen.add(digest)
            add_proxy(index, _proxy(picture, transpose, proxy_size))
        frames.append(Frame(index, time_s, width, height, digest, fault, is_repeated))
        if progress:
            progress(1)
    return frames


def read_frames(
    path: Path, *, max_pixels: int, threads: int, tally: Tally | None = None
) -> Generator[av.VideoFrame, None, None]:
    """Yield every frame that the decoder gives, damaged ones included.

    Args:
        path: the file.
        max_pixels: a video with larger frames is refused.
        threads: threads of the decoder; 0 = one a core.
        tally: takes note of what is met.

    Raises:
        NoVideoError: it cannot be opened, there is no video in it, or its frames are too large. Errors met later are
            noted in `tally`.
    """
    tally = tally if tally is not None else Tally()
    with open_video(path, max_pixels) as container:
        stream = video_stream(container)
        pixels = stream.codec_context.width * stream.codec_context.height
        if pixels > max_pixels:
            raise NoVideoError(
                f"frames of {stream.codec_context.width} x {stream.codec_context.height} = {pixels} pixels, "
                f"more than clean.max_pixels ({max_pixels})"
            )
        stream.codec_context.options = {"max_pixels": str(max_pixels)}
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        tally.declared = int(stream.frames)
        if container.duration and container.format.name.split(",")[0] in _DECLARE_DURATION:
            tally.declared_duration = container.duration / av.time_base
        tally.time_base, tally.rate = stream.time_base, stream.average_rate
        for packet in _packets(container, stream, tally):
            for picture in _decoded(stream, packet, tally):
                tally.decoded += 1
                tally.interlaced += picture.interlaced_frame
                tally.damaged_frames += picture.is_corrupt
                if picture.pts is not None:
                    tally.frame_pts.append(picture.pts)
                    if picture.is_corrupt:
                        tally.damage_pts.add(picture.pts)
                yield picture


def _packets(
    container: av.container.InputContainer, stream: av.VideoStream, tally: Tally
) -> Iterator["av.Packet[av.VideoStream] | None"]:
    """Yield the packets of the stream that hold data, then None, which asks the decoder for what it still holds."""
    packets = container.demux()
    is_matroska = container.format.name.startswith("matroska")
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except MemoryError:
            raise
        except Exception as error:  # besides FFmpegError, damaged files have raised IndexError
            tally.note(error)
            break
        _note_time(packet, tally)
        skips_bytes = is_matroska and _skips_bytes(packet, tally)
        if packet.stream_index != stream.index:
            continue
        if not packet.size:
            tally.left_out_packets += packet.dts is not None
            continue
        if packet.is_discard or _is_hidden(packet, stream.codec_context.name):
            tally.left_out_packets += 1
        else:
            tally.shown_packets += 1
        if skips_bytes or packet.is_corrupt:
            tally.damage_pts.add(tally.last_pts)
            tally.damage_pts.add(packet.pts if packet.pts is not None else tally.last_pts)
        tally.last_pts = packet.pts if packet.pts is not None else tally.last_pts
        if packet.is_corrupt:
            tally.damaged_packets += 1
            if packet.pts is not None:
                tally.damaged_pts.add(packet.pts)
        yield cast("av.Packet[av.VideoStream]", packet)
    yield None


def _skips_bytes(packet: "av.Packet[Stream]", tally: Tally) -> bool:
    """Whether bytes before a packet belong to none, more than headers need.

    Matroska files have no other sign of damage: FFmpeg searches on for the next place that makes sense.
    """
    if packet.pos is None or packet.pos < 0:
        return False
    skips = 0 < tally.read_to < packet.pos - _HEADER_BYTES and not packet.has_sidedata("matroska_block_additional")
    tally.read_to = max(tally.read_to, packet.pos + packet.size)
    return skips


def _note_time(packet: "av.Packet[Stream]", tally: Tally) -> None:
    """Widen the span of time that packets of any stream have covered."""
    if packet.pts is None or packet.time_base is None or packet.is_discard:
        return
    tally.starts = min(tally.starts, float(packet.pts * packet.time_base))
    tally.ends = max(tally.ends, float((packet.pts + (packet.duration or 0)) * packet.time_base))


def _is_hidden(packet: "av.Packet[Stream]", codec: str) -> bool:
    """Whether a packet only holds a reference picture that is never shown (RFC 6386, section 9.1: `show_frame`)."""
    return codec in ("vp8", "libvpx") and not bytes(memoryview(packet)[:1])[0] >> 4 & 1


def _decoded(
    stream: av.VideoStream, packet: "av.Packet[av.VideoStream] | None", tally: Tally
) -> Iterator[av.VideoFrame]:
    """Decode one packet; None yields all frames that the decoder still holds, even if some of them fail."""
    while True:
        try:
            pictures = stream.codec_context.decode(packet)
        except av.error.EOFError:
            return
        except MemoryError:
            raise
        except Exception as error:  # a decoder fails in its own ways on damaged data
            tally.note(error)
            pictures = []
            if tally.errors > 100 + tally.shown_packets:
                return
            if packet is None:
                continue
        yield from pictures
        if packet is not None or not pictures:
            return


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


def _transpose_of(picture: av.VideoFrame) -> Image.Transpose | None:
    """Return what turns a frame upright, as its display matrix asks; None if it is upright."""
    side_data: Mapping[Any, Any] = picture.side_data  # keyed by type, which its stub does not say
    matrix = side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return None
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(matrix), dtype=np.int32)[:5])
    largest = max(map(abs, (a, b, c, d))) or 1
    return _UPRIGHT.get((round(a / largest), round(b / largest), round(c / largest), round(d / largest)))


def pixel_hash(picture: av.VideoFrame) -> str:
    """Hash the planes of a frame as decoded, without the padding of their lines.

    Formats whose planes hold undefined bits or need a palette are converted to 8-bit RGBA first.

    Returns:
        32 hexadecimal digits over pixel format, size and planes.
    """
    tag = f"{picture.format.name} {picture.width}x{picture.height}\n".encode()
    digest = hashlib.blake2b(tag, digest_size=16)
    line_bytes = _bytes_per_line(picture.format.name, picture.width)
    if not line_bytes or any(plane.line_size < 0 for plane in picture.planes):
        picture = picture.reformat(format="rgba", interpolation=_SCALING, threads=1)
        line_bytes = (4 * picture.width,)
    for plane, used in zip(picture.planes, line_bytes, strict=True):
        lines = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)[:, :used]
        digest.update(np.ascontiguousarray(lines).data)
    return digest.hexdigest()


@lru_cache(maxsize=64)
def _bytes_per_line(format_name: str, width: int) -> tuple[int, ...]:
    """Return how many bytes of a line hold pixels, for each plane; nothing for formats with undefined bits."""
    layout = av.VideoFormat(format_name, width, 2)
    if layout.is_bit_stream or layout.has_palette or layout.is_bayer:
        return ()
    planes = 1 + max(component.plane for component in layout.components)
    sizes = [0] * planes
    for component in layout.components:
        sizes[component.plane] += component.width * -(-component.bits // 8)
    if not layout.is_planar and sizes[0] * 8 != width * layout.padded_bits_per_pixel:
        return ()
    return tuple(sizes)


def _proxy(picture: av.VideoFrame, transpose: Image.Transpose | None, proxy_size: int) -> bytes:
    """Scale a frame before it becomes an array, turn it upright, return it as a JPEG file."""
    return encode_jpeg(frame_image(picture, proxy_dimensions(picture.width, picture.height, proxy_size), transpose))


def frame_image(
    picture: av.VideoFrame, size: tuple[int, int] | None = None, transpose: Image.Transpose | None = None
) -> Image.Image:
    """Return a frame as an `RGB` image.

    Args:
        picture: the frame.
        size: width and height before it is turned, pixels; None = its own.
        transpose: what turns it upright.
    """
    if size is not None and size != (picture.width, picture.height) and picture.format.name.startswith("yuv"):
        # Scaling the planes and converting the small frame takes two thirds of the time of both in one step. JPEG
        # halves the resolution of colours anyway.
        picture = picture.reformat(*size, "yuv420p", interpolation=_SCALING, threads=1)
    width, height = size or (picture.width, picture.height)
    small = picture.reformat(width, height, "rgb24", interpolation=_SCALING, threads=1)
    image = Image.fromarray(small.to_ndarray())
    return image.transpose(transpose) if transpose is not None else image


def upright_image(picture: av.VideoFrame) -> Image.Image:
    """Return a frame in full size, upright, mode `RGB`."""
    return frame_image(picture, None, _transpose_of(picture))
