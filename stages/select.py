"""Stage `select`: choose the samples that join the datapool.

Reads params.yaml (select, train.retrain, and what decodes and embeds images that are queries), data/base (the samples
selected before, and the embeddings of all that was processed before), data/train/checkpoint.ckpt (its hash tells which
embeddings belong together; it embeds images and texts that are queries), data/embed/embeddings (the new embeddings),
data/clean/samples.parquet (which samples are new), data/embed/marks.csv (what a file of given embeddings says of them),
and the files that section select names.
Writes data/select/selection.csv (the chosen samples in order), data/select/candidates.parquet (what became of every
candidate, and which selected sample covers it), data/select/budget_curve.csv (what fewer samples would have covered)
and data/select/comparison.csv (the chosen rule beside greedy k-center and chance).
"""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.core.atomic import TEMPORARY_PREFIX
from curation.core.cores import available_cores
from curation.core.errors import BaseError, CheckpointError, NothingToSelectError, ParamsError
from curation.core.hashing import sha256_of_file
from curation.datapool.store import (
    EMBEDDINGS_FOLDER,
    may_lack_new_data,
    read_removed,
    read_samples,
    read_without_embedding,
)
from curation.embeddings.given import MASKED, SELECTED
from curation.embeddings.shards import read_shards, shard_checkpoint, shard_files
from curation.image.proxies import ProxyReader
from curation.params.schema import Params
from curation.params.select import SelectParams
from curation.params.strategies import Similarity
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.selection.comparison import baselines, compare
from curation.selection.distance import euclidean, first_not_finite, short_distance
from curation.selection.given import read_dropped, read_filenames
from curation.selection.holdout import read_holdout, refuse_leaks, too_near
from curation.selection.nearest import nearest_rows
from curation.selection.rules.registry import Options, choose
from curation.selection.sequences import Units, mean_embeddings, units_of
from curation.selection.stopping import sample_limit, squared_threshold
from curation.selection.strategies import allowed_by_thresholds, combined, objectives_of
from curation.tables.embeddings import MARKS, WITHOUT_EMBEDDING
from curation.tables.files import read_csv, read_parquet, write_csv, write_parquet
from curation.tables.selection import BUDGET_CURVE, CANDIDATES, COMPARISON, SELECTION


