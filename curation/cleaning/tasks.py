"""Cutting the work of decoding into tasks, each of which gives one shard of proxies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeVar

from curation.buckets.raw_object import RawObject
from curation.core.kinds import IMAGE, PAGES, VIDEO
from curation.image.crops import WantedBox
from curation.image.proxies import IMAGES_PER_SHARD, member_name

Thing = TypeVar("Thing")

Boxes = Mapping[int, Sequence[WantedBox]]
"""What to cut out of the frames of a file, by their index; that of an image is 0."""


@dataclass(frozen=True)
class Task:
    """Raw files whose proxies make one shard.

    Attributes:
        media: `image`, `video` or `pages`.
        paths: relative to the folder of raw data; one video or file of pages, or images of one folder.
        declared: frames that the files say they have.
        known: of a video whose frames were chosen in an earlier iteration, the pixel hash of each, by frame index.
        boxes: what to cut out of the files, by their path.
        hashes: of images, the pixel hash that each had in an earlier iteration, by path.
        sources: where those files lie that are objects in a bucket, by path.
    """

    media: str
    paths: tuple[str, ...]
    declared: int
    known: Mapping[int, str] | None = field(default=None, hash=False)
    boxes: Mapping[str, Boxes] = field(default_factory=dict, hash=False)
    hashes: Mapping[str, str] = field(default_factory=dict, hash=False)
    sources: Mapping[str, RawObject] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class RawFile:
    """One file to decode.

    Attributes:
        path: relative to the folder of raw data.
        media: `image`, `video` or `pages`.
        declared: frames that it says it has.
        shard: temporary name of the shard for its proxies.
        member: of an image, the name of its proxy in the shard; empty for a video.
        known: pixel hashes that frames of a video had in an earlier iteration, or the image, by index; None = unknown.
        boxes: what to cut out of it.
        source: where it lies, if it is an object in a bucket; None: in the folder of raw data.
        key: of its outcome (`curation.cleaning.outcome_keys`); empty where that is not kept.
    """

    path: str
    media: str
    declared: int
    shard: str
    member: str
    known: Mapping[int, str] | None = field(default=None, hash=False)
    boxes: Boxes = field(default_factory=dict, hash=False)
    source: RawObject | None = None
    key: str = ""


def tasks_of(
    files: Iterable[tuple[str, str, int]],
    known: Mapping[str, Mapping[int, str]] | None = None,
    boxes: Mapping[str, Boxes] | None = None,
    sources: Mapping[str, RawObject] | None = None,
) -> list[Task]:
    """Cut the work into tasks by what the files are.

    Each video is one, and each file of pages; images of one folder are taken in chunks.

    Args:
        files: path, media and declared frames of each file, sorted by path.
        known: of files that an earlier iteration processed, the pixel hash of each frame, by path and index.
        boxes: what to cut out of files, by their path.
        sources: where those files lie that are objects in a bucket, by their path.
    """
    everything, wanted, objects = list(files), boxes or {}, sources or {}
    chosen = known or {}

    tasks = [
        Task(
            *(media, (path,), frames, chosen.get(path)),
            boxes=_those_of([path], wanted),
            sources=_those_of([path], objects),
        )
        for path, media, frames in everything
        if media in (VIDEO, PAGES)
    ]
    images = sorted((path.rpartition("/")[0], path) for path, media, _ in everything if media == IMAGE)
    for _, group in groupby(images, key=lambda item: item[0]):
        names = [path for _, path in group]
        for start in range(0, len(names), IMAGES_PER_SHARD):
            chunk = tuple(names[start : start + IMAGES_PER_SHARD])
            hashes = {path: chosen[path].get(0, "") for path in chunk if path in chosen}
            boxes_in, sources_of = _those_of(chunk, wanted), _those_of(chunk, objects)
            tasks.append(Task(IMAGE, chunk, len(chunk), boxes=boxes_in, hashes=hashes, sources=sources_of))
    return tasks


def _those_of(paths: Iterable[str], things: Mapping[str, Thing]) -> dict[str, Thing]:
    return {path: things[path] for path in paths if path in things}


def files_of(task: Task, shard: str) -> list[RawFile]:
    """Return the files of a task.

    Args:
        task: what to decode.
        shard: temporary name of the shard for its proxies.
    """
    boxes = [task.boxes.get(path, {}) for path in task.paths]
    if task.media != IMAGE:
        (path,) = task.paths
        return [RawFile(path, task.media, task.declared, shard, "", task.known, boxes[0], task.sources.get(path))]
    known = [{0: task.hashes[path]} if path in task.hashes else None for path in task.paths]
    return [
        RawFile(path, IMAGE, 1, shard, member_name(place), known[place], boxes[place], task.sources.get(path))
        for place, path in enumerate(task.paths)
    ]
