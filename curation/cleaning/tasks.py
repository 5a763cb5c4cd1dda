"""Cutting the work of decoding into tasks, each of which gives one shard of proxies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from curation.core.kinds import IMAGE, VIDEO
from curation.image.proxies import IMAGES_PER_SHARD, member_name

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Task:
    """Raw files whose proxies make one shard.

    Attributes:
        media: `image` or `video`.
        paths: relative to the folder of raw data; one video, or images of one folder.
        declared: frames that the files say they have.
        known: of a video whose frames were chosen in an earlier iteration, the pixel hash of each, by frame index.
        hashes: of images, the pixel hash that each had in an earlier iteration, by path.
    """

    media: str
    paths: tuple[str, ...]
    declared: int
    known: Mapping[int, str] | None = field(default=None, hash=False)
    hashes: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class RawFile:
    """One file to decode.

    Attributes:
        path: relative to the folder of raw data.
        media: `image` or `video`.
        declared: frames that it says it has.
        shard: temporary name of the shard for its proxies.
        member: of an image, the name of its proxy in the shard; empty for a video.
        known: pixel hashes that frames of a video had in an earlier iteration, or the image, by index; None = unknown.
    """

    path: str
    media: str
    declared: int
    shard: str
    member: str
    known: Mapping[int, str] | None = field(default=None, hash=False)


def tasks_of(files: Iterable[tuple[str, str, int]], known: Mapping[str, Mapping[int, str]] | None = None) -> list[Task]:
    """Cut the work into tasks by what the files are: each video is one, images of one folder are taken in chunks.

    Args:
        files: path, media and declared frames of each file, sorted by path.
        known: of files that an earlier iteration processed, the pixel hash of each frame, by path and index.
    """
    everything = list(files)
    chosen = known or {}
    tasks = [Task(VIDEO, (path,), frames, chosen.get(path)) for path, media, frames in everything if media == VIDEO]
    images = sorted((path.rpartition("/")[0], path) for path, media, _ in everything if media == IMAGE)
    for _, group in groupby(images, key=lambda item: item[0]):
        names = [path for _, path in group]
        for start in range(0, len(names), IMAGES_PER_SHARD):
            chunk = tuple(names[start : start + IMAGES_PER_SHARD])
            hashes = {path: chosen[path].get(0, "") for path in chunk if path in chosen}
            tasks.append(Task(IMAGE, chunk, len(chunk), hashes=hashes))
    return tasks


def files_of(task: Task, shard: str) -> list[RawFile]:
    """Return the files of a task.

    Args:
        task: what to decode.
        shard: temporary name of the shard for its proxies.
    """
    if task.media == VIDEO:
        return [RawFile(task.paths[0], VIDEO, task.declared, shard, "", task.known)]
    return [
        RawFile(path, IMAGE, 1, shard, member_name(place), {0: task.hashes[path]} if path in task.hashes else None)
        for place, path in enumerate(task.paths)
    ]
