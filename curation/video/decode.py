"""Decoding videos: every wanted frame once, streamed, and every frame that should have come accounted for.

Where only some frames are wanted, the rest is passed over undecoded as far as possible; if anything unexpected is met
then, this is tried again with one thread, and after that the whole video is decoded as if all were wanted.

Where all frames of an H.264 video are wanted, its groups of pictures are decoded side by side; if anything unexpected
is met then, it is decoded in one go.

Where a first pass finds any damage, the file is decoded twice with one thread: with several, what a damaged frame looks
like and how many are lost depends on their number, and results must not depend on the machine. The first of these
passes gathers what is damaged, the second one knows from it which frames were decoded from lost ones.
Decoders that may show memory which they never wrote have one thread from the beginning: see `decoder_memory`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av

from curation.core.cores import available_cores
from curation.core.records import Records
from curation.image.crops import NO_CROPPING, Cropping, WantedBox
from curation.image.decoded_sample import DecodedSample
from curation.image.view import Views
from curation.image.window import WindowOf, own_window
from curation.video.chosen_frames import Attempt, Picture, attempts, placed
from curation.video.decoded_video import DecodedVideo, judged, noted, with_views
from curation.video.decoder_memory import Copies
from curation.video.evidence import Tally
from curation.video.frame_samples import DecodedFrame, FrameKeeper, frame_samples, work_on
from curation.video.opening import NoVideoError, OpenAlready
from curation.video.packet_index import UnsureError, index_packets
from curation.video.picture_groups import read_groups
from curation.video.reader import Header, header_of, usual_distance
from curation.video.references import packet_number
from curation.video.sampling import EVERY_FRAME, FrameChoice

_MOST_HELPERS = 4
"""Threads beside the decoder's own: four keep up with any decoder, and each holds frames in memory."""


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
    choice: FrameChoice = EVERY_FRAME,
    cropping: Cropping = NO_CROPPING,
    window_of: WindowOf = own_window,
) -> DecodedVideo:
    """Decode a video, in bounded memory.

    Args:
        path: the file.
        max_pixels: a video with larger frames is refused from its header.
        proxy_size: short side of the proxies in pixels.
        corruption_threshold: share of damaged and missing frames above which the whole video counts as corrupt.
            Without influence where frames are chosen that are known from before.
        threads: threads that decode; 0 = one a core. Has no influence on the result.
        add_proxy: takes frame index and JPEG bytes of each sound frame whose pixels are new in this video.
        restart: called where decoding begins again; what `add_proxy` and `cropping` took is void.
        progress: takes the number of frames done or skipped since the last call; 0 says that work goes on.
        choice: of frames.
        cropping: what to cut out of sound frames whose pixels are new in this video.
        window_of: says through which window values are seen that have no range of their own.
    """
    steps, threads = _Steps(progress, restart), threads or available_cores()
    reading = _Reading(path, choice, max_pixels, proxy_size, threads, add_proxy, steps, cropping, window_of)
    threshold = 1.0 if choice.known is not None else corruption_threshold
    try:
        header = header_of(path, max_pixels=max_pixels)
        with header.opened:
            return noted(_decoded(reading, header, threshold), header.note, header.tracks)
    except NoVideoError as error:
        return DecodedVideo([], 0, str(error), is_corrupt=True, limit=error.limit)


def _decoded(reading: "_Reading", header: Header, corruption_threshold: float) -> DecodedVideo:
    """Decode the chosen frames in the first way that can be trusted.

    Raises:
        NoVideoError: the file cannot be opened any more.
    """
    if reading.choice.takes_all and header.has_many_decoders:
        try:
            return _decode_groups(reading, header.opened, corruption_threshold)
        except UnsureError:
            reading.steps.restart()
    is_copied = header.is_for_one_thread and not header.has_many_decoders
    for attempt in _attempts(reading, header.opened, 1 if header.is_for_one_thread else reading.threads):
        try:
            return _decoded_by(attempt, reading, corruption_threshold, is_copied=is_copied)
        except UnsureError:
            reading.steps.restart()
    raise RuntimeError("the last way to read a video gave nothing")


@dataclass(frozen=True)
class _Reading:
    """The arguments of every way of reading a video; see `decode_video`."""

    path: Path
    choice: FrameChoice
    max_pixels: int
    proxy_size: int
    threads: int
    add_proxy: Callable[[int, bytes], None]
    steps: "_Steps"
    cropping: Cropping
    window_of: WindowOf


class _Steps:
    """Tells how many frames have been done or passed over, and when all of it is void."""

    def __init__(self, progress: Callable[[int], object] | None, restarted: Callable[[], None]) -> None:
        self._progress = progress
        self._restarted = restarted
        self._done = 0

    def reach(self, frames: int) -> None:
        """Note that so many frames of the video lie behind; if it were more before, this is a sign of life only."""
        if self._progress:
            self._progress(max(0, frames - self._done))
        self._done = max(frames, self._done)

    def restart(self) -> None:
        """Begin with the first frame again."""
        self._restarted()
        if self._progress:
            self._progress(-self._done)
        self._done = 0


