"""Embeddings of the objects that a task predicts, as selection reads them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curation.core.errors import BaseError
from curation.embeddings.shards import read_shards
from curation.selection.distance import first_not_finite
from curation.selection.embedded import folders_in_use
from curation.tables.membership import is_among
from curation.tables.objects import OBJECT_METADATA


@dataclass(frozen=True)
class ObjectEmbeddings:
    """Embeddings of objects, each beside the sample whose picture shows it.

    Attributes:
        filenames: (r,) sample of each object, str, ascending; a sample has any number of objects, or none.
        vectors: (r, d) float32 embedding of each, of length 1.
    """

    filenames: NDArray[np.object_]
    vectors: NDArray[np.float32]


def read_object_embeddings(
    base: Path, new: Path, checkpoint_hash: str, tasks: Collection[str], names: Collection[str]
) -> dict[str, ObjectEmbeddings]:
    """Read the embeddings of objects that the checkpoint in use made: new ones, and the base's where it is the same.

    Args:
        base: folder of the base's shards of objects, which need not be there.
        new: folder of the new shards.
        checkpoint_hash: SHA-256 of the checkpoint in use.
        tasks: whose objects are wanted.
        names: samples whose objects are wanted.

    Returns:
        The objects of each task.

    Raises:
        BaseError: a shard is damaged, the dimensions differ, or a value is not finite.
        CheckpointError: the new embeddings were made by another checkpoint.
    """
    if not tasks:
        return {}
    folders = folders_in_use(base, new, checkpoint_hash, "the one in use")
    metadata, vectors = read_shards(folders, OBJECT_METADATA, wanted=("filename", "task"))
    row = first_not_finite(vectors)
    if row is not None:
        raise BaseError(
            f"the embedding of an object in {metadata['filename'].iloc[row]!r} holds NaN or infinite values and cannot "
            "be compared: restore the datapool with `dvc checkout`, or run `dvc repro --force embed`"
        )
    filenames = metadata["filename"].to_numpy(dtype=object)
    is_wanted = is_among(metadata["filename"], set(names))
    of_task = metadata["task"].to_numpy(dtype=object)
    rows = {task: np.flatnonzero(is_wanted & (of_task == task)) for task in sorted(tasks)}
    return {task: ObjectEmbeddings(filenames[found], vectors[found]) for task, found in rows.items()}


def objects_in_words(objects: Mapping[str, ObjectEmbeddings], candidates: Sequence[str], base: Sequence[str]) -> str:
    """Say how many samples have no objects; nothing where all have some.

    Args:
        objects: of each task.
        candidates: filenames.
        base: filenames of the samples selected before.
    """
    text = ""
    for task, found in objects.items():
        having = set(found.filenames)
        without = [
            f"{len(set(names) - having)} of {len(names)} {what}"
            for names, what in ((candidates, "candidates"), (base, "samples of the base"))
            if not having.issuperset(names)
        ]
        text += f"; {' and '.join(without)} have no object of {task}" if without else ""
    return text
