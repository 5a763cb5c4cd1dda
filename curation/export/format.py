"""What a format of exported lists says of itself.

A list tells a labelling tool which pictures there are; the pictures themselves are exported beside it, with
`curate export images`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd

from curation.core.errors import OutputError
from curation.export.location import Kind, Location
from curation.export.predictions import Predicted

COLUMNS = (
    "filename",
    "raw_path",
    "frame",
    "time_s",
    "iteration",
    "rank",
    "label",
    "label_name",
    "width",
    "height",
    "class_id",
    "class_name",
    "sample",
    "location",
)
"""What is known of a sample.

`filename` is the path of its picture in the folder of pictures, and `location` where the tool finds that: the same, if
the user gives no place. `sample` is its name in the datapool. `label_name` is its weak label, which may be empty, and
`label` that one's index in the datapool. `class_name` is its class, empty if it has none, and `class_id` the number of
that from 0, missing likewise (`curation.export.classes`). `width` and `height` are those of the exported picture, in
pixels; missing where the datapool has lost them.
"""


@dataclass(frozen=True)
class Listing:
    """The content of a list.

    Attributes:
        samples: one row a sample, with those of `COLUMNS` that the format reads, in the order of the list.
        classes: all classes by their number from 0, whether samples of this list have them or not: the same in every
            export, or the beginning of a later one's.
        images: where the tool finds the pictures, if the user says so; else beside the list.
        predictions: what a model predicts, by `sample`; for formats that read predictions.
        model: what the user calls that model.
    """

    samples: pd.DataFrame
    classes: tuple[str, ...] = ()
    images: Location | None = None
    predictions: Mapping[str, tuple[Predicted, ...]] = field(default_factory=dict)
    model: str = ""


EXAMPLE = Listing(
    pd.DataFrame(
        [
            ("city/a.jpg", "city/a.jpg", 0, None, 1, 0, 1, "city", 640, 480, 1, "city"),
            ("drive-07-mp4.png", "drive.mp4", 7, 0.28, 1, 1, 0, "", 1920, 1080, None, ""),
        ],
        columns=list(COLUMNS[:-2]),
    )
    .assign(sample=lambda rows: rows["filename"], location=lambda rows: rows["filename"])
    .astype({"class_id": "Int64"}),
    ("beach", "city"),
)
"""Two samples, an image of the second class and a frame without one, of which every format shows its list."""


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
        files: takes a list, its samples with the columns named below, and TARGET; returns the files to write.
        sentence: what it is, for help and docs.
        source: where it is described.
        columns: which of `COLUMNS` it reads.
        target: a usual TARGET; one without ending is a folder.
        example: the lists of `EXAMPLE` by their path, where TARGET is `target`; the tests check it, the docs show it.
        locations: which places of pictures it can name; none = its pictures are beside it.
        reads_predictions: whether it holds what a model predicts.
        without_images: what to tell a user who gives no place of pictures; empty = nothing.
    """

    files: Callable[[Listing, Path], Iterable[TextFile]]
    sentence: str
    source: str
    columns: tuple[str, ...]
    target: str
    example: Mapping[str, str]
    locations: tuple[Kind, ...] = ()
    reads_predictions: bool = False
    without_images: str = ""


def one_file(text_of: Callable[[Listing], str]) -> Callable[[Listing, Path], list[TextFile]]:
    """Return what writes a list that is one file, TARGET.

    Args:
        text_of: returns the file's content.
    """
    return lambda listing, target: [TextFile(target, text_of(listing))]


def divided(name: str) -> tuple[str, str]:
    """Return the name of a picture on the disk without its ending, and the ending."""
    ending = PurePosixPath(name).suffix
    return name.removeprefix("./").removesuffix(ending), ending


def sizes_of(samples: pd.DataFrame) -> list[tuple[str, int, int]]:
    """Return filename, width and height in pixels of each sample.

    Raises:
        OutputError: the size of a picture is not known.
    """
    unknown = samples["filename"][samples["width"].isna() | samples["height"].isna()]
    if len(unknown):
        raise OutputError(
            f"{len(unknown)} samples have no size, {unknown.iloc[0]!r} for one: their raw files were gone when the "
            "datapool changed its model; take a format without sizes, or leave them out with --iteration or --since"
        )
    columns = [samples[name].tolist() for name in ("filename", "width", "height")]
    return [(name, int(width), int(height)) for name, width, height in zip(*columns, strict=True)]


def as_json(content: object) -> str:
    """Return JSON as people can read it."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
