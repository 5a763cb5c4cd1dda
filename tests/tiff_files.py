"""TIFF files of layouts that Pillow does not write, for tests."""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_FORMATS = {"u": 1, "i": 2, "f": 3}


def write_tiff(
    path: Path,
    *pictures: np.ndarray,
    tags: Mapping[int, Any] | None = None,
    reduced: tuple[int, ...] = (),
    is_planar: bool = False,
    order: str = "<",
    is_compressed: bool = False,
) -> Path:
    """Write pictures, (height, width) or (height, width, bands), one directory each.

    Args:
        path: of the file.
        pictures: of any integers or floats.
        tags: more of them, or others than those that follow from the pictures; bytes are ASCII.
        reduced: which pictures are said to be reduced ones of another.
        is_planar: whether each band stands by itself.
        order: `<` for the least significant byte first, `>` for the other order.
        is_compressed: whether the picture is one strip, compressed with Deflate.
    """
    content = bytearray((b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 0))
    place = 4
    for number, pixels in enumerate(pictures):
        bands = 1 if pixels.ndim == 2 else pixels.shape[2]
        stored = np.moveaxis(pixels, 2, 0) if is_planar else pixels
        data = stored.astype(pixels.dtype.newbyteorder(order)).tobytes()  # type: ignore[arg-type]
        data = zlib.compress(data) if is_compressed else data
        parts = bands if is_planar else 1
        starts = [len(content) + part * (len(data) // parts) for part in range(parts)]
        content += data
        entries: dict[int, Any] = {
            **{254: int(number in reduced), 256: pixels.shape[1], 257: pixels.shape[0]},
            **{
                258: [8 * pixels.dtype.itemsize] * bands,
                259: 8 if is_compressed else 1,
                262: 2 if bands >= 3 else 1,
                273: starts,
            },
            **{277: bands, 278: pixels.shape[0], 279: [len(data) // parts] * parts, 284: 2 if is_planar else 1},
            **{338: [0] * (bands - (3 if bands >= 3 else 1)), 339: [_FORMATS[pixels.dtype.kind]] * bands},
            **(tags or {}),
        }
        written = {tag: value for tag, value in sorted(entries.items()) if value != []}
        fields = b""
        for tag, value in written.items():
            fields += _field(tag, value, content, order)
        content[place : place + 4] = struct.pack(f"{order}I", len(content))
        content += struct.pack(f"{order}H", len(written)) + fields
        place = len(content)
        content += bytes(4)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _field(tag: int, value: Any, content: bytearray, order: str) -> bytes:
    """Return a directory's field; values that do not fit into it are added to the content."""
    if isinstance(value, bytes):
        kind, count, packed = 2, len(value) + 1, value + b"\0"
    else:
        numbers = value if isinstance(value, list) else [value]
        kind, count, packed = 4, len(numbers), struct.pack(f"{order}{len(numbers)}I", *numbers)
    if len(packed) > 4:
        start = len(content)
        content += packed
        packed = struct.pack(f"{order}I", start)
    return struct.pack(f"{order}HHI", tag, kind, count) + packed.ljust(4, b"\0")
