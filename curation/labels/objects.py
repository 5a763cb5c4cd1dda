"""The objects of samples: what the crops show that were cut out of their pictures."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from curation.cleaning.tasks import Boxes
from curation.image.crops import SMALLEST
from curation.labels.crop_plan import MOST, Plan, Task, plan_crops
from curation.labels.matching import Match, match_names
from curation.tables.objects import OBJECTS


@dataclass(frozen=True)
class FoundObjects:
    """The objects of samples.

    Attributes:
        table: columns of `curation.tables.objects.OBJECTS`, `shard` as in the crops.
        not_cut: boxes of samples that were not cut out: they lie outside, or are too small.
        left_out: boxes beyond `MOST`.
        matches: which samples the names of each task mean.
    """

    table: pd.DataFrame
    not_cut: int
    left_out: int
    matches: Mapping[str, Match]


def found_objects(
    tasks: Sequence[Task], plan: Plan, crops: pd.DataFrame, samples: Collection[str], processed: Collection[str]
) -> FoundObjects:
    """Say which objects the crops show, now that all samples are known.

    Args:
        tasks: as for `plan_crops`.
        plan: what was wanted.
        crops: what was cut out, columns of `curation.cleaning.crops.CROPS`.
        samples: names of those that were decoded and stay.
        processed: names of samples of the base.
    """
    every, here = {*samples, *processed}, set(samples)
    matches = {task.name: match_names(task.given.names, every) for task in tasks}
    named = {name: set(match.samples.values()) for name, match in matches.items()}
    rows, stays = [], []
    for key, filename in zip(crops["key"], crops["filename"], strict=True):
        one = plan.wanted[key]
        is_known = one.name is None
        meant = filename not in named[one.task] if is_known else matches[one.task].samples.get(one.name) == filename
        stays.append(meant)
        rows.append((one.task, one.number, one.category, one.score, is_known))
    columns = ["task", "number", "category", "score", "is_known"]
    table = pd.concat([crops.reset_index(drop=True), pd.DataFrame(rows, columns=columns)], axis=1)
    table = table[np.array(stays, dtype=bool)]
    boxes = [
        len(labels)
        for task in tasks
        for name, labels in task.boxes().items()
        if matches[task.name].samples.get(name) in here
    ]
    expected = sum(min(MOST, count) for count in boxes)
    return FoundObjects(
        table.sort_values(["filename", "task", "number"], kind="stable", ignore_index=True)[OBJECTS.names],
        expected - int((~table["is_known"].astype(bool)).sum()),
        sum(boxes) - expected,
        matches,
    )


class ObjectCrops:
    """Says which boxes to cut out of pictures, and afterwards which objects the crops show.

    Args:
        tasks: whose objects are wanted.
        processed: samples of the base: `filename`, `content_hash` and `frame`.
        recorded: objects that the base knows, columns of `curation.tables.objects.OBJECT_METADATA`.
    """

    def __init__(self, tasks: Sequence[Task], processed: pd.DataFrame, recorded: pd.DataFrame) -> None:
        self._tasks, self._processed, self._recorded = tasks, processed, recorded
        self._plan = Plan()

    def __call__(self, files: Iterable[tuple[str, str]], again: Mapping[str, str]) -> Mapping[str, Boxes]:
        """Return the boxes to cut out of files, by path and frame; arguments and errors are those of `plan_crops`."""
        if self._tasks:
            self._plan = plan_crops(self._tasks, files, again, self._processed, self._recorded)
        return self._plan.boxes

    def found(self, crops: pd.DataFrame, samples: Collection[str]) -> FoundObjects:
        """Return the objects of samples; arguments are those of `found_objects`."""
        processed = set(self._processed["filename"].to_numpy(object)) if self._tasks else set()
        return found_objects(self._tasks, self._plan, crops, samples, processed)

    def told(self, found: FoundObjects) -> list[str]:
        """Return a line for each task whose names are not just those of samples, or whose boxes were not all cut out.

        Args:
            found: what came of it.
        """
        lines = [
            found.matches[task.name].told(task.path) for task in self._tasks if not found.matches[task.name].is_whole
        ]
        if found.not_cut:
            lines.append(
                f"{found.not_cut} boxes of objects were not cut out: they are outside of their pictures, or have a "
                f"side of less than {SMALLEST} pixels in them"
            )
        if found.left_out:
            lines.append(f"{found.left_out} boxes of objects were left out: of each picture {MOST} at most are taken")
        return lines


def cut_in_words(objects: pd.DataFrame) -> str:
    """Return what there is to add to the line of stage `clean`; nothing without objects.

    Args:
        objects: columns of `curation.tables.objects.OBJECTS`.
    """
    if objects.empty:
        return ""
    return f"; {len(objects)} objects cut out of {objects['filename'].nunique()} samples"
