"""Uniting datapools: two branches that curated side by side, or datasets that are combined.

The first datapool stays as it is; of the others comes in what it does not hold. Pure functions decide on tables;
`unite` reads and writes the folders.
"""

from functools import reduce
from pathlib import Path
from typing import NamedTuple, Self

import pandas as pd

from curation.core.atomic import link_or_copy
from curation.core.errors import BaseError
from curation.datapool import store
from curation.datapool.pictures import read_pictures, united_pictures, write_pictures
from curation.datapool.sources import SOURCES_FOLDER, carry_sources
from curation.datapool.store import Pair
from curation.datapool.value_windows import united_windows
from curation.embeddings.shards import (
    read_metadata,
    read_shards,
    shard_checkpoint,
    shard_files,
    shard_precision,
    write_shards,
)
from curation.history.overlap import NearRule, exact_pairs, near_pairs
from curation.tables.objects import OBJECT_METADATA

EVERYTHING_STAYS = NearRule()


def unite(
    sources: list[Path], target: Path, *, embeddings_are_replaced: bool, near: NearRule = EVERYTHING_STAYS
) -> list[Pair]:
    """Write the union of several datapools.

    Args:
        sources: datapool folders; where they disagree, the earlier one counts.
        target: an existing, empty folder.
        embeddings_are_replaced: whether this iteration trains and embeds everything again, so that the datapools may
            have different checkpoints; near duplicates are not looked for then.
        near: what becomes of near duplicates. Samples with equal pixels come in once, whatever it says.

    Returns:
        The samples of later datapools that resemble one of an earlier.

    Raises:
        BaseError: different checkpoints, or one raw file name with different contents.
    """
    checkpoints = {store.checkpoint_hash(source) for source in sources} - {None}
    if len(checkpoints) > 1 and not embeddings_are_replaced:
        raise BaseError(
            "the datapools to unite have different checkpoints, so their embeddings cannot be compared: set "
            "train.retrain: true, which trains further and embeds everything again, or choose one with base.datapool"
        )
    first_with_checkpoint = next((source for source in sources if (source / store.CHECKPOINT).exists()), None)
    if first_with_checkpoint is not None:
        link_or_copy(first_with_checkpoint / store.CHECKPOINT, target / store.CHECKPOINT)
    for folder in (store.LEDGER_FOLDER, SOURCES_FOLDER, store.EMBEDDINGS_FOLDER, store.OBJECTS_FOLDER):
        store.link_folder(sources[0] / folder, target / folder)
    united = _Tables.of(sources[0])
    pairs: list[Pair] = []
    for source in sources[1:]:
        rule = near if len(checkpoints) <= 1 else EVERYTHING_STAYS
        united, found = _with(united, source, target, rule)
        pairs += found
    store.write_samples(target, united.samples)
    store.write_iterations(target, united.iterations)
    write_pictures(target, united.pictures)
    store.write_value_windows(target, reduce(united_windows, map(store.read_value_windows, sources)))
    if len(checkpoints) <= 1:
        metadata, embeddings = read_shards(target / store.EMBEDDINGS_FOLDER, wanted=["filename"])
        lacking = {name for source in sources for name in store.read_without_embedding(source)}
        lacking = (lacking & set(united.samples["filename"])) - set(metadata["filename"])
        store.write_embedded(target, united.samples, metadata, embeddings, lacking)
    return pairs


class _Tables(NamedTuple):
    """What a datapool says of itself; columns as in `curation.tables.datapool`."""

    samples: pd.DataFrame
    iterations: pd.DataFrame
    ledger: pd.DataFrame
    pictures: pd.DataFrame

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Read them."""
        return cls(
            store.read_samples(folder), store.read_iterations(folder), store.read_ledger(folder), read_pictures(folder)
        )


def _with(united: _Tables, source: Path, target: Path, near: NearRule) -> tuple[_Tables, list[Pair]]:
    """Add a datapool: its shards and its part of the ledger to the folder, the rest to the tables.

    Args:
        united: the datapools before it.
        source: its folder.
        target: of the union.
        near: what becomes of near duplicates.

    Returns:
        The tables with it, and the samples of it that resemble one of those before.
    """
    other = _Tables.of(source)
    metadata = read_metadata(target / store.EMBEDDINGS_FOLDER)
    labels = united_labels(metadata, read_metadata(source / store.EMBEDDINGS_FOLDER))
    numbers = united_iteration_numbers(united.iterations, other.iterations)
    require_same_contents(united.ledger, other.ledger)
    new_ledger = renumbered(new_ledger_rows(united.ledger, other.ledger), numbers)
    for number, part in new_ledger.groupby("iteration", sort=True):
        store.write_ledger_part(target, part, int(str(number)))
    _add_shards(source / store.EMBEDDINGS_FOLDER, target / store.EMBEDDINGS_FOLDER, metadata, labels)
    _add_objects(source / store.OBJECTS_FOLDER, target / store.OBJECTS_FOLDER)
    carry_sources(source, target, numbers)
    new_samples = renumbered(new_sample_rows(united.samples, other.samples), numbers)
    pairs = exact_pairs(united.samples, other.samples)
    if near.min_distance is not None:
        embedded = read_shards(target / store.EMBEDDINGS_FOLDER, wanted=["filename"])
        found = near_pairs(united.samples, new_samples, embedded, near.min_distance)
        pairs += found
        if near.choice == "drop":
            new_samples = new_samples[~new_samples["filename"].isin([pair.filename for pair in found])].copy()
    new_samples["label"] = new_samples["label_name"].map(labels).astype("int32")
    samples = pd.concat([united.samples, new_samples], ignore_index=True)
    tables = _Tables(
        samples,
        united_iterations(united.iterations, other.iterations, numbers),
        pd.concat([united.ledger, new_ledger], ignore_index=True),
        united_pictures(united.pictures, other.pictures, samples),
    )
    return tables, pairs


def united_labels(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, int]:
    """Give the weak labels of two datapools one index each; those of the first keep theirs.

    Args:
        first: rows with `label` and `label_name`.
        second: likewise.

    Returns:
        Index by label name, for the names of the second.
    """
    labels = {str(name): int(label) for name, label in zip(first["label_name"], first["label"], strict=True)}
    wanted = {str(name): int(label) for name, label in zip(second["label_name"], second["label"], strict=True)}
    taken = {label for name, label in labels.items() if name}
    for name, label in sorted(wanted.items(), key=lambda item: (item[1], item[0])):
        if name in labels:
            continue
        if not name:
            labels[name] = 0
            continue
        free = label if label not in taken else max([*taken, -1]) + 1
        labels[name] = free
        taken.add(free)
    return {name: labels[name] for name in wanted}


def united_iteration_numbers(first: pd.DataFrame, second: pd.DataFrame) -> dict[int, int]:
    """Map the second log's iteration numbers: shared ones stay, its own follow the first log's last number."""
    shared = pd.merge(first, second, how="inner")["iteration"].tolist()
    following = int(first["iteration"].max()) if len(first) else 0
    numbers: dict[int, int] = {}
    for number in sorted(int(value) for value in second["iteration"]):
        if number in shared:
            numbers[number] = number
        else:
            following += 1
            numbers[number] = following
    return numbers


def united_iterations(first: pd.DataFrame, second: pd.DataFrame, numbers: dict[int, int]) -> pd.DataFrame:
    """Return the first log with the second's own iterations after it, under their new numbers."""
    own = second[second["iteration"].map(lambda number: numbers[int(number)] > _last(first))]
    return pd.concat([first, renumbered(own, numbers)], ignore_index=True)