def run(params: Params) -> str:
    r"""Choose the samples that join the datapool.

    \b
    Reads  data/base, data/train/checkpoint.ckpt, data/embed/embeddings,
           data/clean/samples.parquet, data/embed/marks.csv, the files that select names
    Writes data/select/selection.csv, data/select/candidates.parquet,
           data/select/budget_curve.csv, data/select/comparison.csv
    """
    processed, embeddings = read_embeddings(
        paths.BASE / EMBEDDINGS_FOLDER, paths.EMBEDDINGS, sha256_of_file(paths.CHECKPOINT)
    )
    names = list(processed["filename"])
    samples = read_parquet(paths.SAMPLES, columns=["filename", "is_new"])
    accepted = sorted(read_samples(paths.BASE)["filename"])
    marks = read_csv(paths.MARKS, MARKS)
    masked = set(marks["filename"][marks["mark"] == MASKED])
    chosen = sorted(set(marks["filename"][marks["mark"] == SELECTED]).intersection(names).difference(accepted))
    lacking = read_without_embedding(paths.BASE) | set(marks["filename"][marks["mark"] == WITHOUT_EMBEDDING])
    accepted = sorted(set(accepted) - lacking)
    base_names = sorted([*accepted, *chosen])
    candidate_names = candidates_of(
        new=set(samples.loc[samples["is_new"].astype(bool), "filename"]) - masked,
        processed=set(names) - masked,
        base={*base_names, *lacking},
        process_all=params.select.process_all,
    )
    may_be_empty = params.train.retrain or may_lack_new_data(paths.BASE) or bool(chosen)
    base_embeddings = embeddings_by_name(base_names, names, embeddings)
    reviewed = len(candidate_names)
    if params.select.review_file is not None:
        rejected = rejected_by_review(
            params.select.review_file, base_names, {*names, *read_removed(paths.BASE)["filename"]}
        )
        candidate_names = [name for name in candidate_names if name not in rejected]
        if reviewed and not candidate_names and not may_be_empty:
            raise NothingToSelectError("the review drops all candidates", "set select.review_file to null")
    found = len(candidate_names)
    candidate_names = without_held_out(candidate_names, base_names, base_embeddings, names, embeddings, params.select)
    held_out = found - len(candidate_names)
    if held_out and not candidate_names and not may_be_empty:
        raise NothingToSelectError(
            f"all {found} candidates are held out, or too near to what is (select.holdout_file)",
            "set select.holdout_distance lower",
        )
    if not candidate_names and not may_be_empty:
        raise NothingToSelectError("no candidates: every sample found is in the datapool, or was left out before")
    strategies = params.select.strategies
    allowed = allowed_by_thresholds(strategies, candidate_names, processed)
    if candidate_names and not allowed.any() and not may_be_empty:
        raise NothingToSelectError("no candidate is within all thresholds of select.strategies", "set them wider")
    units = units_of(candidate_names, processed, allowed, params.select.selected_sequence_length)
    if candidate_names and not len(units.members) and not may_be_empty:
        raise NothingToSelectError(
            f"no video has {params.select.selected_sequence_length} consecutive frames to select "
            f"({units.images} images cannot be part of a sequence)",
            "set select.selected_sequence_length lower, or to 1",
        )
    candidate_embeddings = embeddings_by_name(candidate_names, names, embeddings)
    queries = {
        place: query_embeddings(item.strategy, names, embeddings, params)
        for place, item in enumerate(strategies)
        if isinstance(item.strategy, Similarity)
    }
    # Only where there are some: it takes the base's embeddings once more.
    chosen_rows = chosen_before(chosen, accepted, names, embeddings) if chosen else None
    del embeddings
    selection, candidates, curve, comparison = select(
        candidate_names, candidate_embeddings, base_names, base_embeddings, processed, params.select, queries
    )
    if selection.empty and not may_be_empty:
        raise NothingToSelectError(
            f"no candidate is as far from the datapool as select.min_distance: {params.select.min_distance} "
            f"(the farthest is at {candidates['distance_to_base'].max():.6g})",
            "set select.min_distance lower, or to null",
        )
    line = summary(selection, candidates, len(base_names), units, params.select, held_out)
    if chosen_rows is not None:
        selection, candidates = with_chosen(selection, candidates, chosen_rows)
    write_csv(selection, SELECTION, paths.SELECTION)
    write_parquet(candidates, CANDIDATES, paths.CANDIDATES)
    write_csv(curve, BUDGET_CURVE, paths.BUDGET_CURVE)
    write_csv(comparison, COMPARISON, paths.COMPARISON)
    dropped = f"; {reviewed - found} dropped by the review" if params.select.review_file is not None else ""
    before = f"; {len(chosen)} more were chosen before (embed.embeddings_file)" if chosen else ""
    return line + dropped + before


