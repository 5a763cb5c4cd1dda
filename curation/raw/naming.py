"""Names of samples, and weak labels out of folder names."""

from collections.abc import Collection, Mapping

from curation.core.kinds import IMAGE
from curation.raw.listing import safe_path
from curation.raw.tracks import file_path


def sample_name(path: str, media: str, frame: int, frames: int) -> str:
    """Return the name of a sample, its key everywhere.

    Args:
        path: of the raw file, relative to the folder of raw data.
        media: `image`, `video` or `pages`.
        frame: index among all frames of the video, or pages of the file.
        frames: how many of them its decoder gives, those left out included; its digits are the width of the number.

    Returns:
        The path itself for an image; `city/my_video-153-mp4.png` for frame 153 of `city/my_video.mp4`, and
        `city/my_video.mp4/track-2-153-mp4.png` for one of its further tracks; `stack-2-tif.png` for a page of
        `stack.tif`.
    """
    if media == IMAGE:
        return path
    folder, slash, name = path.rpartition("/")
    stem, _, extension = name.rpartition(".")
    return f"{folder}{slash}{stem}-{frame:0{len(str(frames))}d}-{extension}.png"


def shortlex(name: str) -> tuple[int, str]:
    """Return the key of the order in which exact duplicates stay: shorter names first, then alphabetically.

    An original usually has a shorter name than its copies (`copy of a.jpg`, `a (1).jpg`, `backup/a.jpg`).
    """
    return len(name), name


def label_name(path: str) -> str:
    """Return the weak label of a raw file: its top-level folder, empty for a file beside the folders."""
    folder, slash, _ = file_path(path).removeprefix("./").partition("/")
    return safe_path(folder) if slash else ""


def label_indices(names: Collection[str], known: Mapping[str, int]) -> dict[str, int]:
    """Give every label name an index.

    Names that the base knows keep theirs, whatever comes later; new ones follow in sorted order. Files beside the
    folders have the empty name and index 0, which they may share with the first folder.

    Args:
        names: label names of this iteration.
        known: indices that the base has given.
    """
    indices = {name: index for name, index in known.items() if name}
    following = max(indices.values(), default=-1) + 1
    for offset, name in enumerate(sorted({name for name in names if name} - indices.keys())):
        indices[name] = following + offset
    return {"": 0, **indices}