def renumbered(rows: pd.DataFrame, numbers: dict[int, int]) -> pd.DataFrame:
    """Return rows with their iteration numbers mapped."""
    changed = rows.copy()
    changed["iteration"] = [numbers[int(number)] for number in rows["iteration"]]
    changed["iteration"] = changed["iteration"].astype("int64")
    return changed


def require_same_contents(first: pd.DataFrame, second: pd.DataFrame) -> None:
    """Make sure that no raw file name stands for two contents.

    Raises:
        BaseError: naming the files.
    """
    both = pd.merge(first, second, on="path", suffixes=("", "_other"))
    different = sorted(set(both.loc[both["content_hash"] != both["content_hash_other"], "path"]))
    if different:
        raise BaseError(
            f"{len(different)} raw files have different contents in the datapools to unite: "
            f"{', '.join(different[:10])}. Rename the files on one side, and run that side's iteration again"
        )


def new_ledger_rows(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return the ledger rows of the second whose raw file the first has not processed under this name."""
    return second[~second["path"].isin(first["path"])]


def new_sample_rows(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return the second's samples that the first does not hold, neither by name nor as equal pixels.

    An empty `pixel_hash` equals no other: the sample was combined from a file of embeddings.
    """
    pixels = first.loc[first["pixel_hash"] != "", "pixel_hash"]
    return second[~(second["filename"].isin(first["filename"]) | second["pixel_hash"].isin(pixels))]


def _add_shards(source: Path, target: Path, metadata: pd.DataFrame, labels: dict[str, int]) -> None:
    """Link the shards that can be taken as they are; write anew those that overlap or whose labels change."""
    known = set(metadata["filename"])
    for shard in shard_files(source):
        if (target / shard.name).exists():
            continue
        rows, embeddings = read_shards(shard)
        fresh = ~rows["filename"].isin(known).to_numpy(dtype=bool)
        relabelled = rows["label_name"].map(labels).astype("int32")
        if fresh.all() and (relabelled == rows["label"]).all():
            link_or_copy(shard, target / shard.name)
        elif fresh.any():
            rows["label"] = relabelled
            write_shards(
                target,
                rows[fresh].reset_index(drop=True),
                embeddings[fresh],
                shard_checkpoint(shard),
                shard_precision(shard),
            )


def _add_objects(source: Path, target: Path) -> None:
    """Link the shards of objects that can be taken as they are; write anew those that overlap.

    Where both datapools know objects of a task in a sample, those of the first stay.
    """
    known = _samples_of_tasks(read_metadata(target, OBJECT_METADATA))
    for shard in shard_files(source):
        if (target / shard.name).exists():
            continue
        rows, embeddings = read_shards(shard, OBJECT_METADATA)
        fresh = ~_samples_of_tasks(rows).isin(known).to_numpy(dtype=bool)
        if fresh.all():
            link_or_copy(shard, target / shard.name)
        elif fresh.any():
            kept = rows[fresh].reset_index(drop=True)
            made_by = (shard_checkpoint(shard), shard_precision(shard))
            write_shards(target, kept, embeddings[fresh], *made_by, OBJECT_METADATA)


def _samples_of_tasks(objects: pd.DataFrame) -> "pd.Series[str]":
    """Return one text for each object that names its task and sample; no task's name has a space."""
    return objects["task"] + " " + objects["filename"]


def _last(iterations: pd.DataFrame) -> int:
    return int(iterations["iteration"].max()) if len(iterations) else 0
