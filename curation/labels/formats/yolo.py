"""The format `yolo`: a folder of text files, one a picture, with a line for each object.

A line has the number of a class, then the box (centre, width and height as shares of the picture) or the corners of a
polygon, and the confidence at its end if there is one. A classifier's lines have the confidence first, then the class.
"""

import io
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import PurePosixPath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from curation.labels.format import LabelFormat
from curation.labels.given import SHARES, Box, Given, Label, LabelFileError, around, box_of, number
from curation.labels.source import Source
from curation.tables.given_lists import lines_of

_FOLDERS = ("labels", "obj_train_data", "obj_valid_data", "obj_test_data")
"""Names of folders of labels: of ultralytics and most others, and of CVAT's YOLO 1.1."""
_OTHER_TEXTS = {"classes.txt", "train.txt", "val.txt", "valid.txt", "test.txt"}
_LISTS_OF_VOC = "ImageSets"
_LOOKED_AT = 20


def is_yolo(source: Source) -> bool:
    """Tell whether there are text files whose lines begin with numbers."""
    names = _label_files(source)
    if source.is_single and not names:
        return False
    for name in names[:_LOOKED_AT]:
        lines = [line.split() for line in lines_of(source.text(name)) if line.strip()]
        if lines:
            return len(lines[0]) > 1 and _is_number(lines[0][0])
    return bool(names) and any(PurePosixPath(name).suffix in (".yaml", ".yml") for name in source.names)


def read_yolo(source: Source) -> Given:
    """Read the boxes of all files.

    A file without bytes says that nothing is in the picture; one with a line end and nothing else, as our exports have
    them, says nothing.

    Raises:
        LabelFileError: a line is none of these, or of a class that has no name beside others that have.
    """
    settings = _settings(source)
    classes = _classes(source, settings)
    keypoints = prod(map(int, settings.get("kpt_shape") or [0]))
    given = Given([], classes=tuple(classes[key] for key in sorted(classes)))
    for path in _label_files(source):
        name, text = _picture_of(path, settings), source.text(path)
        found = [
            _label(name, line.split(), classes, keypoints, f"{path}, line {row}")
            for row, line in enumerate(lines_of(text), 1)
            if line.strip()
        ]
        given.labels += found
        given.empty += [name] if text == "" else []
    return given


def _label_files(source: Source) -> list[str]:
    """Return the files of labels: those below folders of that name, or all, if there is no such folder."""
    texts = [
        name
        for name in source.ending_with(".txt")
        if PurePosixPath(name).name.lower() not in _OTHER_TEXTS and _LISTS_OF_VOC not in PurePosixPath(name).parts
    ]
    below = [name for name in texts if set(PurePosixPath(name).parts[:-1]) & set(_FOLDERS)]
    return below or texts


def _settings(source: Source) -> Mapping[str, Any]:
    """Return the content of the dataset's `data.yaml`, whatever it is called; nothing without one.

    Raises:
        LabelFileError: it is no YAML.
    """
    for name in source.ending_with(".yaml", ".yml"):
        try:
            content = YAML(typ="safe", pure=True).load(io.StringIO(source.text(name)))
        except (YAMLError, RecursionError) as error:
            raise LabelFileError(f"{name} in it cannot be read as YAML ({' '.join(str(error).split())})") from None
        if isinstance(content, dict) and "names" in content:
            return content
    return {}


def _classes(source: Source, settings: Mapping[str, Any]) -> dict[int, str]:
    """Return the names of classes by their number, from `data.yaml`, `classes.txt` or `obj.names`; none without."""
    names = settings.get("names")
    if isinstance(names, dict):
        return {int(key): str(name) for key, name in names.items()}
    if isinstance(names, list):
        return dict(enumerate(map(str, names)))
    for name in source.names:
        if PurePosixPath(name).name in ("classes.txt", "obj.names"):
            return dict(enumerate(line.strip() for line in lines_of(source.text(name)) if line.strip()))
    return {}


def _picture_of(path: str, settings: Mapping[str, Any]) -> str:
    """Return the name of a picture without its ending: the path of its file below the folder of labels."""
    parts = PurePosixPath(path).with_suffix("").parts
    start = max((parts.index(name) + 1 for name in _FOLDERS if name in parts[:-1]), default=0)
    below = PurePosixPath(*parts[start:])
    for split in _splits(settings):
        if below.is_relative_to(split):
            return below.relative_to(split).as_posix()
    return below.as_posix()


def _splits(settings: Mapping[str, Any]) -> Iterator[PurePosixPath]:
    """Yield the folders below `images` that the parts of a dataset are in, as in `train: images/train`."""
    for part in ("train", "val", "test"):
        given = settings.get(part)
        for folder in given if isinstance(given, list) else [given]:
            parts = PurePosixPath(folder).parts if isinstance(folder, str) else ()
            below = parts[parts.index("images") + 1 :] if "images" in parts else ()
            if below:
                yield PurePosixPath(*below)


def _label(name: str, words: list[str], classes: Mapping[int, str], keypoints: int, where: str) -> Label:
    if len(words) > 1 and not _is_number(words[1]):
        return Label(name, " ".join(words[1:]), score=number(words[0], f"{where}: the confidence"))
    values = [number(word, f"{where}: a value") for word in words]
    if not values[0].is_integer() or values[0] < 0 or len(values) < 5:
        raise LabelFileError(f"{where}: {' '.join(words)[:80]!r} is not the number of a class and its box")
    category = int(values.pop(0))
    if classes and category not in classes:
        raise LabelFileError(f"{where}: there is no name for class {category}; there are {len(classes)}")
    box, rest = _box(values, keypoints, name)
    if len(rest) > 1:
        raise LabelFileError(f"{where}: there are {len(values) + 1} values, which are no box and no polygon")
    return Label(name, classes.get(category, str(category)), box, SHARES, rest[0] if rest else None)


def _box(values: list[float], keypoints: int, name: str) -> tuple[Box | None, list[float]]:
    """Return the box of a line's values after the class, and those that are left."""
    if len(values) in (4, 5) or keypoints:
        x, y, width, height = values[:4]
        return box_of([x - width / 2, y - height / 2, width, height], name), values[4 + keypoints :]
    even = len(values) // 2 * 2
    return around(zip(values[:even:2], values[1:even:2], strict=True), name), values[even:]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


LABEL_FORMAT = LabelFormat(
    is_yolo,
    read_yolo,
    sentence="a folder of YOLO's text files with or without confidences, or the dataset around it with its data.yaml; "
    "polygons count by their boxes",
    source="https://docs.ultralytics.com/datasets/detect/",
    example={
        "data.yaml": """\
names:
  0: car
  1: bus
""",
        "labels/city/a.txt": """\
0 0.2 0.2 0.2 0.2 0.75
""",
        "labels/drive-07-mp4.txt": """\
1 0.2 0.2 0.2 0.2 0.5
""",
    },
)
