"""Cutting the work of decoding into tasks, each of which gives one shard of proxies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from curation.core.kinds import IMAGE, VIDEO
from curation.image.crops import WantedBox
from curation.image.proxies import IMAGES_PER_SHARD, member_name

Boxes = Mapping[int, Sequence[WantedBox]]
"""What to cut out of the frames of a file, by their index; that of an image is 0."""


@dataclass(frozen=True)
class Task:
    """Raw files whose proxies make one shard.

    Attributes:
        media: `image` or `video`.
        paths: relative to the folder of raw data; one video, or images of one folder.
        declared: frames that the files say they have.
        known: of a video whose frames were chosen in an earlier iteration, the pixel hash of each, by frame index.
        boxes: what to cut out of the files, by their path.
    """

    media: str
    paths: tuple[str, ...]
    declared: int
    known: Mapping[int, str] | None = field(default=None, hash=False)
    boxes: Mapping[str, Boxes] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class RawFile:
    """One file to decode.

    Attributes:
        path: relative to the folder of raw data.
        media: `image` or `video`.
        declared: frames that it says it has.
        shard: temporary name of the shard for its proxies.
        member: of an image, the name of its proxy in the shard; empty for a video.
        known: of a video, see `Task.known`.
        boxes: what to cut out of it.
    """

    path: str
    media: str
    declared: int
    shard: str
    member: str
    known: Mapping[int, str] | None = field(default=None, hash=False)
    boxes: Boxes = field(default_factory=dict, hash=False)


def tasks_of(
    files: Iterable[tuple[str, str, int]],
    known: Mapping[str, Mapping[int, str]] | None = None,
    boxes: Mapping[str, Boxes] | None = None,
) -> list[Task]:
    """Cut the work into tasks by what the files are: each video is one, images of one folder are taken in chunks.

    Args:
        files: path, media and declared frames of each file, sorted by path.
        known: of videos whose frames were chosen in an earlier iteration, the pixel hash of each, by path and index.
        boxes: what to cut out of files, by their path.
    """
    everything, wanted = list(files), boxes or {}
    chosen = known or {}

    def task(media: str, paths: tuple[str, ...], frames: int) -> Task:
        known_here = chosen.get(paths[0]) if media == VIDEO else None
        return Task(media, paths, frames, known_here, {path: wanted[path] for path in paths if path in wanted})

    tasks = [task(VIDEO, (path,), frames) for path, media, frames in everything if media == VIDEO]
    images = sorted((path.rpartition("/")[0], path) for path, media, _ in everything if media == IMAGE)
    for _, group in groupby(images, key=lambda item: item[0]):
        names = [path for _, path in group]
        for start in range(0, len(names), IMAGES_PER_SHARD):
            chunk = tuple(names[start : start + IMAGES_PER_SHARD])
            tasks.append(task(IMAGE, chunk, len(chunk)))
    return tasks


def files_of(task: Task, shard: str) -> list[RawFile]:
    """Return the files of a task.

    Args:
        task: what to decode.
        shard: temporary name of the shard for its proxies.
    """
    boxes = [task.boxes.get(path, {}) for path in task.paths]
    if task.media == VIDEO:
        return [RawFile(task.paths[0], VIDEO, task.declared, shard, "", task.known, *boxes)]
    return [
        RawFile(path, IMAGE, 1, shard, member_name(place), None, boxes[place]) for place, path in enumerate(task.paths)
    ]
