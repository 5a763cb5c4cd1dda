"""Decoding chosen samples from the raw files again, for pictures whose proxies are gone."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from stages.media.containers import NoVideoError
from stages.media.evidence import Tally
from stages.media.frames import upright_image
from stages.media.images import UndecodableImageError, load_image
from stages.media.listing import extension_of
from stages.media.proxies import to_rgb
from stages.media.video_reader import read_frames


def read_raw_samples(
    raw_folder: Path, wanted: Sequence[tuple[str, int]], *, video_extensions: Sequence[str], max_pixels: int
) -> list[Image.Image | None]:
    """Decode samples from the raw files.

    Each file is opened once, whatever the number of its wanted frames, and read up to the last of them.

    Args:
        raw_folder: where the raw files are.
        wanted: path of the raw file relative to it, and frame index, of each sample.
        video_extensions: file name endings read as videos, lower case, without the dot.
        max_pixels: larger images and frames are refused.

    Returns:
        For each wanted sample its picture, upright, in full size, mode `RGB`; None where the file is gone or no longer
        decodes.
    """
    frames_of: dict[str, set[int]] = {}
    for path, frame in wanted:
        frames_of.setdefault(path, set()).add(frame)
    found: dict[tuple[str, int], Image.Image] = {}
    for path, frames in sorted(frames_of.items()):
        try:
            if extension_of(path) in video_extensions:
                pictures = _frames(raw_folder / path, frames, max_pixels)
            else:
                pictures = {0: to_rgb(load_image(raw_folder / path, max_pixels=max_pixels))}
        except (OSError, UndecodableImageError, NoVideoError):
            continue
        found.update({(path, frame): picture for frame, picture in pictures.items()})
    return [found.get(key) for key in wanted]


def _frames(path: Path, wanted: set[int], max_pixels: int) -> dict[int, Image.Image]:
    """Decode a video up to its last wanted frame.

    Indices count what the decoder gives. For a damaged file that depends on its threads, so it is read with one, as it
    was when the indices were given.
    """
    tally = Tally()
    pictures = _frames_with(path, wanted, max_pixels, threads=0, tally=tally)
    if tally.shows_damage or len(pictures) < len(wanted):
        pictures = _frames_with(path, wanted, max_pixels, threads=1, tally=Tally())
    return pictures


def _frames_with(
    path: Path, wanted: set[int], max_pixels: int, *, threads: int, tally: Tally
) -> dict[int, Image.Image]:
    pictures: dict[int, Image.Image] = {}
    frames = read_frames(path, max_pixels=max_pixels, threads=threads, tally=tally)
    for index, picture in enumerate(frames):
        if index in wanted:
            pictures[index] = upright_image(picture)
        if index >= max(wanted):
            break
    frames.close()
    return pictures
