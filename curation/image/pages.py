"""Files of several images: pages of TIFF, and the frames of GIF, PNG, WebP and AVIF, composed as they are shown.

Reduced pictures and masks of TIFF are no pages. What a damaged frame of an animation shows shines through all later
ones, so it ends what is read of the file; pages of TIFF stand for themselves.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image

from curation.core.regular import size_of
from curation.image import tiff
from curation.image.damage import findings_in
from curation.image.deep import is_deep
from curation.image.opening import open_image
from curation.image.png_frames import png_frames
from curation.image.reading import decoded, guarded, opened_image
from curation.image.stored import StoredImage
from curation.image.undecodable import UndecodableImageError, UnsupportedImageError, require_pixels
from curation.workers.asking import asked

_TIFF, _PNG = "TIFF", "PNG"
_ANIMATED = {"AVIF", "GIF", _PNG, "WEBP"}
_ANY_SIZE = 2**63
_FILES_PER_BATCH = 64


@dataclass(frozen=True)
class Page:
    """One of several images of a file.

    Attributes:
        index: among them, from 0.
        stored: as its file stores it; None where it is damaged.
        fault: what is wrong with it; else empty.
    """

    index: int
    stored: StoredImage | None
    fault: str = ""


def page_counts_of(paths: Sequence[Path]) -> dict[Path, int]:
    """Count the pages of files in worker processes, of those that do no harm to the process that opens them.

    Args:
        paths: the files.
    """
    return asked(paths, _count, size_of, files_per_batch=_FILES_PER_BATCH)


def _count(path: Path, threads: int, announce: Callable[[int], None]) -> int:
    return page_count(path)


def page_count(path: Path) -> int:
    """Count the pages of a file without decoding them; one that breaks off has one more, which is damaged.

    Args:
        path: the file.

    Returns:
        1 for any other file, and for one that cannot be opened: whoever decodes it will say what is wrong. It is 1 for
        an animated PNG file of 16 bits, too, which Pillow does not compose with all of them.
    """
    try:
        with opened_image(path, b"", _ANY_SIZE) as image:
            return len(_places(image, path))
    except MemoryError:
        raise
    except Exception:  # whatever a library raises about a file
        return 1


def read_pages(path: Path, wanted: Iterable[int], max_pixels: int) -> Iterator[Page]:
    """Decode pages one after the other; one at a time is in memory.

    Args:
        path: the file.
        wanted: their indices, ascending.
        max_pixels: a file with larger ones is refused.

    Yields:
        The wanted pages; of an animation up to the first damaged frame, of TIFF all.

    Raises:
        UnsupportedImageError: a page is of a kind that is not read.
        UndecodableImageError: the file cannot be opened, or a page is too large.
    """
    with opened_image(path, b"", max_pixels) as image, ExitStack() as opened_again:
        places, is_tiff = _places(image, path), image.format == _TIFF
        # One for all pages, where they need it: turning a new one to each takes ever longer.
        other = cache(lambda: opened_again.enter_context(open_image(path)))
        sound = png_frames(path).sound if image.format == _PNG else len(places)
        for index in wanted:
            try:
                if index >= min(sound, len(places)):
                    raise UndecodableImageError("it is not there, cut off, or its checksum is wrong")
                page = Page(index, _at(image, other, path, places[index], max_pixels))
            except UndecodableImageError as error:
                if error.limit or isinstance(error, UnsupportedImageError):
                    raise
                page = Page(index, None, str(error))
            yield page
            if page.fault and not is_tiff:
                return


def _places(image: Image.Image, path: Path) -> Sequence[int]:
    """Return which of the pictures that Pillow counts in a file are pages."""
    if image.format == _TIFF:
        return tiff.pages_in(path)
    if image.format not in _ANIMATED or is_deep(image):
        return [0]
    try:
        declared = int(getattr(image, "n_frames", 1))
        if image.format == _PNG and declared > 1:  # a damaged header may promise any number
            declared = min(declared, png_frames(path).found + 1)
        return range(declared)
    except MemoryError:
        raise
    except Exception:  # the file breaks off, in any way
        return range(2)


def _at(image: Image.Image, other: Callable[[], Image.Image], path: Path, place: int, max_pixels: int) -> StoredImage:
    """Decode one of the pictures of a file."""

    def reopened() -> Image.Image:
        again = other()
        again.seek(place)
        return again

    try:
        guarded(lambda: image.seek(place))
    except UndecodableImageError:
        tags = tiff.tags_of(image)
        if tiff.makes_sense(tags):
            raise UnsupportedImageError(tiff.words_for(tags)) from None
        raise
    require_pixels(image.width, image.height, max_pixels)
    if damage := findings_in(image, b"", path, is_strictly_sound=False).damage:
        raise UndecodableImageError(damage)
    return StoredImage(*decoded(image, reopened))
