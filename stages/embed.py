"""Stage `embed`: every new sample gets its embedding.

Reads `data/clean/samples.parquet`, `data/clean/proxies/`, `data/train/checkpoint.ckpt`, and of `data/base/` the
checkpoint's hash and, where it differs, `samples.csv`; writes `data/embed/embeddings/`. What the last run computed is
taken from a cache beside them.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from stages import paths
from stages.command import stage_command
from stages.datapool import store
from stages.embeddings.cache import read_cache, write_cache
from stages.embeddings.shards import shard_files, shard_precision, shard_rows, write_shards
from stages.errors import CheckpointError, ParamsError
from stages.files.atomic import atomic_folder
from stages.files.hashing import sha256_of_file
from stages.files.tables import read_parquet
from stages.media.proxies import ProxyReader
from stages.params.schema import Params


def samples_to_embed(samples: pd.DataFrame, selected: "pd.Series[str]", same_checkpoint: bool) -> pd.DataFrame:
    """Return the samples that need an embedding from this iteration's checkpoint.

    Args:
        samples: all samples of the `clean` stage.
        selected: filenames of the base's samples.
        same_checkpoint: whether the base's embeddings were made with this iteration's checkpoint.

    Raises:
        CheckpointError: the checkpoint is another one, and a sample of the base is not there to be embedded again.
    """
    if same_checkpoint:
        return samples[samples["is_new"]]
    missing = sorted(set(selected) - set(samples["filename"]))
    if missing:
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


def embed(params: Params) -> str:
    r"""Embed the new samples; all of them where the checkpoint is not the base's.

    \b
    Reads   data/clean/samples.parquet, data/clean/proxies/, data/train/checkpoint.ckpt, data/base/
    Writes  data/embed/embeddings/*.parquet

    Parameters: embed, train.accelerator.
    """
    from stages.model.embedding import computation, embed_proxies

    checkpoint_hash = sha256_of_file(paths.CHECKPOINT)
    same_checkpoint = checkpoint_hash == store.checkpoint_hash(paths.BASE)
    selected = pd.Series([], dtype=str) if same_checkpoint else store.read_samples(paths.BASE)["filename"]
    reused = shard_files(paths.BASE / store.EMBEDDINGS_FOLDER) if same_checkpoint else []
    check_precision(reused, params.embed.precision)
    samples = samples_to_embed(read_parquet(paths.SAMPLES), selected, same_checkpoint)
    source, members = ProxyReader(paths.PROXIES), list(zip(samples["shard"], samples["member"], strict=True))
    settings = (params.embed.batch_size, params.train.accelerator, params.embed.precision)
    how = computation(checkpoint_hash, *settings)
    keys = [hashlib.sha256(source.jpeg(shard, member)).digest() for shard, member in members]
    cached = read_cache(paths.EMBEDDING_CACHE, how)
    missing = [index for index, key in enumerate(keys) if key not in cached]
    computed = embed_proxies(source, [members[index] for index in missing], paths.CHECKPOINT, *settings)
    embeddings = np.empty((len(members), computed.shape[1]), np.float32)
    embeddings[missing] = computed
    for index in set(range(len(keys))).difference(missing):
        embeddings[index] = cached[keys[index]]
    write_cache(paths.EMBEDDING_CACHE, how, keys, embeddings)
    with atomic_folder(paths.EMBEDDINGS) as folder:
        write_shards(folder, samples, embeddings, checkpoint_hash, params.embed.precision)
    rows = sum(map(shard_rows, reused))
    again = f" ({len(keys) - len(missing)} of them in an earlier run)" if len(missing) < len(keys) else ""
    return f"{len(samples)} samples embedded{again} ({embeddings.shape[1]} values each), {rows} reused from the base"


main = stage_command(embed)

if __name__ == "__main__":
    main()