def read_embeddings(base: Path, new: Path, checkpoint_hash: str) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Read the embeddings that the checkpoint in use made: the new ones, and the base's where it is the base's too.

    After `train.retrain` the base's shards are of the former checkpoint and left aside: the new ones hold everything.

    Args:
        base: folder of the base's shards.
        new: folder of the new shards.
        checkpoint_hash: SHA-256 of the checkpoint in use.

    Returns:
        n samples sorted by filename, with the columns of a shard but the embeddings, and these: (n, d) float32.

    Raises:
        BaseError: the dimensions differ, or a value is not finite.
        CheckpointError: the new embeddings were made by another checkpoint.
    """
    stale = [file for file in shard_files(new) if shard_checkpoint(file) != checkpoint_hash]
    if stale:
        raise CheckpointError(
            f"{stale[0]} was made by another checkpoint than {paths.CHECKPOINT}: run `dvc repro embed`"
        )
    same_space = all(shard_checkpoint(file) == checkpoint_hash for file in shard_files(base))
    metadata, embeddings = read_shards([base, new] if same_space else new)
    row = first_not_finite(embeddings)
    if row is not None:
        raise BaseError(
            f"the embedding of {metadata['filename'].iloc[row]!r} holds NaN or infinite values and cannot be compared: "
            "the training has diverged; lower train.learning_rate, or restore the datapool with `dvc checkout` if "
            "it is an old sample"
        )
    return metadata, embeddings


def candidates_of(
    new: Collection[str], processed: Collection[str], base: Collection[str], process_all: bool
) -> list[str]:
    """Return the filenames that may be selected, sorted.

    Args:
        new: samples found in this iteration.
        processed: every sample with an embedding, of this iteration and earlier ones.
        base: samples selected before.
        process_all: whether what earlier iterations left over is a candidate again. `select.proportion_samples` is
            a share of all candidates, so it counts the left-overs then.
    """
    return sorted(set(processed if process_all else new) - set(base))


def chosen_before(
    chosen: Sequence[str], accepted: Sequence[str], names: Sequence[str], embeddings: NDArray[np.float32]
) -> pd.DataFrame:
    """Describe the samples that a file of given embeddings marks as selected: they join the datapool first.

    Args:
        chosen: filenames, sorted.
        accepted: filenames in the datapool.
        names: n filenames of all processed samples.
        embeddings: (n, d) float32.

    Returns:
        filename, and the nearest sample of the datapool with the distance to it: NaN and "" on an empty one.
    """
    base_nearest, squared = nearest_rows(
        embeddings_by_name(chosen, names, embeddings), embeddings_by_name(accepted, names, embeddings)
    )
    accepted_names = np.array([*accepted, ""], dtype=object)
    return pd.DataFrame(
        {"filename": list(chosen), "distance": euclidean(squared), "nearest": accepted_names[base_nearest]}
    )


def with_chosen(
    selection: pd.DataFrame, candidates: pd.DataFrame, chosen: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put the samples that were chosen before in front of the selection, and among the candidates.

    Args:
        selection: columns `SELECTION`.
        candidates: columns `CANDIDATES`; what was chosen before counts as base in their distances.
        chosen: see `chosen_before`; at least one row.
    """
    first = chosen.assign(rank=range(len(chosen)))[SELECTION.names]
    later = selection.assign(rank=selection["rank"] + len(chosen))
    rows = chosen.rename(columns={"distance": "distance_to_base", "nearest": "nearest_in_base"}).assign(
        selected=True, distance=0.0, covered_by=chosen["filename"]
    )[CANDIDATES.names]
    both = pd.concat([rows, candidates]) if len(candidates) else rows
    return (
        pd.concat([first, later], ignore_index=True) if len(later) else first,
        both.sort_values("filename", ignore_index=True),
    )


def rejected_by_review(path: str, base: Collection[str], processed: Collection[str]) -> set[str]:
    """Return the filenames that a review drops.

    Args:
        path: file of the decisions.
        base: samples selected before.
        processed: every sample with an embedding, and those that were taken out for good.

    Raises:
        ParamsError: the file is wrong, drops a sample that was accepted before, or one that is unknown.
    """
    rejected = set(read_dropped(path))
    accepted, unknown = sorted(rejected & set(base)), sorted(rejected - set(processed))
    if accepted:
        raise ParamsError(
            f"select.review_file: {path} drops {accepted[0]!r}, which an earlier iteration accepted. A review can keep "
            "out what is not committed yet: delete that line"
        )
    if unknown:
        raise ParamsError(f"select.review_file: {path} drops {unknown[0]!r}, which is no sample of any iteration")
    return rejected