def _attempts(reading: _Reading, opened: OpenAlready, threads: int) -> Iterator[Attempt]:
    """Yield the ways to read the chosen frames.

    Several threads take the missing predecessors of frames before an open entry for damage; one does not. And where
    damage is found, one thread decides what it did, and to which frames.
    """
    return attempts(
        reading.path,
        reading.choice,
        max_pixels=reading.max_pixels,
        inside=() if reading.choice.takes_all else (threads, 1),
        through=(threads,),
        follows_damage=True,
        passed=reading.steps.reach,
        opened=opened,
    )


def _decoded_by(attempt: Attempt, reading: _Reading, corruption_threshold: float, *, is_copied: bool) -> DecodedVideo:
    """Decode the chosen frames in one way; for `is_copied`, see `curation.video.decoder_memory`.

    Raises:
        NoVideoError: the file cannot be opened, there is no video in it, or its frames are too large.
        UnsureError: something is unexpected, so another way must be tried.
    """
    tally, views = attempt.tally, Views()
    frames = _finished(attempt.pictures, reading, tally, views, is_copied=is_copied)
    if attempt.is_inside:
        if any(frame.fault for frame in frames):
            raise UnsureError("a damaged frame")
        if not reading.choice.confirms({frame.frame: frame.pixel_hash for frame in frames}):
            raise UnsureError("other pixels than before")
    reading.steps.reach(tally.decoded)
    if attempt.is_inside:
        skipped = tally.decoded - len(frames)
        sound = DecodedVideo(frames, 0, "", is_corrupt=False, skipped=skipped, decoded=tally.decoded)
        return with_views(sound, views)
    if tally.is_damaged and not attempt.is_last:
        raise UnsureError("signs of damage")
    return with_views(judged(frames, tally, reading.choice, corruption_threshold), views)


def _decode_groups(reading: _Reading, opened: OpenAlready, corruption_threshold: float) -> DecodedVideo:
    """Decode all frames of an H.264 video, its groups of pictures side by side.

    Raises:
        NoVideoError: the file cannot be opened, there is no video in it, or its frames are too large.
        UnsureError: something is unexpected, so the video must be decoded in one go.
    """
    tally, frames, keeper = Tally(), Records(DecodedSample), FrameKeeper(reading.add_proxy, reading.cropping)
    boxes, stamped = reading.cropping.boxes, _boxes_by_stamp(reading)
    groups = read_groups(
        reading.path,
        lambda picture: work_on(
            picture,
            reading.proxy_size,
            keeper.seen,
            boxes=stamped.get(picture.pts, ()),
            window_of=reading.window_of,
        ),
        max_pixels=reading.max_pixels,
        decoders=reading.threads,
        tally=tally,
        opened=opened,
    )
    usual = partial(usual_distance, reading.path, max_pixels=reading.max_pixels)
    with closing(groups) as made:  # its threads end before anything else is tried
        for each in placed(made, tally, usual):
            work = each.frame.made
            if work.fault:
                raise UnsureError(work.fault)
            if stamped.get(each.frame.pts) is not boxes.get(each.index):
                raise UnsureError("a frame is not in the place that its packet tells")
            frames.append(keeper.keep(each.index, float(each.seconds), work))
            reading.steps.reach(tally.decoded)
    return with_views(judged(frames, tally, reading.choice, corruption_threshold), keeper.views)


def _boxes_by_stamp(reading: _Reading) -> Mapping[int | None, Sequence[WantedBox]]:
    """Return what to cut out of frames by their time stamps: in a group, a frame's index is not known yet.

    Raises:
        UnsureError: the packets do not tell every frame's index.
    """
    boxes = reading.cropping.boxes
    if not boxes:
        return {}
    index = index_packets(reading.path, max_pixels=reading.max_pixels, passed=reading.steps.reach)
    return {int(index.pts[index.order[frame]]): boxes[frame] for frame in boxes if frame < index.frames}


def _finished(
    pictures: Iterable[Picture], reading: _Reading, tally: Tally, views: Views, *, is_copied: bool
) -> Sequence[DecodedSample]:
    """Keep what is needed of each frame, and hand over the proxies; `views` takes what is seen of them."""
    frames = Records(DecodedSample)
    helpers = min(reading.threads, _MOST_HELPERS)
    known = reading.choice.known or {}
    own = Copies() if is_copied and helpers > 1 else _as_it_is

    def decoded() -> Iterator[DecodedFrame]:
        for index, seconds, picture in ((each.index, each.seconds, each.frame) for each in pictures):
            fault = _fault_of(picture, tally)
            yield DecodedFrame(index, float(seconds), fault, own(picture), known.get(index, ""))

    for frame in frame_samples(
        decoded(),
        proxy_size=reading.proxy_size,
        threads=helpers,
        add_proxy=reading.add_proxy,
        cropping=reading.cropping,
        window_of=reading.window_of,
        views=views,
    ):
        frames.append(frame)
    return frames


def _as_it_is(picture: av.VideoFrame) -> av.VideoFrame:
    return picture


def _fault_of(picture: av.VideoFrame, tally: Tally) -> str:
    """Say what is wrong with a frame that came out of the decoder, empty if nothing is."""
    if picture.is_corrupt:
        return "the decoder marks the frame as damaged"
    if picture.pts is not None and picture.pts in tally.damaged_pts:
        return "the frame's data is cut off or damaged"
    if packet_number(picture) in tally.spoilt:
        return "the frame was decoded from lost or damaged ones"
    return ""
