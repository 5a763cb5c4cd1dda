"""The embeddings that a selection compares: of one checkpoint, each a direction, looked up by filename."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.core.errors import BaseError, CheckpointError
from curation.embeddings.by_name import NamedEmbeddings
from curation.embeddings.shards import read_shards, shard_checkpoint, shard_files
from curation.params.strategies import StrategyParams
from curation.params.strategy_inputs import MEASURED, WEAK_LABEL, MetadataInput
from curation.selection.distance import first_not_finite

_ALWAYS = ("filename", "raw_path", "frame", "time_s", WEAK_LABEL)
"""What every selection asks for; hashes of pictures would take more memory than most embeddings."""


@dataclass(frozen=True)
class Embedded(NamedEmbeddings):
    """All processed samples, with their embeddings.

    Attributes:
        checkpoint: what made the embeddings.
    """

    checkpoint: Path

    def by_name(self, wanted: Sequence[str]) -> NDArray[np.float32]:
        """Return the embeddings of m samples, (m, d) float32.

        Args:
            wanted: their filenames.

        Raises:
            CheckpointError: a sample has no embedding of the checkpoint in use.
        """
        return self.of(
            wanted,
            lambda missing: CheckpointError(
                f"{len(missing)} of {len(wanted)} samples have no embedding made by {self.checkpoint}, "
                f"{missing[0]!r} for one. Embeddings of another checkpoint cannot be compared: use the datapool's "
                "own (train.checkpoint: null), or set train.retrain: true, which embeds everything again"
            ),
        )


def measures_in_use(strategies: Iterable[StrategyParams]) -> tuple[str, ...]:
    """Return what was measured of samples that strategies look at."""
    asked = {item.input.key for item in strategies if isinstance(item.input, MetadataInput)}
    return tuple(name for name in MEASURED if name in asked)


def read_embeddings(
    base: Path, new: Path, checkpoint: Path, checkpoint_hash: str, measures: Sequence[str] = MEASURED
) -> tuple[pd.DataFrame, Embedded]:
    """Read the embeddings that the checkpoint in use made: the new ones, and the base's where it is the base's too.

    After `train.retrain` the base's shards are of the former checkpoint and left aside: the new ones hold everything.

    Args:
        base: folder of the base's shards.
        new: folder of the new shards.
        checkpoint: the one in use, for messages.
        checkpoint_hash: its SHA-256.
        measures: which of `MEASURED` are asked for.

    Returns:
        The samples sorted by filename, with the columns of a shard that a selection asks for, and the embeddings.

    Raises:
        BaseError: the dimensions differ, or a value is not finite.
        CheckpointError: the new embeddings were made by another checkpoint.
    """
    folders = folders_in_use(base, new, checkpoint_hash, str(checkpoint))
    metadata, embeddings = read_shards(folders, wanted={*_ALWAYS, *measures})
    row = first_not_finite(embeddings)
    if row is not None:
        raise BaseError(
            f"the embedding of {metadata['filename'].iloc[row]!r} holds NaN or infinite values and cannot be compared: "
            "the training has diverged; lower train.learning_rate, or restore the datapool with `dvc checkout` if "
            "it is an old sample"
        )
    return metadata, Embedded(metadata["filename"].tolist(), embeddings, checkpoint)


def folders_in_use(base: Path, new: Path, checkpoint_hash: str, checkpoint: str) -> list[Path]:
    """Return the folders whose shards the checkpoint in use made: the new one, and the base's where it is its, too.

    Args:
        base: folder of the base's shards, which need not be there.
        new: folder of the new shards.
        checkpoint_hash: SHA-256 of the checkpoint in use.
        checkpoint: how messages call it.

    Raises:
        CheckpointError: the new shards were made by another checkpoint.
    """
    if stale := [file for file in shard_files(new) if shard_checkpoint(file) != checkpoint_hash]:
        raise CheckpointError(f"{stale[0]} was made by another checkpoint than {checkpoint}: run `dvc repro embed`")
    same_space = all(shard_checkpoint(file) == checkpoint_hash for file in shard_files(base))
    return [base, new] if same_space else [new]
