"""Stage `embed`: every new sample gets its embedding.

Reads `data/clean/samples.parquet`, `data/clean/proxies/`, `data/train/checkpoint.ckpt`, and of `data/base/` the
checkpoint's hash and, where it differs, `samples.csv`; writes `data/embed/embeddings/`. What the last run computed is
taken from a cache beside them. With `embed.embeddings_file` no model is asked: the embeddings are those of the file,
and `data/embed/marks.csv` names the samples that it marks as masked or selected. The objects that `data/clean/objects/`
holds crops of are embedded by the same model, into `data/embed/objects/`.
"""

from functools import partial
from pathlib import Path

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.core.atomic import atomic_folder
from curation.core.hashing import sha256_of_file
from curation.datapool import store
from curation.embeddings.given import given_for, marked_in_words
from curation.embeddings.shards import DEFAULT_PRECISION, shard_files, shard_rows, write_shards
from curation.embeddings.wanted import check_precision, samples_to_embed
from curation.image.proxies import ProxyReader
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.tables.embeddings import MARKS, WITHOUT_EMBEDDING
from curation.tables.files import empty_frame, read_parquet, write_csv
from curation.tables.membership import is_among
from curation.tables.objects import OBJECT_METADATA, OBJECTS


def run(params: Params) -> str:
    r"""Embed the new samples; all of them where the checkpoint is not the base's.

    \b
    Reads   data/clean/samples.parquet, data/clean/proxies/, data/clean/objects/,
            data/train/checkpoint.ckpt, data/base/, data/given_embeddings.txt
    Writes  data/embed/embeddings/*.parquet, data/embed/objects/*.parquet, data/embed/marks.csv
    """
    checkpoint_hash = sha256_of_file(paths.CHECKPOINT)
    same_checkpoint = checkpoint_hash == store.checkpoint_hash(paths.BASE)
    selected = pd.Series([], dtype=str) if same_checkpoint else store.read_samples(paths.BASE)["filename"]
    reused = shard_files(paths.BASE / store.EMBEDDINGS_FOLDER) if same_checkpoint else []
    may_lack = params.train.migrate_missing == "drop_embeddings"
    selected = selected[~selected.isin(store.read_without_embedding(paths.BASE))]
    samples = samples_to_embed(read_parquet(paths.SAMPLES), selected, same_checkpoint, may_lack=may_lack)
    lost = sorted(set(selected) - set(samples["filename"]))
    file = params.embed.embeddings_file
    if file is not None:
        recorded = paths.GIVEN_EMBEDDINGS.read_text().strip()
        samples, embeddings, marks, told = given_for(samples, file, recorded, reused)
        if told is not None:
            click.echo(f"embed: {told}", err=True)
        precision, again = DEFAULT_PRECISION, f" by {file}{marked_in_words(marks)}"
    else:
        check_precision(reused, params.embed.precision)
        marks, precision = empty_frame(MARKS), params.embed.precision
        embeddings, again = embed_by_model(params, samples, paths.PROXIES, paths.EMBEDDING_CACHE)
    losses = pd.DataFrame({"filename": lost, "mark": WITHOUT_EMBEDDING})
    marks = pd.concat([marks[~marks["filename"].isin(lost)], losses]) if lost else marks
    write_csv(marks.sort_values("filename", kind="stable"), MARKS, paths.MARKS)
    again += f", {len(lost)} of the datapool have none any more, since their raw files are gone" if lost else ""
    with atomic_folder(paths.EMBEDDINGS) as folder:
        write_shards(folder, samples, embeddings, checkpoint_hash, precision)
    rows, dimension = sum(map(shard_rows, reused)), embeddings.shape[1]
    objects = embed_objects(params, samples["filename"], dimension, checkpoint_hash)
    return f"{len(samples)} samples embedded{again} ({dimension} values each), {rows} reused from the base{objects}"


def embed_by_model(params: Params, table: pd.DataFrame, proxies: Path, cache: Path) -> tuple[NDArray[np.float32], str]:
    """Embed samples, or objects, by the model of the checkpoint.

    Args:
        params: of the project.
        table: `shard` and `member` of n proxies or crops.
        proxies: folder that holds these.
        cache: file that keeps the embeddings for the next run.

    Returns:
        (n, d) embeddings of unit length, and how many of them were known, in words.
    """
    # Imported here, because torch takes seconds that given embeddings need not cost.
    from curation.model.cached_embedding import embed_new
    from curation.model.spread_embedding import embed_as

    members = list(zip(table["shard"], table["member"], strict=True))
    how = (params.embed.batch_size, params.train.accelerator, params.embed.precision)
    with ProxyReader(proxies) as source:
        embed = partial(embed_as, params.execution)
        embeddings, known = embed_new(source, members, paths.CHECKPOINT, cache, *how, embed)
    return embeddings, f" ({known} of them in an earlier run)" if known else ""


def embed_objects(params: Params, samples: "pd.Series[str]", dimension: int, checkpoint_hash: str) -> str:
    """Embed the objects of samples from their crops, and say how many there are.

    Args:
        params: of the project.
        samples: filenames of those that were embedded.
        dimension: of an embedding.
        checkpoint_hash: of the model.
    """
    table = read_parquet(paths.OBJECTS_TABLE) if paths.OBJECTS_TABLE.exists() else empty_frame(OBJECTS)
    table = table[is_among(table["filename"], samples)].reset_index(drop=True)
    embeddings, again, precision = np.empty((0, dimension), np.float32), "", DEFAULT_PRECISION
    if len(table):
        embeddings, again = embed_by_model(params, table, paths.OBJECTS, paths.OBJECT_CACHE)
        precision = params.embed.precision
    with atomic_folder(paths.OBJECT_EMBEDDINGS) as folder:
        write_shards(folder, table, embeddings, checkpoint_hash, precision, OBJECT_METADATA)
    return f"; {len(table)} objects embedded{again}" if len(table) else ""


main = stage_command(run)

if __name__ == "__main__":
    main()
