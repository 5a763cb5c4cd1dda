"""The frames of a video that are wanted, each with its index and its time, by decoding all of it or only parts.

All ways give the same frames of a sound file. Which frames a damaged file has is known after decoding it only.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import av

from curation.video.evidence import Tally
from curation.video.opening import OpenAlready
from curation.video.packet_index import PacketIndex, Passed, index_packets, silently
from curation.video.reader import read_frames, usual_distance
from curation.video.references import ReferenceLog
from curation.video.sampling import Chooser, FrameChoice
from curation.video.seeking import read_by_seeking
from curation.video.spoilt import spoilt_packets


class _Stamped(Protocol):
    """Anything that may have a time stamp."""

    @property
    def pts(self) -> int | None:
        """In units of the stream's time base."""


Some = TypeVar("Some", bound=_Stamped)


@dataclass(frozen=True)
class Placed(Generic[Some]):
    """A frame, or what was made of it, and its place.

    Attributes:
        index: 0 for the first frame of the video that is shown, whatever is left out.
        seconds: since the first frame.
        frame: the frame itself.
    """

    index: int
    seconds: Fraction
    frame: Some


Picture = Placed[av.VideoFrame]


@dataclass(frozen=True)
class Attempt:
    """One way of reading chosen frames.

    Attributes:
        pictures: the frames. `UnsureError` means that they are not to be trusted, as do frames that are missing or
            differ from what is known of them.
        tally: what was met on the way; of a video that is not decoded as a whole, the number of its frames only.
        is_inside: whether no more is decoded than the frames need.
        is_last: whether there is no other way, so that what it gives counts, whatever that is.
    """

    pictures: Iterator[Picture]
    tally: Tally
    is_inside: bool
    is_last: bool


def attempts(
    path: Path,
    choice: FrameChoice,
    *,
    max_pixels: int,
    inside: Iterable[int],
    through: Iterable[int],
    follows_damage: bool = False,
    passed: Passed = silently,
    opened: OpenAlready | None = None,
) -> Iterator[Attempt]:
    """Yield the ways to read chosen frames, the cheapest first: inside the video, through all of it, with one thread.

    The next one is to be asked for where one that was read to its end cannot be trusted. What a damaged frame looks
    like, and how many are lost, depends on the number of threads: so the last way has one.

    Args:
        path: the file.
        choice: of frames; looked at when a way begins.
        max_pixels: a video with larger frames is refused.
        inside: threads of the decoder each time that no more is decoded than the frames need; 0 = one a core.
        through: threads of the decoder each time that all of the video is decoded, at least one time.
        follows_damage: whether the last way of all is `decode_following_damage`.
        passed: takes the number of frames that lie behind.
        opened: the file, if it is open already.
    """
    for threads in dict.fromkeys(inside):
        tally = Tally()
        pictures = _decode_indexed(path, choice, tally, max_pixels=max_pixels, threads=threads, passed=passed)
        yield Attempt(pictures, tally, is_inside=True, is_last=False)
    *before, last = dict.fromkeys(through)
    for threads in [*before, last]:
        tally = Tally(references=ReferenceLog() if follows_damage and threads == 1 else None)
        pictures = decode_through(
            path, choice, max_pixels=max_pixels, threads=threads, tally=tally, passed=passed, opened=opened
        )
        yield Attempt(pictures, tally, is_inside=False, is_last=threads == last and not follows_damage)
    if follows_damage:
        known = tally if last == 1 else None
        tally = Tally()
        pictures = decode_following_damage(path, choice, known, max_pixels=max_pixels, tally=tally, passed=passed)
        yield Attempt(pictures, tally, is_inside=False, is_last=True)


def _decode_indexed(
    path: Path, choice: FrameChoice, tally: Tally, *, max_pixels: int, threads: int, passed: Passed
) -> Iterator[Picture]:
    """Index a video, and yield the chosen frames; see `decode_inside`."""
    index = index_packets(path, max_pixels=max_pixels, passed=passed)
    tally.decoded = index.frames
    yield from decode_inside(path, choice, index, max_pixels=max_pixels, threads=threads, passed=passed)


