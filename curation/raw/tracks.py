"""The further video tracks of a file, which count as videos of their own: their paths, and the file that has them.

The path of a track stands for something inside the file, as if that were a folder: `city/cam.mp4/track-2.mp4` is the
second track of `city/cam.mp4`. The track that is read by default goes by the file's own path.
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path, PurePosixPath

_TRACK = re.compile(r"track-([1-9]\d*)")


def track_path(path: str, number: int) -> str:
    """Return the path of a further track.

    Args:
        path: of the file, relative to the folder of raw data.
        number: its place among the video tracks, from 1.
    """
    return f"{path}/track-{number}{PurePosixPath(path).suffix}"


def track_hash(content_hash: str, number: int) -> str:
    """Return what stands for the content of a further track: 64 hexadecimal digits.

    Args:
        content_hash: of the file.
        number: see `track_path`.
    """
    return sha256(f"{content_hash} track {number}".encode()).hexdigest()


def number_of(path: Path | PurePosixPath) -> int:
    """Return the number of the track that a path stands for by its form; 0 for a file's own path."""
    found = _TRACK.fullmatch(path.stem)
    return int(found[1]) if found and path.suffix and path.parent.suffix == path.suffix else 0


def file_path(path: str) -> str:
    """Return the path of the file that a path in the tables stands for, or is inside of."""
    return path.rpartition("/")[0] if number_of(PurePosixPath(path)) else path


def file_paths(paths: Iterable[str]) -> set[str]:
    """Return the paths of the files that paths in the tables stand for, or are inside of."""
    return set(map(file_path, paths))


def file_and_track(path: Path) -> tuple[Path, int]:
    """Return the file on the disk that has a track, and the track's number; 0 for the track that is read by default."""
    number = number_of(path)
    # A folder may be called like a video, and hold a file that is called like a track.
    return (path.parent, number) if number and not path.parent.is_dir() else (path, 0)


def file_on_disk(path: Path) -> Path:
    """Return the file on the disk that has a track."""
    return file_and_track(path)[0]
