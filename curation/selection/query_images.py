"""Images that a selection compares with: decoded as raw files are, so that a sample is its own nearest neighbour."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from curation.cleaning.decode_file import Settings
from curation.cleaning.decode_files import decode_all
from curation.cleaning.tasks import tasks_of
from curation.core.atomic import TEMPORARY_PREFIX
from curation.core.cores import available_cores
from curation.core.errors import ParamsError
from curation.core.kinds import IMAGE
from curation.image.jpeg_warnings import require as require_turbojpeg
from curation.image.proxies import ProxyReader
from curation.model.embedding import embed_proxies
from curation.params.schema import Params


def embed_images(images: Sequence[str], params: Params, checkpoint: Path, scratch: Path) -> NDArray[np.float32]:
    """Embed image files as stages `clean` and `embed` do samples, so that a sample is at no distance of itself.

    Args:
        images: paths.
        params: sections `clean`, `embed` and `train`.
        checkpoint: of the model.
        scratch: where they are decoded to, for a moment.

    Returns:
        (q, d) float32, unit length.

    Raises:
        ParamsError: an image is not there, or cannot be decoded.
        CheckpointError: the checkpoint cannot be used.
    """
    require_turbojpeg()
    scratch.mkdir(parents=True, exist_ok=True)
    prefix = f"{TEMPORARY_PREFIX}{os.getpid()}-queries-"
    with TemporaryDirectory(dir=scratch, prefix=prefix) as name, ProxyReader(Path(name)) as proxies:
        members = decode_query_images(
            images, Path(name), Settings.of(params.clean), params.clean.workers or available_cores()
        )
        how = (params.embed.batch_size, params.train.accelerator, params.embed.precision)
        return embed_proxies(proxies, members, checkpoint, *how)


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