def decode_inside(
    path: Path,
    choice: FrameChoice,
    index: PacketIndex,
    *,
    max_pixels: int,
    threads: int,
    passed: Passed = silently,
) -> Iterator[Picture]:
    """Yield the chosen frames, decoding no more than they need.

    Args:
        path: the file.
        choice: of frames.
        index: of the file's packets.
        max_pixels: a video with larger frames is refused.
        threads: threads of the decoder, if its format allows for several; 0 = one a core.
        passed: takes the number of frames that lie behind, at every packet.

    Raises:
        NoVideoError: the file cannot be opened any more.
        UnsureError: what was yielded is not to be trusted, so all of the video must be decoded.
    """
    wanted = choice.frames(index.seconds(frame) for frame in range(index.frames))
    frames = read_by_seeking(path, index, wanted, max_pixels=max_pixels, threads=threads, passed=passed)
    for number, seconds, frame in frames:
        yield Placed(number, seconds, frame)


def decode_through(
    path: Path,
    choice: FrameChoice,
    *,
    max_pixels: int,
    threads: int,
    tally: Tally,
    passed: Passed = silently,
    opened: OpenAlready | None = None,
) -> Generator[Picture, None, None]:
    """Decode all of a video, and yield the chosen frames.

    Where `choice` has a limit, the video is decoded twice, the first time to count its frames.

    Args:
        path: the file.
        choice: of frames.
        max_pixels: a video with larger frames is refused.
        threads: threads of the decoder, if its format allows for several; 0 = one a core.
        tally: takes note of what is met.
        passed: takes the number of frames that lie behind, at every frame.
        opened: the file, if it is open already.

    Raises:
        NoVideoError: the file cannot be opened, there is no video in it, or its frames are too large.
    """

    def usual() -> Fraction:
        return usual_distance(path, max_pixels=max_pixels)

    wanted = None if choice.known is None else set(choice.known)
    if wanted is None and choice.limit is not None:
        counting = Tally()
        seconds: list[Fraction] = []
        counted = read_frames(path, max_pixels=max_pixels, threads=threads, tally=counting)
        for picture in placed(counted, counting, usual):
            seconds.append(picture.seconds)
            passed(0)
        wanted = set(choice.frames(seconds))
    chooser = Chooser(choice.fps)
    frames = read_frames(path, max_pixels=max_pixels, threads=threads, tally=tally, opened=opened)
    for picture in placed(frames, tally, usual):
        passed(picture.index)
        if picture.index in wanted if wanted is not None else chooser.takes(picture.seconds):
            yield picture


def decode_following_damage(
    path: Path,
    choice: FrameChoice,
    known: Tally | None = None,
    *,
    max_pixels: int,
    tally: Tally,
    passed: Passed = silently,
) -> Generator[Picture, None, None]:
    """Decode all of a damaged video, and yield the chosen frames; `Tally.spoilt` says which ones damage reaches.

    What is damaged may come to light after frames that were decoded from it are out, and some of it at the end of the
    file only. So all signs of damage must be known before: if they are not, the video is decoded twice.

    Args:
        path: the file.
        choice: of frames.
        known: what was met when one thread decoded all of the video, with a log of references; None = it has not yet.
        max_pixels: a video with larger frames is refused.
        tally: takes note of what is met.
        passed: takes the number of frames that lie behind, at every frame.

    Raises:
        NoVideoError: the file cannot be opened, there is no video in it, or its frames are too large.
    """
    if known is None:
        known = Tally(references=ReferenceLog())
        for _ in read_frames(path, max_pixels=max_pixels, threads=1, tally=known):
            passed(0)
    tally.references, tally.spoilt = ReferenceLog(), spoilt_packets(known)
    tally.joins = known.structure.joins if known.structure is not None else ()
    yield from decode_through(path, choice, max_pixels=max_pixels, threads=1, tally=tally, passed=passed)


def placed(frames: Iterable[Some], tally: Tally, usual: Callable[[], Fraction]) -> Iterator[Placed[Some]]:
    """Number frames, and add their times: from time stamps; a frame without one comes one usual distance later.

    Once a frame lacks one, no time stamp leads back: the frame follows at the usual distance then, too.

    Args:
        frames: in the order in which they are shown.
        tally: of the video.
        usual: finds the usual distance of frames, seconds; asked once, where a time stamp is missing.
    """
    seconds = Fraction(0)
    distance: Fraction | None = None
    first: tuple[int, Fraction] | None = None  # time stamp and time of the first frame that has one
    for index, frame in enumerate(frames):
        is_stamped = frame.pts is not None and tally.time_base is not None
        if not is_stamped and distance is None:
            distance = usual()
        following = seconds + distance if index and distance is not None else seconds
        if frame.pts is not None and tally.time_base is not None:
            first = first or (frame.pts, following)
            stamp = first[1] + (frame.pts - first[0]) * tally.time_base
            seconds = stamp if distance is None or stamp > seconds else following
        else:
            seconds = following
        yield Placed(index, seconds, frame)
