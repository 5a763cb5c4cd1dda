"""Which samples need an embedding, and in which precision."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from curation.core.errors import CheckpointError, ParamsError
from curation.embeddings.shards import shard_precision


def samples_to_embed(
    samples: pd.DataFrame, selected: "pd.Series[str]", same_checkpoint: bool, *, may_lack: bool = False
) -> pd.DataFrame:
    """Return the samples that need an embedding from this iteration's checkpoint.

    Args:
        samples: all samples of the `clean` stage.
        selected: filenames of the base's samples.
        same_checkpoint: whether the base's embeddings were made with this iteration's checkpoint.
        may_lack: whether samples of the base may be left without an embedding.

    Raises:
        CheckpointError: the checkpoint is another one, and a sample of the base is not there to be embedded again.
    """
    if same_checkpoint:
        return samples[samples["is_new"]]
    missing = sorted(set(selected) - set(samples["filename"]))
    if missing and not may_lack:
        raise CheckpointError(
            f"the checkpoint is not the datapool's, and {len(missing)} samples of the datapool are not among those to "
            f"embed again, {missing[0]!r} for one: use the datapool's checkpoint (train.checkpoint: null, "
            "train.retrain: false), or embed everything again with train.retrain: true"
        )
    return samples


def check_precision(shards: Sequence[Path], precision: str) -> None:
    """Refuse another precision than that of the base's embeddings: it would move every distance a little.

    Args:
        shards: of the base, made with this iteration's checkpoint.
        precision: `embed.precision`.

    Raises:
        ParamsError: a shard was computed in another precision.
    """
    former = {shard_precision(shard) for shard in shards} - {precision}
    if former:
        raise ParamsError(
            f"embed.precision: {precision}, but the embeddings of the datapool were computed in {former.pop()}: set "
            "that, or train.retrain: true to embed everything again"
        )
