"""Images that a selection compares with: decoded as raw files are, so that a sample is its own nearest neighbour."""

from collections.abc import Sequence
from pathlib import Path

from curation.cleaning.decode_file import Settings, tasks_of
from curation.cleaning.decode_files import decode_all
from curation.core.errors import ParamsError
from curation.raw.kinds import IMAGE


def decode_query_images(images: Sequence[str], folder: Path, settings: Settings, workers: int) -> list[tuple[str, str]]:
    """Decode images in worker processes, and write their proxies.

    Args:
        images: paths, absolute or from the current folder.
        folder: an existing, empty folder for shards of proxies.
        settings: of the decoders, those of stage `clean`.
        workers: processes at most, without influence on the result.

    Returns:
        Shard and member of the proxy of each image, sorted by path; of an image that is named twice once.

    Raises:
        ParamsError: an image is not there, or cannot be decoded.
    """
    paths = sorted(set(images))
    for path in paths:
        if not Path(path).is_file():
            raise ParamsError(
                f"select.strategies: images: there is no file {path!r}; give a path from the repository's root, and "
                "commit the file, so that every checkout has it"
            )
    decoded = decode_all(tasks_of([(path, IMAGE, 1) for path in paths]), Path(), folder, settings, workers)
    refused = [file for file in decoded if file.is_corrupt]
    if refused:
        raise ParamsError(
            f"select.strategies: images: {refused[0].path!r} cannot be used ({refused[0].reason}); give a sound image "
            "in its place, or leave it out"
        )
    return [(file.shard, file.samples[0].member) for file in decoded]
