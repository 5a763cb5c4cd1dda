"""Decoding chosen samples from the raw files again, in full size, without decoding the rest of a video."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path

from PIL import Image

from curation.image.decode import load_image, load_pages
from curation.image.proxies import to_rgb
from curation.image.undecodable import UndecodableImageError
from curation.image.window import OWN_WINDOWS, ValueWindows, WindowOf, own_window
from curation.raw.listing import extension_of
from curation.raw.naming import label_name
from curation.video import frame as frames
from curation.video.chosen_frames import Attempt, Picture, attempts
from curation.video.packet_index import UnsureError
from curation.video.sampling import FrameChoice

Opened = Callable[[str], AbstractContextManager[Path | None]]
"""Gives the file of a raw file's path for as long as it is read; None where it cannot be had."""


def read_raw_samples(
    raw_folder: Path,
    wanted: Sequence[tuple[str, int]],
    *,
    video_extensions: Sequence[str],
    max_pixels: int,
    pixel_hashes: Sequence[str] | None = None,
    windows: ValueWindows = OWN_WINDOWS,
    opened: Opened | None = None,
) -> list[Image.Image | None]:
    """Decode samples from the raw files.

    Each file is opened for all of its wanted frames together, and of a video little more than these is decoded.

    Args:
        raw_folder: where the raw files are.
        wanted: path of the raw file relative to it, and frame index, of each sample.
        video_extensions: file name endings read as videos, lower case, without the dot.
        max_pixels: larger images and frames are refused.
        pixel_hashes: of each sample, as `clean` gave it: a picture with other pixels is none. None = unknown.
        windows: through which values are seen that have no range of their own.
        opened: gives the file of a path for as long as it is read, None where it cannot be had; None: as it lies in
            the folder.

    Returns:
        For each wanted sample its picture, upright, in full size, mode `RGB`; None where the file is gone, no longer
        decodes, or holds other pixels.
    """
    frames_of: dict[str, dict[int, str]] = {}
    for (path, frame), pixels in zip(wanted, pixel_hashes or [""] * len(wanted), strict=True):
        frames_of.setdefault(path, {})[frame] = pixels
    found: dict[tuple[str, int], Image.Image] = {}
    for path, known in sorted(frames_of.items()):
        window_of = partial(windows.of, label_name(path))
        try:
            with opened(path) if opened is not None else nullcontext(raw_folder / path) as file:
                if file is None:
                    pictures = {}
                elif extension_of(path) in video_extensions:
                    pictures = _video_frames(file, known, max_pixels, window_of)
                else:
                    pictures = _image(file, known, max_pixels, window_of)
        except MemoryError:
            raise
        except Exception:  # besides those that decoders are known for, whatever a library raises about a file
            pictures = {}
        found.update({(path, frame): picture for frame, picture in pictures.items()})
    return [found.get(key) for key in wanted]


def video_pictures(
    path: Path, known: Mapping[int, str], max_pixels: int, *, keeps_16_bits: bool, window_of: WindowOf = own_window
) -> Iterator[tuple[int, Image.Image]]:
    """Decode frames of a video one after the other, each with the pixels that it is known to have.

    Unlike `read_raw_samples`, this holds one picture at a time.

    Args:
        path: the video.
        known: pixel hash of each wanted frame, as `clean` gave it, by its index.
        max_pixels: larger frames are refused.
        keeps_16_bits: whether grey of more than 8 bits stays so.
        window_of: says through which window values are seen that have no range of their own.

    Yields:
        Index and picture, upright, in full size, mode `RGB`, or `I;16` where 16 bits are kept. Frames that are not
        there, or have other pixels, are missing.

    Raises:
        OSError: the file cannot be opened or read.
        NoVideoError: it is not a video.
    """
    left = dict(known)

    for attempt in _attempts(path, left, max_pixels):
        with suppress(UnsureError):
            pictures = _each_upright(attempt.pictures, dict(left), window_of, keeps_16_bits=keeps_16_bits)
            for index, picture in pictures:
                left.pop(index)
                yield index, picture
        if not left:
            return


def _attempts(path: Path, known: Mapping[int, str], max_pixels: int) -> Iterator[Attempt]:
    """Yield the ways to read frames of a video that are known from before.

    Indices of a damaged file count what the decoder gives, which depends on its threads: so in the end it is read with
    one, as it was when the indices were given.
    """
    return attempts(path, FrameChoice(known=known), max_pixels=max_pixels, inside=(0,), through=(0, 1))


def _image(path: Path, known: Mapping[int, str], max_pixels: int, window_of: WindowOf) -> dict[int, Image.Image]:
    """Decode an image, or chosen pages of a file of several."""
    if known.keys() == {0}:
        # The first page is what the file shows as an image, unless damage in a later one stands in the way.
        with suppress(UndecodableImageError):
            return {0: to_rgb(load_image(path, max_pixels=max_pixels, pixel_hash=known[0], window_of=window_of))}
    pages = load_pages(path, known, max_pixels=max_pixels, window_of=window_of)
    return {index: to_rgb(picture) for index, picture in pages}


def _video_frames(path: Path, known: Mapping[int, str], max_pixels: int, window_of: WindowOf) -> dict[int, Image.Image]:
    """Decode chosen frames of a video."""
    pictures: dict[int, Image.Image] = {}
    for attempt in _attempts(path, known, max_pixels):
        with suppress(UnsureError):
            pictures = dict(_each_upright(attempt.pictures, known, window_of, keeps_16_bits=False))
            if len(pictures) == len(known) and not attempt.tally.shows_damage:
                break
    return pictures


def _each_upright(
    decoded: Iterable[Picture], known: Mapping[int, str], window_of: WindowOf, *, keeps_16_bits: bool
) -> Iterator[tuple[int, Image.Image]]:
    """Yield frames upright, without those whose pixels are known to be others; read no further than the last one."""
    last = max(known)
    for place in decoded:
        if not known[place.index] or frames.has_hash(place.frame, known[place.index]):
            picture = frames.upright_image(place.frame, keeps_16_bits=keeps_16_bits, window_of=window_of)
            yield place.index, picture
        if place.index == last:
            break
