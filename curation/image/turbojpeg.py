"""JPEG files decoded to luma and colour differences as they are stored, without a detour through RGB.

This spares the colour conversion and the enlargement of the colour differences, a seventh of the time, and more than
half of the memory and of all work after it. The library is libturbojpeg, of libjpeg-turbo 2 or 3; Pillow uses the same
decoder. Its result is the same, bit for bit, on every processor.

API: https://rawcdn.githack.com/libjpeg-turbo/libjpeg-turbo/2.1.5/doc/html/group___turbo_j_p_e_g.html
"""

import ctypes
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

import av
from av.video.reformatter import ColorRange

from curation.core.errors import MissingLibraryError
from curation.image.yuv import arrays_of

LIBRARY_NAMES = (
    "libturbojpeg.so.0",
    "libturbojpeg.0.dylib",
    "/opt/homebrew/opt/jpeg-turbo/lib/libturbojpeg.0.dylib",
    "/usr/local/opt/jpeg-turbo/lib/libturbojpeg.0.dylib",
)

_FORMATS = {
    0: ("yuv444p", 1, 1),
    1: ("yuv422p", 2, 1),
    2: ("yuv420p", 2, 2),
    3: ("gray", 1, 1),
    4: ("yuv440p", 1, 2),
    5: ("yuv411p", 4, 1),
}
"""FFmpeg's name of what the library calls a subsampling; pixels of one colour difference, across and down."""

_COLOUR_SPACES = {1, 2}
"""Those of luma with and without colour differences. The others, RGB and inks, have no luma."""

_SCALES = (8, 4, 2, 1)
"""Parts of the full size that are decoded faster than it. The library's other ones, such as 3/8, are slower."""

STOP_ON_WARNING = 8192
LIMIT_SCANS = 32768
"""Flags of the library."""


class _Header(NamedTuple):
    width: int
    height: int
    subsampling: int
    colour_space: int


def decode_planes(data: bytes, size: tuple[int, int], least: tuple[int, int] | None = None) -> av.VideoFrame | None:
    """Decode a sound JPEG file of luma, with or without colour differences.

    Args:
        data: the file.
        size: width and height that the file is known to have; another one counts as damage.
        least: width and height that the result must have at least; None = full size. It is a half, a quarter or an
            eighth of the full size, rounded up, or that itself.

    Returns:
        A frame of 8 bits and full range, as stored (not turned upright); None for a file of another kind, and for one
        with anything wrong.

    Raises:
        MissingLibraryError: the library is not installed.
    """
    turbo = library()
    handle = turbo.tjInitDecompress()
    if not handle:
        raise MemoryError
    try:
        header = _header(turbo, handle, data)
        if header is None or (header.width, header.height) != size:
            return None
        if header.colour_space not in _COLOUR_SPACES or header.subsampling not in _FORMATS:
            return None
        return _planes(turbo, handle, data, header, _scaled_size(size, least or size))
    finally:
        turbo.tjDestroy(handle)


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """Load libturbojpeg.

    Raises:
        MissingLibraryError: it is not installed.
    """
    for name in LIBRARY_NAMES:
        with suppress(OSError):
            loaded = ctypes.CDLL(name)
            loaded.tjInitDecompress.restype = loaded.tjInitTransform.restype = ctypes.c_void_p
            loaded.tjDestroy.argtypes = [ctypes.c_void_p]
            loaded.tjDecompressHeader3.argtypes = [
                *(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_ulong),
                *(ctypes.POINTER(ctypes.c_int),) * 4,
            ]
            loaded.tjDecompressToYUVPlanes.argtypes = [
                *(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int),
                *(ctypes.POINTER(ctypes.c_int), ctypes.c_int, ctypes.c_int),
            ]
            loaded.tjDecompress2.argtypes = [
                *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p),
                *(ctypes.c_int,) * 5,
            ]
            return loaded
    raise MissingLibraryError(
        "the library libturbojpeg, which decodes JPEG files, is missing. Run `make setup`, or install it "
        "(Debian: apt-get install libturbojpeg0, Fedora: turbojpeg, macOS: brew install jpeg-turbo)"
    )


def _header(turbo: ctypes.CDLL, handle: int, data: bytes) -> _Header | None:
    values = [ctypes.c_int() for _ in _Header._fields]
    failed = turbo.tjDecompressHeader3(handle, data, len(data), *map(ctypes.byref, values))
    return None if failed else _Header(*(value.value for value in values))


def _scaled_size(size: tuple[int, int], least: tuple[int, int]) -> tuple[int, int]:
    """Return the smallest of the sizes that the library decodes fast, and that is not below `least`."""
    for scale in _SCALES:
        width, height = (-(-side // scale) for side in size)
        if width >= least[0] and height >= least[1]:
            return width, height
    return size


def _planes(
    turbo: ctypes.CDLL, handle: int, data: bytes, header: _Header, size: tuple[int, int]
) -> av.VideoFrame | None:
    """Decode to the given size, into the memory of a frame.

    The library writes whole blocks of what one colour difference stands for, so the frame is made that large first.
    """
    name, across, down = _FORMATS[header.subsampling]
    width, height = size
    frame = av.VideoFrame(-(-width // across) * across, -(-height // down) * down, name)
    addresses = (ctypes.c_void_p * 3)(*(plane.buffer_ptr for plane in frame.planes))
    strides = (ctypes.c_int * 3)(*(plane.line_size for plane in frame.planes))
    flags = STOP_ON_WARNING | LIMIT_SCANS
    if turbo.tjDecompressToYUVPlanes(handle, data, len(data), addresses, width, strides, height, flags):
        return None
    if (frame.width, frame.height) != size:
        frame = _cut_to(frame, size)
    frame.color_range = ColorRange.JPEG
    return frame


def _cut_to(frame: av.VideoFrame, size: tuple[int, int]) -> av.VideoFrame:
    """Return the upper left part of a frame."""
    part = av.VideoFrame(*size, frame.format.name)
    for source, target in zip(arrays_of(frame), arrays_of(part), strict=True):
        target[:] = source[: len(target), : target.shape[1]]
    return part
