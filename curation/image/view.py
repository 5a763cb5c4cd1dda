"""Pictures of more than 8 bits a channel as they are seen: through the window of their folder, or their own range."""

from array import array
from typing import NamedTuple

import av
import numpy as np
from PIL import Image

from curation.image.proxies import to_rgb, without_empty_alpha
from curation.image.values import Values, seen, share_beyond, usual_range
from curation.image.window import ValueRange, Window, WindowOf, full_window, spanning
from curation.image.yuv import Yuv, scaled

_MUCH = 0.5
"""Share of a picture beyond its window that is told."""


class View(NamedTuple):
    """A picture as it is seen.

    Attributes:
        picture: mode `L`, `RGB` or `RGBA`, in full size, not turned upright.
        values: the range of its values; None where none of them counts.
        window: through which it is seen.
        note: what there is to say of it; empty as a rule.
    """

    picture: Image.Image
    values: ValueRange | None
    window: Window
    note: str = ""


def view_of(values: Values, window_of: WindowOf) -> View:
    """Return what is seen of a picture.

    Args:
        values: the picture.
        window_of: says through which window it is seen; its own range, where that knows none for its kind.
    """
    found = usual_range(values)
    window = window_of(values.kind) if values.has_window else full_window(values.kind)
    window = window or _own_window(found)
    return View(seen(values, window), found, window, _note_beyond(values, window))


def _own_window(values: ValueRange | None) -> Window:
    """Return the window of a picture for whose kind there is none: the range of its own values."""
    return Window(0.0, 1.0) if values is None else Window(values.low, values.high)


def _note_beyond(values: Values, window: Window) -> str:
    """Say that a picture lies for the larger part beyond its window, so that little of it is to be seen."""
    share = share_beyond(values, window)
    if share <= _MUCH:
        return ""
    return f"{share:.0%} of its values lie beyond {window.low:g} to {window.high:g} (clean.value_window)"


def small(picture: Image.Image | av.VideoFrame, size: tuple[int, int]) -> Yuv:
    """Scale an image: mean of the pixels that each pixel covers, transparency on white, 8 bits a channel.

    Args:
        picture: as stored, or as it is seen.
        size: width and height, pixels.
    """
    if isinstance(picture, av.VideoFrame):
        return scaled(picture, size)
    image = without_empty_alpha(picture)
    factors = (max(1, image.width // (2 * size[0])), max(1, image.height // (2 * size[1])))
    if factors != (1, 1):
        # Whole numbers of pixels first, which is faster. What is left to do, at least by two, evens out what they lack.
        image = image.reduce(factors)
    return scaled(av.VideoFrame.from_numpy_buffer(np.asarray(to_rgb(image)), format="rgb24"), size)


class Views:
    """Takes what was seen of each picture of a file, in their order; only values of the kind of the first ones count.

    One odd picture among many, such as a frame without light, does not make all others flat: see `spanning`.
    """

    def __init__(self) -> None:
        self._kind = ""
        self._lows, self._highs = array("d"), array("d")
        self._windows: set[Window] = set()
        self._first_note = 0, ""
        self._noted = 0

    def add(self, index: int, values: ValueRange | None, window: Window | None, note: str) -> None:
        """Take the next picture.

        Args:
            index: its place in the file.
            values: see `View`.
            window: likewise; None for a picture of 8 bits.
            note: likewise.
        """
        if note:
            self._first_note = self._first_note if self._noted else (index, note)
            self._noted += 1
        if values is None or window is None or values.kind != (self._kind or values.kind):
            return
        self._kind = values.kind
        self._lows.append(values.low)
        self._highs.append(values.high)
        self._windows.add(window)

    @property
    def values(self) -> ValueRange | None:
        """The range of the values of all pictures; None where there are none."""
        return ValueRange(self._kind, *spanning(self._lows, self._highs)) if self._lows else None

    @property
    def window(self) -> Window | None:
        """The window that all pictures were seen through; None where it differs from one to the other."""
        return next(iter(self._windows)) if len(self._windows) == 1 else None

    def told(self, name: str) -> str:
        """Return what there is to say of the pictures; empty as a rule.

        Args:
            name: what they are called, such as `page`.
        """
        index, note = self._first_note
        more = f", and {self._noted - 1} more {name}s likewise" if self._noted > 1 else ""
        return f"{name} {index}: {note}{more}" if note else ""
