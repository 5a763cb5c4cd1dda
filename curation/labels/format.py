"""What a format of labels says of itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from curation.labels.given import Given
from curation.labels.source import Source


@dataclass(frozen=True)
class LabelFormat:
    """A format in which tools write labels or predictions.

    Attributes:
        recognises: tells by its content whether a source has this format.
        read: returns what a source of this format holds.
        sentence: what it is, for help and docs.
        source: where it is described.
        example: files by their path, with labels of `city/a.jpg` and `drive-07-mp4.png`; the tests read it, the docs
            show it.
    """

    recognises: Callable[[Source], bool]
    read: Callable[[Source], Given]
    sentence: str
    source: str
    example: Mapping[str, str]