def without_held_out(
    candidates: Sequence[str],
    base_names: Sequence[str],
    base_embeddings: NDArray[np.float32],
    names: Sequence[str],
    embeddings: NDArray[np.float32],
    params: SelectParams,
) -> list[str]:
    """Return the candidates that are neither held out nor too near to what is.

    Args:
        candidates: filenames.
        base_names: m filenames selected before.
        base_embeddings: (m, d) float32.
        names: n filenames of all processed samples, among them the candidates.
        embeddings: (n, d) float32.
        params: which samples are held out, and how far away the others stay.

    Raises:
        ParamsError: the file of held-out samples is wrong, or the datapool is too near to them.
    """
    if params.holdout_file is None:
        return list(candidates)
    holdout = read_holdout(params.holdout_file, names, embeddings)
    refuse_leaks(holdout, base_names, base_embeddings, params.holdout_distance)
    own = embeddings_by_name(candidates, names, embeddings)
    near = too_near(holdout, candidates, own, params.holdout_distance)
    return [name for name, is_near in zip(candidates, near, strict=True) if not is_near]


def embeddings_by_name(
    wanted: Sequence[str], names: Sequence[str], embeddings: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Look up embeddings by filename.

    Args:
        wanted: m names.
        names: n names.
        embeddings: (n, d) float32.

    Returns:
        (m, d) float32.

    Raises:
        CheckpointError: a name has no embedding of the checkpoint in use.
    """
    row_of = {name: row for row, name in enumerate(names)}
    missing = [name for name in wanted if name not in row_of]
    if missing:
        raise CheckpointError(
            f"{len(missing)} of {len(wanted)} samples have no embedding made by {paths.CHECKPOINT}, "
            f"{missing[0]!r} for one. Embeddings of another checkpoint cannot be compared: use the datapool's "
            "own (train.checkpoint: null), or set train.retrain: true, which embeds everything again"
        )
    return embeddings[[row_of[name] for name in wanted]]


def query_embeddings(
    strategy: Similarity, names: Sequence[str], embeddings: NDArray[np.float32], params: Params
) -> NDArray[np.float32]:
    """Return the embeddings that SIMILARITY compares with, (q, d) float32.

    Args:
        strategy: what the queries are.
        names: n filenames of all processed samples.
        embeddings: (n, d) float32.
        params: how images are decoded and embedded.

    Raises:
        ParamsError: there are no such queries, or the model cannot embed them.
        CheckpointError: the checkpoint cannot be used, or a query sample has no embedding of it.
    """
    # Imported where they are needed: torch and the decoders take seconds that other selections need not cost.
    if strategy.text is not None:
        from curation.selection.query_text import embed_text

        return embed_text(strategy.text, paths.CHECKPOINT)
    if strategy.images is not None:
        return embed_images(strategy.images, params)
    return embeddings_by_name(query_names(strategy, paths.BASE, names), names, embeddings)


def embed_images(images: Sequence[str], params: Params) -> NDArray[np.float32]:
    """Embed image files as stages `clean` and `embed` do samples, so that a sample is at no distance of itself.

    Args:
        images: paths.
        params: sections `clean`, `embed` and `train`.

    Returns:
        (q, d) float32, unit length.

    Raises:
        ParamsError: an image is not there, or cannot be decoded.
        CheckpointError: the checkpoint cannot be used.
    """
    from curation.cleaning.decode_file import Settings
    from curation.image.turbojpeg import require as require_turbojpeg
    from curation.model.embedding import embed_proxies
    from curation.selection.query_images import decode_query_images

    require_turbojpeg()
    paths.SELECTION.parent.mkdir(parents=True, exist_ok=True)
    prefix = f"{TEMPORARY_PREFIX}{os.getpid()}-queries-"
    with TemporaryDirectory(dir=paths.SELECTION.parent, prefix=prefix) as name, ProxyReader(Path(name)) as proxies:
        members = decode_query_images(
            images, Path(name), Settings.of(params.clean), params.clean.workers or available_cores()
        )
        how = (params.embed.batch_size, params.train.accelerator, params.embed.precision)
        return embed_proxies(proxies, members, paths.CHECKPOINT, *how)


def query_names(strategy: Similarity, base: Path, processed: Collection[str]) -> list[str]:
    """Return the samples that SIMILARITY compares with: of a file, or of an iteration of the datapool.

    Args:
        strategy: which of them.
        base: the datapool.
        processed: every sample with an embedding.

    Raises:
        ParamsError: there are none, or one is unknown.
    """
    if strategy.queries is not None:
        wanted = read_filenames(strategy.queries)
        unknown = sorted(set(wanted) - set(processed))
        if unknown:
            raise ParamsError(
                f"select.strategies: {strategy.queries} names {unknown[0]!r}, which is no sample of this or an earlier "
                "iteration"
            )
        return wanted
    samples = read_samples(base)
    selected = samples["filename"][samples["iteration"] == strategy.datapool_iteration]
    if selected.empty:
        last = int(samples["iteration"].max()) if len(samples) else 0
        raise ParamsError(
            f"select.strategies: the datapool has no samples of iteration {strategy.datapool_iteration}; the last one "
            f"is {last}"
        )
    return sorted(selected)


class Choice(NamedTuple):
    """What a selection gives.

    Attributes:
        selection: the chosen samples in order (columns `SELECTION`).
        candidates: all candidates by filename (columns `CANDIDATES`).
        curve: coverage by number of samples (columns `BUDGET_CURVE`).
        comparison: the chosen rule beside others (columns `COMPARISON`).
    """

    selection: pd.DataFrame
    candidates: pd.DataFrame
    curve: pd.DataFrame
    comparison: pd.DataFrame


def select(
    names: Sequence[str],
    embeddings: NDArray[np.float32],
    base_names: Sequence[str],
    base_embeddings: NDArray[np.float32],
    processed: pd.DataFrame,
    params: SelectParams,
    queries: Mapping[int, NDArray[np.float32]],
) -> Choice:
    """Choose among the candidates, given what was selected before; the order of the rows has no influence.

    Args:
        names: n filenames of candidates.
        embeddings: (n, d) float32.
        base_names: m filenames selected before.
        base_embeddings: (m, d) float32.
        processed: what is known of the samples, among them the candidates: filename, raw_path, time_s.
        params: by which rule or strategies, how many, and how far apart.
        queries: embeddings of the query samples of each SIMILARITY, by its place among the strategies.

    Returns:
        What was chosen, what became of every candidate, and what that is worth.
    """
    names, embeddings = _sorted_by_name(names, embeddings)
    base_names, base_embeddings = _sorted_by_name(base_names, base_embeddings)
    allowed = allowed_by_thresholds(params.strategies, names, processed)
    units = units_of(names, processed, allowed, params.selected_sequence_length)
    unit_embeddings = mean_embeddings(embeddings, units.members)
    given = (
        unit_embeddings,
        base_embeddings,
        unit_limit(units.members, params),
        squared_threshold(params.min_distance),
    )
    if params.strategies:
        both = (unit_embeddings, base_embeddings)
        objectives = objectives_of(
            params.strategies, names, units.members, base_names, processed, both, queries, params.seed
        )
        found = combined(*given, objectives)
    else:
        found = choose(params.method, *given, Options(params.seed, params.rare, units.raw_paths, units.times))
    name_of = np.array(names, dtype=object)
    picked = units.members[found.picks]
    length = picked.shape[1]
    # Row `number` names the sample that stands for that selected unit at each place of a sequence; row -1 is "".
    selected_names = np.concatenate(
        [
            np.repeat(np.array(base_names, dtype=object)[:, None], length, axis=1),
            name_of[picked],
            np.full((1, length), "", dtype=object),
        ]
    )
    selection = pd.DataFrame(
        {
            "filename": name_of[picked.ravel()],
            "rank": np.arange(picked.size),
            "distance": np.repeat(euclidean(found.pick_squared), length),
            "nearest": selected_names[found.pick_nearest].ravel(),
        }
    )
    places = np.tile(np.arange(length), len(units.members))
    inside = pd.DataFrame(
        {
            "row": units.members.ravel(),
            "distance_to_base": np.repeat(euclidean(found.base_squared), length),
            "nearest_in_base": selected_names[np.repeat(found.base_nearest, length), places],
            "distance": np.repeat(euclidean(found.squared), length),
            "covered_by": selected_names[np.repeat(found.nearest, length), places],
        }
    )
    chosen_embeddings = unit_embeddings[found.picks]
    centres = np.concatenate([base_embeddings, chosen_embeddings]) if len(base_names) else chosen_embeddings
    base_nearest, base_squared = nearest_rows(embeddings[units.outside], base_embeddings)
    nearest, squared = nearest_rows(embeddings[units.outside], centres)
    outside = pd.DataFrame(
        {
            "row": units.outside,
            "distance_to_base": euclidean(base_squared),
            "nearest_in_base": selected_names[base_nearest, 0],
            "distance": euclidean(squared),
            "covered_by": selected_names[nearest, 0],
        }
    )
    candidates = pd.concat([inside, outside]) if len(outside) else inside
    candidates = candidates.sort_values("row", ignore_index=True)
    candidates.insert(0, "filename", names)
    candidates.insert(1, "selected", np.isin(candidates.pop("row"), picked))
    is_coreset = params.method == "coreset" and not params.strategies
    rules = baselines(unit_embeddings, base_embeddings, found, params.seed, is_coreset=is_coreset)
    curve, comparison = compare(unit_embeddings, base_embeddings, rules, units.labels, units.raw_paths, length)
    return Choice(selection, candidates, curve, comparison)


def unit_limit(members: NDArray[np.int64], params: SelectParams) -> int:
    """Return how many units may be chosen: as many as have no more samples than asked for.

    Args:
        members: (u, length) candidates of each unit.
        params: how many samples.

    Raises:
        ParamsError: fewer samples are asked for than a sequence has.
    """
    length = int(members.shape[1])
    limit = sample_limit(members.size, params.n_samples, params.proportion_samples)
    if limit < length and len(members):
        raise ParamsError(
            f"select.proportion_samples: {params.proportion_samples} of {members.size} candidates is {limit}, less "
            f"than one sequence of {length} frames: set it higher, or select.selected_sequence_length lower"
        )
    return limit // length


def _sorted_by_name(names: Sequence[str], embeddings: NDArray[np.float32]) -> tuple[list[str], NDArray[np.float32]]:
    """Sort names, and the rows of embeddings with them; no copy where they are sorted already."""
    order = sorted(range(len(names)), key=names.__getitem__)
    if order == list(range(len(names))):
        return list(names), embeddings
    return [names[row] for row in order], embeddings[order]


def summary(
    selection: pd.DataFrame,
    candidates: pd.DataFrame,
    base_size: int,
    units: Units,
    params: SelectParams,
    held_out: int = 0,
) -> str:
    """Say in a line how many were selected, why not more, and what it did to the coverage radius.

    The coverage radius is the largest distance of a candidate to its nearest selected sample.
    """
    text = f"{len(selection)} of {len(candidates)} candidates selected ({base_size} in the base)"
    if len(candidates) and (base_size or len(selection)):
        before = f"{short_distance(candidates['distance_to_base'].max())} -> " if base_size else ""
        text += f", coverage radius {before}{short_distance(candidates['distance'].max())}"
    length = params.selected_sequence_length
    if len(selection) // length < unit_limit(units.members, params):
        text += f"; all others are nearer than select.min_distance: {params.min_distance}"
    elif params.n_samples is not None and params.n_samples > units.members.size > 0:
        text += f"; select.n_samples: {params.n_samples} is more than there are: all are taken"
    if units.ruled_out:
        text += f"; {units.ruled_out} candidates are beyond a threshold of select.strategies"
    if params.holdout_file is not None:
        near = "" if params.holdout_distance is None else f" or nearer than {params.holdout_distance} to what is"
        text += f"; {held_out} more are held out{near}"
    if length > 1:
        text += f"; in sequences of {length} frames, without {units.images} images"
        text += f" and {len(units.outside) - units.images - units.ruled_out} frames that belong to no whole sequence"
    return text


main = stage_command(run)

if __name__ == "__main__":
    main()
