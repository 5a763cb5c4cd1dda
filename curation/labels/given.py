"""Labels of pictures, as a file gives them: before it is known which samples the pictures are."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import NamedTuple

Box = tuple[float, float, float, float]
"""Left, top, width and height."""

SHARES = (1.0, 1.0)
"""The extent of boxes in shares of the picture's width and height."""


class LabelFileError(ValueError):
    """A file of labels cannot be read: the message says what is wrong, to follow its path."""


class Label(NamedTuple):
    """A class that a picture, or an object in it, has.

    Attributes:
        name: of the picture, as the file has it.
        category: the class.
        box: of the object; None for the picture as a whole.
        extent: width and height of the picture that the box counts in: pixels as the tool saw it, or `SHARES`; None =
            pixels of a picture whose size the file does not say.
        score: of the class; None where the file has none, as for labels by people.
        probabilities: of `Given.classes` in their order; None where the file has none.
    """

    name: str
    category: str
    box: Box | None = None
    extent: tuple[float, float] | None = None
    score: float | None = None
    probabilities: tuple[float, ...] | None = None


@dataclass
class Given:
    """The content of a file of labels.

    Attributes:
        labels: in the order of the file.
        empty: names of pictures that the file says to be labelled, and to show nothing of any class.
        classes: in the order of their numbers, as far as the file tells them.
        left_out: what was not read, and how often, such as `keypoints`.
        is_predicted: whether a tool for labels by people says that these are a model's.
    """

    labels: list[Label]
    empty: list[str] = field(default_factory=list)
    classes: tuple[str, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)
    is_predicted: bool = False

    @property
    def names(self) -> list[str]:
        """Names of the pictures that have labels or are known to show nothing, each once."""
        return list(dict.fromkeys([*(label.name for label in self.labels), *self.empty]))


def number(value: object, what: str) -> float:
    """Return a finite number.

    Args:
        value: as the file has it.
        what: it is, for messages.

    Raises:
        LabelFileError: it is none.
    """
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        found = float("nan")
    if not isfinite(found) or isinstance(value, bool):
        raise LabelFileError(f"{what} is not a finite number ({value!r})")
    return found


def score_of(value: object, name: str) -> float | None:
    """Return the score of a label; None where there is none.

    Raises:
        LabelFileError: it is no number.
    """
    return None if value is None else number(value, f"a score of {name!r}")


def probabilities_of(values: object, name: str, classes: int) -> tuple[float, ...] | None:
    """Return the probabilities of a label; None where there are none.

    Args:
        values: as the file has them.
        name: of the picture, for messages.
        classes: how many there are.

    Raises:
        LabelFileError: they are not one number from 0 to 1 for each class.
    """
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != classes:
        raise LabelFileError(
            f"the probabilities of {name!r} are not a list of one number for each of {classes} classes"
        )
    found = tuple(number(value, f"a probability of {name!r}") for value in values)
    if min(found, default=0) < 0 or max(found, default=0) > 1:
        raise LabelFileError(f"a probability of {name!r} is not between 0 and 1")
    return found


def box_of(values: object, name: str) -> Box | None:
    """Return a box given as left, top, width and height; None where there is none.

    Raises:
        LabelFileError: it is no such box.
    """
    if values is None or values == []:
        return None
    if not isinstance(values, list | tuple) or len(values) != 4:
        raise LabelFileError(f"{name!r}: bbox {values!r} is not [x, y, width, height]")
    left, top, width, height = (number(value, f"{name!r}: a value of bbox {values!r}") for value in values)
    if width < 0 or height < 0:
        raise LabelFileError(f"{name!r}: bbox {values!r} has a width or height below 0")
    return left, top, width, height


def around(points: Iterable[Sequence[float]], name: str) -> Box:
    """Return the smallest box around points, each x and y.

    Raises:
        LabelFileError: there are none.
    """
    xs, ys = zip(*points, strict=True) if (points := list(points)) else ((), ())
    if not xs:
        raise LabelFileError(f"{name!r}: an outline has no points")
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def bare(name: str) -> str:
    """Return a text without the apostrophe with which exports keep spreadsheets from taking it for a formula."""
    return name[1:] if name[:1] == "'" and name[1:2] in ("=", "+", "-", "@", "\t", "\r") else name
