"""Stage `embed`: every new sample gets its embedding.

Reads `data/clean/samples.parquet`, `data/clean/proxies/`, `data/train/checkpoint.ckpt`, and of `data/base/` the
checkpoint's hash and, where it differs, `samples.csv`; writes `data/embed/embeddings/`. What the last run computed is
taken from a cache beside them. With `embed.embeddings_file` no model is asked: the embeddings are those of the file,
and `data/embed/marks.csv` names the samples that it marks as masked or selected.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.core.atomic import atomic_folder
from curation.core.errors import CheckpointError, ParamsError
from curation.core.hashing import sha256_of_file
from curation.datapool import store
from curation.embeddings.cache import read_cache, write_cache
from curation.embeddings.given import MASKED, SELECTED, read_given
from curation.embeddings.given_files import KEY, require_unchanged
from curation.embeddings.shards import (
    DEFAULT_PRECISION,
    read_shards,
    shard_files,
    shard_precision,
    shard_rows,
    write_shards,
)
from curation.image.proxies import ProxyReader
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.tables.embeddings import MARKS, WITHOUT_EMBEDDING
from curation.tables.files import empty_frame, read_parquet, write_csv

SAME_EMBEDDING = 1e-4
"""Two files may give an embedding in different numbers of digits: unit vectors nearer than this are the same."""


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


def embed(params: Params) -> str:
    r"""Embed the new samples; all of them where the checkpoint is not the base's.

    \b
    Reads   data/clean/samples.parquet, data/clean/proxies/, data/train/checkpoint.ckpt, data/base/
            data/given_embeddings.txt
    Writes  data/embed/embeddings/*.parquet, data/embed/marks.csv
    """
    checkpoint_hash = sha256_of_file(paths.CHECKPOINT)
    same_checkpoint = checkpoint_hash == store.checkpoint_hash(paths.BASE)
    selected = pd.Series([], dtype=str) if same_checkpoint else store.read_samples(paths.BASE)["filename"]
    reused = shard_files(paths.BASE / store.EMBEDDINGS_FOLDER) if same_checkpoint else []
    may_lack = params.train.migrate_missing == "drop_embeddings"
    selected = selected[~selected.isin(store.read_without_embedding(paths.BASE))]
    samples = samples_to_embed(read_parquet(paths.SAMPLES), selected, same_checkpoint, may_lack=may_lack)
    lost = sorted(set(selected) - set(samples["filename"]))
    if params.embed.embeddings_file is not None:
        samples, embeddings, marks = given_for(samples, params.embed.embeddings_file, reused)
        precision, again = DEFAULT_PRECISION, f" by {params.embed.embeddings_file}{marked_in_words(marks)}"
    else:
        check_precision(reused, params.embed.precision)
        marks, precision = empty_frame(MARKS), params.embed.precision
        embeddings, known = computed_for(samples, checkpoint_hash, params)
        again = f" ({known} of them in an earlier run)" if known else ""
    losses = pd.DataFrame({"filename": lost, "mark": WITHOUT_EMBEDDING})
    marks = pd.concat([marks[~marks["filename"].isin(lost)], losses]) if lost else marks
    write_csv(marks.sort_values("filename", kind="stable"), MARKS, paths.MARKS)
    again += f", {len(lost)} of the datapool have none any more, since their raw files are gone" if lost else ""
    with atomic_folder(paths.EMBEDDINGS) as folder:
        write_shards(folder, samples, embeddings, checkpoint_hash, precision)
    rows = sum(map(shard_rows, reused))
    return f"{len(samples)} samples embedded{again} ({embeddings.shape[1]} values each), {rows} reused from the base"


def computed_for(samples: pd.DataFrame, checkpoint_hash: str, params: Params) -> tuple[NDArray[np.float32], int]:
    """Embed samples by the model of the checkpoint, those that an earlier run embedded excepted.

    Args:
        samples: n samples of the `clean` stage.
        checkpoint_hash: SHA-256 of the checkpoint.
        params: sections `embed` and `train`.

    Returns:
        (n, d) embeddings of unit length, and how many of them were known.
    """
    from curation.model.embedding import computation, embed_proxies

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
    return embeddings, len(keys) - len(missing)


def given_for(
    samples: pd.DataFrame, path: str, reused: Sequence[Path]
) -> tuple[pd.DataFrame, NDArray[np.float32], pd.DataFrame]:
    """Take the embeddings of samples from a file.

    Args:
        samples: of the `clean` stage.
        path: the file.
        reused: shards of the base, which must tell the same of the samples that the file holds, too.

    Returns:
        The samples that are not masked, (n, d) embeddings of unit length of them, and the marks (columns `MARKS`).

    Raises:
        ParamsError: the file is wrong, lacks a sample, or gives one of the datapool another embedding.
    """
    require_unchanged(path, paths.GIVEN_EMBEDDINGS.read_text().strip())
    given = read_given(path, KEY)
    row_of = {name: row for row, name in enumerate(given.names)}
    masked = {name for name, is_masked in zip(given.names, given.masked, strict=True) if is_masked}
    missing = sorted(set(samples["filename"]) - row_of.keys())
    if missing:
        raise ParamsError(
            f"{KEY}: {path} lacks {len(missing)} of {len(samples)} samples: {', '.join(map(repr, missing[:5]))}"
            f"{', ...' if len(missing) > 5 else ''}. Add them, with masked = 1 where they are to be left out"
        )
    former, values = read_shards(list(reused))
    comparable = row_of.keys() - masked
    both = [(place, row_of[name]) for place, name in enumerate(former["filename"]) if name in comparable]
    if both:
        places, rows = map(list, zip(*both, strict=True))
        apart = np.linalg.norm(values[places] - given.embeddings[rows], axis=1)
        if apart.max() > SAME_EMBEDDING:
            raise ParamsError(
                f"{KEY}: {path} gives {former['filename'].iloc[places[int(apart.argmax())]]!r} another embedding than "
                f"the datapool has (at a distance of {apart.max():.3g}; {int((apart > SAME_EMBEDDING).sum())} samples "
                "differ). Give embeddings of the same model, or set train.retrain: true to replace them all"
            )
    samples = samples[~samples["filename"].isin(masked)]
    marks = [
        (name, MASKED if is_masked else SELECTED)
        for name, is_masked, is_selected in zip(given.names, given.masked, given.selected, strict=True)
        if is_masked or is_selected
    ]
    embeddings = given.embeddings[[row_of[name] for name in samples["filename"]]]
    return samples, embeddings, pd.DataFrame(sorted(marks), columns=MARKS.names)


def marked_in_words(marks: pd.DataFrame) -> str:
    """Say how many samples a file of embeddings marks."""
    counts = [(mark, int((marks["mark"] == mark).sum())) for mark in (MASKED, SELECTED)]
    words = ", ".join(f"{count} {mark}" for mark, count in counts if count)
    return f" (marked there: {words})" if words else ""


main = stage_command(embed)

if __name__ == "__main__":
    main()
