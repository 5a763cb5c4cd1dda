"""Which boxes to cut out of which pictures, for the objects that tasks predict.

Which samples a video gives is known once it is decoded, and crops are cut meanwhile. So beforehand, a box is wanted of
every picture that its name may mean; afterwards, those crops stay whose sample is the one that the name does mean.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from curation.core.errors import ParamsError
from curation.core.kinds import IMAGE
from curation.image.crops import WantedBox
from curation.labels.given import Given, Label
from curation.labels.matching import candidates_of, match_names
from curation.raw.naming import sample_name

MOST = 100
"""Objects of a task that are embedded of each picture: those with the highest scores, the first ones on ties. COCO's
evaluation takes as many."""

_FRAME = re.compile(r"(.*)-([0-9]{1,15})-([^-/\\]+)", re.DOTALL)
"""The name of a frame, with or without its ending: what comes before its number, that, and what follows."""


@dataclass(frozen=True)
class Task:
    """The predictions of a task.

    Attributes:
        name: of the task.
        path: of the predictions.
        given: their content.
    """

    name: str
    path: str
    given: Given

    def boxes(self) -> dict[str, list[Label]]:
        """Return the labels with a box of each picture, by its name in the file, from the highest score down.

        Raises:
            ParamsError: there is none.
        """
        found: dict[str, list[Label]] = defaultdict(list)
        for label in self.given.labels:
            if label.box is not None:
                found[label.name].append(label)
        if not found:
            raise ParamsError(
                f"select.predictions: {self.path} has no box, so {self.name} has no objects to embed: name a task that "
                "predicts objects, or leave `task` out to compare whole pictures"
            )
        return {
            name: sorted(labels, key=lambda label: -1.0 if label.score is None else -label.score)
            for name, labels in found.items()
        }


class WantedObject(NamedTuple):
    """An object whose crop is wanted; `name` is that of its picture in the file, None for one that the base knows."""

    task: str
    name: str | None
    number: int
    category: str
    score: float


class _Picture(NamedTuple):
    """A picture that a name may mean; `frame` is None for a video, whose frames share a name here."""

    path: str
    frame: int | None


@dataclass
class Plan:
    """The boxes to cut out of pictures.

    Attributes:
        boxes: by path and frame.
        wanted: the object that each box is about, by its key.
    """

    boxes: dict[str, dict[int, list[WantedBox]]] = field(default_factory=dict)
    wanted: list[WantedObject] = field(default_factory=list)

    def add(self, places: Iterable[tuple[str, int]], wanted: WantedObject, box: WantedBox) -> None:
        """Want a box of each of some pictures."""
        for path, frame in places:
            frames = self.boxes.setdefault(path, {})
            frames.setdefault(frame, []).append(WantedBox(len(self.wanted), box.box, box.extent))
        self.wanted.append(wanted)


def plan_crops(
    tasks: Sequence[Task],
    files: Iterable[tuple[str, str]],
    again: Mapping[str, str],
    processed: pd.DataFrame,
    recorded: pd.DataFrame,
) -> Plan:
    """Say which boxes to cut out of pictures before these are decoded.

    Of samples that are decoded again, the boxes that the base knows are cut out as well, in case that the predictions
    no longer name them.

    Args:
        tasks: whose objects are wanted.
        files: path and media of each new file.
        again: paths that are decoded again, by content hash.
        processed: samples of the base: `filename`, `content_hash` and `frame`.
        recorded: objects that the base knows, columns of `curation.tables.objects.OBJECT_METADATA`.

    Raises:
        ParamsError: predictions have no box, or none of their names can mean a sample.
    """
    pictures = {_name_of(path, media): _Picture(path, 0 if media == IMAGE else None) for path, media in files}
    if again:
        rows = processed[processed["content_hash"].isin(again.keys())][["filename", "content_hash", "frame"]]
        pictures |= {name: _Picture(again[content], int(at)) for name, content, at in rows.itertuples(index=False)}
    plan = Plan()
    for task in tasks:
        shared = {name: _shared_name(name) for name in task.given.names}
        found = candidates_of(dict.fromkeys([*shared, *shared.values()]), pictures)
        if not any(meant for _, meant in found.values()):
            _require_known(task, set(processed["filename"]))
        for name, labels in task.boxes().items():
            meant = {picture for form in (name, shared[name]) for picture in found[form][1]}
            places = sorted(_places(name, (pictures[picture] for picture in meant)))
            for number, label in enumerate(labels[:MOST] if places else ()):
                assert label.box is not None
                score = np.nan if label.score is None else label.score
                wanted = WantedObject(task.name, name, number, label.category, score)
                plan.add(places, wanted, WantedBox(0, label.box, label.extent))
    names = [task.name for task in tasks]
    known = recorded[recorded["task"].isin(names) & recorded["content_hash"].isin(again.keys())]
    for row in known.to_dict("records"):
        wanted = WantedObject(row["task"], None, row["number"], row["category"], row["score"])
        box = (row["left"], row["top"], row["width"], row["height"])
        plan.add([(again[row["content_hash"]], row["frame"])], wanted, WantedBox(0, box))
    return plan


def _name_of(path: str, media: str) -> str:
    """Return the name of an image, or the one that stands for all frames of a video, or all pages of a file."""
    return path if media == IMAGE else _shared_name(sample_name(path, media, 0, 1))


def _shared_name(name: str) -> str:
    """Return the name of a frame without its number, the same for all frames of a video; any other name as it is."""
    parts = _FRAME.fullmatch(name)
    return f"{parts[1]}-#-{parts[3]}" if parts else name


def _places(name: str, pictures: Iterable[_Picture]) -> Iterator[tuple[str, int]]:
    """Yield path and frame of pictures that a name may mean."""
    parts = _FRAME.fullmatch(name)
    for path, frame in pictures:
        if frame is not None:
            yield path, frame
        elif parts:
            yield path, int(parts[2])


def _require_known(task: Task, processed: Collection[str]) -> None:
    """Make sure that the names of a task mean samples of earlier iterations, where none can mean a new one."""
    match = match_names(task.given.names, processed)
    if not match.samples:
        raise ParamsError(
            f"select.predictions: {match.told(task.path)}. Name pictures by their paths below data/raw, or by the end "
            "of these, and frames of videos as samples are called"
        )
