"""The warnings of libjpeg-turbo about a JPEG file: all of them, of which the TurboJPEG API tells only the first.

The first is not enough: many cameras put a few bytes before a marker, which does no harm, and the library warns of it.
What matters may come after it. So the function by which libjpeg emits its messages is replaced, as its documentation
says (`libjpeg.txt`, "Error handling"). TurboJPEG's handle begins with libjpeg's state, and this with the address of the
functions for messages: so it is in libjpeg-turbo 1 to 3, and tried once before it is relied on.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from curation.core.errors import MissingLibraryError
from curation.image.turbojpeg import LIMIT_SCANS, STOP_ON_WARNING, library

END_MISSING = "Premature end of JPEG file"
"""The library's words where the file ends before its end marker."""

EXTRANEOUS = "extraneous bytes before marker"
"""Its words for bytes that belong to nothing; webcams, scanners and telephones write such."""

_HARMLESS = (
    EXTRANEOUS,
    "Invalid SOS parameters",  # of Samsung's telephones
    "unknown JFIF revision number",
    "Unknown Adobe color transform code",
    "bad ICC marker",
)
"""Words of warnings about files whose picture is whole."""

_CMYK, _RGB = 11, 0
"""The library's numbers of the layouts of pixels."""

_LARGEST_STATE = 2**14
"""Bytes within which the functions for messages lie behind the beginning of a handle, which is about 2,000 long."""

_LONGEST_MESSAGE = 200
"""Bytes of the longest message, `JMSG_LENGTH_MAX` in jpeglib.h."""

_PROBE = b"\xff\xd8\0\xff\xd9"
"""The shortest file that the library warns of: one byte too much before the end marker."""

_EmitMessage = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int)
_FormatMessage = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)


class _ErrorManager(ctypes.Structure):
    """The beginning of libjpeg's `jpeg_error_mgr` (jpeglib.h), alike in all versions."""

    _fields_ = (
        ("error_exit", ctypes.c_void_p),
        ("emit_message", ctypes.c_void_p),
        ("output_message", ctypes.c_void_p),
        ("format_message", ctypes.c_void_p),
    )


def is_harmless(warning: str) -> bool:
    """Return whether a file with this warning may be whole."""
    return any(words in warning for words in _HARMLESS)


def require() -> None:
    """Make sure that the library's warnings can be heard.

    Raises:
        MissingLibraryError: the library is not installed, or of a kind that is not known.
    """
    if not _is_known():
        raise MissingLibraryError(
            "the library libturbojpeg, which decodes JPEG files, does not tell its warnings in the way that is known: "
            "install libjpeg-turbo 2 or 3"
        )


def warnings_of(data: bytes | NDArray[np.uint8], size: tuple[int, int], *, has_inks: bool = False) -> list[str]:
    """Decode a JPEG file at an eighth of its size, and return what the library warns of.

    Errors that end decoding are not among them: they end it everywhere.

    Args:
        data: the file.
        size: its width and height, pixels.
        has_inks: whether its colours are four inks (CMYK).

    Returns:
        The library's words, each once, in the order of the file. Those after the first harmful one are left out.

    Raises:
        MissingLibraryError: see `require`.
    """
    require()
    return _heard(data, size, has_inks)


@lru_cache(maxsize=1)
def _is_known() -> bool:
    return any(EXTRANEOUS in warning for warning in _heard(_PROBE, (8, 8), has_inks=False))


def _heard(data: bytes | NDArray[np.uint8], size: tuple[int, int], has_inks: bool) -> list[str]:
    turbo = library()
    handle = turbo.tjInitTransform()  # sets the functions for messages at the beginning too; tjInitDecompress does not
    if not handle:
        raise MemoryError
    told: dict[str, None] = {}
    try:
        with _listening(handle, told):
            width, height = (-(-side // 8) for side in size)
            pixels = ctypes.create_string_buffer(width * height * 4)
            address = data if isinstance(data, bytes) else data.ctypes.data
            layout, flags = _CMYK if has_inks else _RGB, STOP_ON_WARNING | LIMIT_SCANS
            turbo.tjDecompress2(handle, address, len(data), pixels, width, 0, height, layout, flags)
    finally:
        turbo.tjDestroy(handle)
    return list(told)


@contextmanager
def _listening(handle: int, told: dict[str, None]) -> Iterator[None]:
    """Collect warnings as keys of `told`; after the first harmful one, the library stops at the next."""
    address = ctypes.c_void_p.from_address(handle).value or 0
    if not handle < address < handle + _LARGEST_STATE:
        yield
        return
    manager = _ErrorManager.from_address(address)
    former, text_of = manager.emit_message, _FormatMessage(manager.format_message)

    def emit(state: int, level: int) -> None:
        if level >= 0:  # no warning, but a trace
            return
        text = ctypes.create_string_buffer(_LONGEST_MESSAGE)
        text_of(state, text)
        warning = text.value.decode("ascii", "replace")
        told[warning] = None
        if not is_harmless(warning):
            manager.emit_message = former

    listener = _EmitMessage(emit)
    manager.emit_message = ctypes.cast(listener, ctypes.c_void_p).value
    try:
        yield
    finally:
        manager.emit_message = former
