"""What a format of exported lists says of itself.

A list tells a labelling tool which pictures there are; the pictures themselves are exported beside it, with
`curate export images`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd

COLUMNS = ("filename", "raw_path", "frame", "time_s", "iteration", "rank", "label", "label_name", "width", "height")
"""What is known of a sample: `filename` is the path of its picture, `label_name` its weak label, which may be empty."""

EXAMPLE = pd.DataFrame(
    [
        ("city/a.jpg", "city/a.jpg", 0, None, 1, 0, 1, "city", 640, 480),
        ("drive-07-mp4.png", "drive.mp4", 7, 0.28, 1, 1, 0, "", 1920, 1080),
    ],
    columns=list(COLUMNS),
)
"""Two samples, an image with a weak label and a frame without one, of which every format shows its list."""


class TextFile(NamedTuple):
    """A file to write.

    Attributes:
        path: where.
        text: its content.
        is_edited: whether people or tools change it afterwards: if it is there already, it stays as it is.
    """

    path: Path
    text: str
    is_edited: bool = False


@dataclass(frozen=True)
class Format:
    """A format of lists, `curate export NAME TARGET`.

    Attributes:
        files: takes samples, with the columns named below, and TARGET; returns the files to write.
        sentence: what it is, for help and docs.
        source: where it is described.
        columns: which of `COLUMNS` it reads.
        target: a usual TARGET; one without ending is a folder.
        example: the lists of `EXAMPLE` by their path, where TARGET is `target`; the tests check it, the docs show it.
    """

    files: Callable[[pd.DataFrame, Path], Iterable[TextFile]]
    sentence: str
    source: str
    columns: tuple[str, ...]
    target: str
    example: Mapping[str, str]


def one_file(text_of: Callable[[pd.DataFrame], str]) -> Callable[[pd.DataFrame, Path], list[TextFile]]:
    """Return what writes a list that is one file, TARGET.

    Args:
        text_of: returns the content of samples.
    """
    return lambda samples, target: [TextFile(target, text_of(samples))]


def divided(name: str) -> tuple[str, str]:
    """Return the name of a picture on the disk without its ending, and the ending."""
    ending = PurePosixPath(name).suffix
    return name.removeprefix("./").removesuffix(ending), ending


def labels_of(samples: pd.DataFrame) -> list[str]:
    """Return the weak labels that there are, sorted."""
    return sorted({label for label in samples["label_name"] if label})


def sizes_of(samples: pd.DataFrame) -> list[tuple[str, int, int]]:
    """Return filename, width and height in pixels of each sample."""
    columns = [samples[name].tolist() for name in ("filename", "width", "height")]
    return [(name, int(width), int(height)) for name, width, height in zip(*columns, strict=True)]


def as_json(content: object) -> str:
    """Return JSON as people can read it."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
