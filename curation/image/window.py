"""The window through which values of more than 8 bits are seen: what is black in the proxy, and what is white.

Thermal counts, millimetres of depth and 12-bit microscopy use a small part of what 16 bits can hold, and floats have no
agreed scale. So a window is found for all pictures of a folder together, or given, or is all that the type can hold.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Self

AUTO: Final = "auto"
FULL: Final = "full"

FLOAT = "float"
"""The kind of values of every floating point type."""

_INTEGER = re.compile(r"(u?)int(\d+)")
"""The kinds of values of integers: without a sign or with one, and their bits."""


class Window(NamedTuple):
    """The values that become black and white.

    Attributes:
        low: values at and below it are black.
        high: values at and above it are white.
    """

    low: float
    high: float


class ValueRange(NamedTuple):
    """The values that a picture has, but for its few lowest and highest.

    Attributes:
        kind: of its values, such as `uint16`, `uint10` or `uint16 RGB`: pictures of one kind have one window in a
            folder.
        low: hardly a pixel is lower.
        high: hardly a pixel is higher.
    """

    kind: str
    low: float
    high: float


Choice = Literal["auto", "full"] | tuple[float, float]
"""What `clean.value_window` may be."""

WindowOf = Callable[[str], Window | None]
"""Returns the window of a kind of values; None where it is to be found from the picture itself."""


def own_window(kind: str) -> None:
    """Let a picture be seen through a window of its own."""


def full_window(kind: str) -> Window:
    """Return the window of all that a kind of values can hold; floats count from 0 to 1."""
    name = kind.partition(" ")[0]
    if name == FLOAT:
        return Window(0.0, 1.0)
    sign, bits = _INTEGER.fullmatch(name).groups()  # type: ignore[union-attr]  # no other kinds are made
    return Window(0.0, 2.0 ** int(bits) - 1) if sign else Window(-(2.0 ** (int(bits) - 1)), 2.0 ** (int(bits) - 1) - 1)


@dataclass(frozen=True)
class ValueWindows:
    """The windows of all folders.

    Attributes:
        choice: `auto`, `full`, or the window of all pictures (`clean.value_window`).
        known: with `auto`, the windows that were found, by top-level folder and kind of values.
    """

    choice: Literal["auto", "full"] | Window = AUTO
    known: Mapping[tuple[str, str], Window] = field(default_factory=dict, hash=False)

    @classmethod
    def chosen(cls, choice: Choice, known: Mapping[tuple[str, str], Window] | None = None) -> Self:
        """Return the windows that a parameter asks for.

        Args:
            choice: `clean.value_window`.
            known: windows that were found, by folder and kind of values.
        """
        return cls(choice if isinstance(choice, str) else Window(*choice), known or {})

    def of(self, folder: str, kind: str) -> Window | None:
        """Return the window of a folder's pictures with values of a kind; None where none is known."""
        if isinstance(self.choice, Window):
            return self.choice
        return full_window(kind) if self.choice == FULL else self.known.get((folder, kind))


OWN_WINDOWS = ValueWindows()
"""No window is known: each picture is seen through one of its own."""


_ODD = 0.02
"""Share of the pictures whose lowest values do not count, and of those whose highest do not."""


def spanning(lows: Sequence[float], highs: Sequence[float]) -> Window:
    """Return the window that spans ranges of values, but for those of a few odd pictures.

    Args:
        lows: lower end of the range of each picture, at least one.
        highs: upper ends.
    """
    last = len(lows) - 1
    return Window(sorted(lows)[math.floor(_ODD * last)], sorted(highs)[math.ceil((1 - _ODD) * last)])
