"""Decoding images: what they show, in small and in full size, with their hashes and figures.

What cannot be read to the last row is corrupt, whatever way its decoder fails.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import av
from PIL import Image

from curation.image.crops import WantedBox, cut
from curation.image.decoded_sample import DecodedImage
from curation.image.pages import read_pages
from curation.image.pillow_modes import former_hash
from curation.image.proxies import proxy_dimensions
from curation.image.quality import quality_of
from curation.image.reading import jpeg_data, opened_image, read_image
from curation.image.stored import StoredImage, data_hash_of, hashes_of, pixel_hash_of
from curation.image.undecodable import UndecodableImageError
from curation.image.values import Values, as_16_bit_grey
from curation.image.view import small, view_of
from curation.image.window import WindowOf, own_window
from curation.image.yuv import SWAPPING, encode_jpeg, turned


def decode_image(
    path: Path,
    *,
    max_pixels: int,
    proxy_size: int,
    jpeg_draft: bool = False,
    boxes: Sequence[WantedBox] = (),
    window_of: WindowOf = own_window,
    known_hash: str = "",
) -> DecodedImage:
    """Decode an image file completely, once.

    Args:
        path: the file.
        max_pixels: an image with more is refused from its header, before it takes memory.
        proxy_size: short side of the proxy in pixels; smaller images keep their size.
        jpeg_draft: whether JPEG files of at least twice the proxy's size are decoded at a reduced size; the hash of
            such a file is of its compressed data, so a file of another format with equal pixels has another.
        boxes: to be cut out of the full size, for which a draft is decoded a second time.
        window_of: says through which window values of more than 8 bits are seen.
        known_hash: that the image had before; empty = unknown. Of an image of more than 8 bits, it may be of the upper
            eight alone, as it was in former versions: then it is given again.

    Raises:
        UnsupportedImageError: the file is of a kind that is not read.
        UndecodableImageError: the file is damaged, no image, or too large.
        OSError: the file cannot be opened at all.
    """
    data = jpeg_data(path)
    read = read_image(path, data, max_pixels, draft_size=proxy_size if jpeg_draft else None, as_image=False)
    stored = read.stored
    digest = data_hash_of(data, stored.orientation) if read.is_draft else pixel_hash_of(stored)
    if known_hash not in ("", digest) and _had_hash(stored, path, max_pixels, known_hash):
        digest = known_hash
    full = _in_full(path, data, max_pixels) if boxes and read.is_draft else None
    image = _described(stored, read.size, digest, proxy_size, boxes, window_of, full)
    return replace(image, note="; ".join(filter(None, (read.note, image.note))))


def decode_page(
    stored: StoredImage, *, proxy_size: int, boxes: Sequence[WantedBox] = (), window_of: WindowOf = own_window
) -> DecodedImage:
    """Make of one of several images of a file what `decode_image` makes of the only one.

    Args:
        stored: the image.
        proxy_size: see `decode_image`.
        boxes: likewise.
        window_of: likewise.
    """
    size = (stored.picture.width, stored.picture.height)
    return _described(stored, size, pixel_hash_of(stored), proxy_size, boxes, window_of)


def _described(
    stored: StoredImage,
    size: tuple[int, int],
    digest: str,
    proxy_size: int,
    boxes: Sequence[WantedBox],
    window_of: WindowOf,
    full: Image.Image | av.VideoFrame | None = None,
) -> DecodedImage:
    """Return the proxy of an image, its figures, and what is cut out of it.

    Args:
        stored: the image; may be a draft.
        size: width and height of what the file stores, pixels.
        digest: hash of its pixels.
        proxy_size: see `decode_image`.
        boxes: likewise.
        window_of: likewise.
        full: of a draft with boxes, the picture in full size.
    """
    picture, transpose = stored.picture, stored.transpose
    values, window, note, is_empty = None, None, "", False
    if isinstance(picture, Values):
        is_visible = picture.alpha is None or bool(picture.alpha.any())
        picture, values, window, note = view_of(picture, window_of)
        is_empty = values is None and is_visible
    proxy = small(picture, proxy_dimensions(*size, proxy_size))
    width, height = size[::-1] if transpose in SWAPPING else size
    return DecodedImage(
        width,
        height,
        digest,
        encode_jpeg(turned(proxy, transpose)),
        quality_of(proxy, transpose),
        note,
        cut(picture if full is None else full, transpose, boxes, proxy_size),
        values,
        window,
        is_empty,
    )


def _in_full(path: Path, data: bytes, max_pixels: int) -> Image.Image | av.VideoFrame:
    """Decode a JPEG file, of which a draft is known, in full size, as it is stored."""
    picture = read_image(path, data, max_pixels, as_image=False).stored.picture
    assert not isinstance(picture, Values)
    return picture


def load_image(
    path: Path,
    *,
    max_pixels: int,
    pixel_hash: str = "",
    window_of: WindowOf = own_window,
    keeps_16_bits: bool = False,
) -> Image.Image:
    """Decode an image file completely: upright, in full size, in one of few modes.

    The first picture of an animated file counts. The modes are `RGBA` where the file has transparency; `L` for grey of
    more than 8 bits, or `I;16` where its values are wanted as they are; `RGB` for all else.

    Args:
        path: the file.
        max_pixels: an image with more is refused from its header.
        pixel_hash: that the image had before; empty = unknown.
        window_of: says through which window values of more than 8 bits are seen.
        keeps_16_bits: whether grey of 16 bits keeps its values.

    Raises:
        UnsupportedImageError: the file is of a kind that is not read.
        UndecodableImageError: the file is damaged, no image, too large, or holds another image than before.
        OSError: the file cannot be opened at all.
    """
    data = jpeg_data(path)
    read = read_image(path, data, max_pixels, as_planes=bool(pixel_hash), is_known=bool(pixel_hash))
    stored = read.image
    assert stored is not None
    is_known = not pixel_hash or pixel_hash in hashes_of(read.stored, data)
    if not is_known and not _had_hash(stored, path, max_pixels, pixel_hash):
        raise UndecodableImageError("the file holds another image than before")
    return _upright(stored, window_of, keeps_16_bits=keeps_16_bits)


def load_pages(
    path: Path,
    known: Mapping[int, str],
    *,
    max_pixels: int,
    window_of: WindowOf = own_window,
    keeps_16_bits: bool = False,
) -> Iterator[tuple[int, Image.Image]]:
    """Decode some of several images of a file one after the other, each as `load_image` gives the only one.

    Args:
        path: the file.
        known: pixel hash of each that is wanted, by index; empty = unknown.
        max_pixels: see `load_image`.
        window_of: likewise.
        keeps_16_bits: likewise.

    Yields:
        Index and picture; those that are damaged, or other images than before, are missing.

    Raises:
        UndecodableImageError: the file cannot be opened, or holds what is not read or too large.
        OSError: the file cannot be opened at all.
    """
    for page in read_pages(path, sorted(known), max_pixels):
        if page.stored and known[page.index] in ("", pixel_hash_of(page.stored)):
            yield page.index, _upright(page.stored, window_of, keeps_16_bits=keeps_16_bits)


def _upright(stored: StoredImage, window_of: WindowOf, *, keeps_16_bits: bool) -> Image.Image:
    """Return an image in full size, in one of the modes of `load_image`."""
    picture = stored.picture
    assert not isinstance(picture, av.VideoFrame)
    if isinstance(picture, Values):
        grey = as_16_bit_grey(picture) if keeps_16_bits else None
        picture = grey or view_of(picture, window_of).picture
    return picture if stored.transpose is None else picture.transpose(stored.transpose)


def _had_hash(stored: StoredImage, path: Path, max_pixels: int, known_hash: str) -> bool:
    """Return whether an image had a hash in former versions, which took 8 bits of each colour where there are more."""
    if not isinstance(stored.picture, Values):
        return False
    with suppress(Exception), opened_image(path, b"", max_pixels) as opened:
        return former_hash(opened, stored.orientation) == known_hash
    return False
