"""Which samples may be selected: not those of the datapool, none that a review drops, none that is held out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.core.errors import NothingToSelectError, ParamsError
from curation.datapool.store import may_lack_new_data, read_removed, read_samples, read_without_embedding
from curation.embeddings.given import MASKED, SELECTED
from curation.params.select import SelectParams
from curation.selection.described import Described
from curation.selection.embedded import Embedded
from curation.selection.given import read_dropped
from curation.selection.holdout import read_holdout, refuse_leaks, too_near
from curation.selection.sequences import Units, units_of
from curation.selection.strategies import allowed_by_thresholds
from curation.tables.embeddings import WITHOUT_EMBEDDING
from curation.tables.membership import rows_of


@dataclass(frozen=True)
class KnownSamples:
    """What is known of samples before any is selected.

    Attributes:
        new: samples found in this iteration, but those that a file of given embeddings masks, sorted.
        processed: all samples with an embedding, but those, sorted.
        accepted: samples of the datapool that have an embedding, sorted.
        chosen: samples outside of the datapool that a file of given embeddings marks as selected, sorted.
        lacking: samples of the datapool without an embedding.
        may_be_empty: whether the iteration makes sense without a selected sample.
    """

    new: Sequence[str]
    processed: Sequence[str]
    accepted: Sequence[str]
    chosen: Sequence[str]
    lacking: frozenset[str]
    may_be_empty: bool

    @property
    def base(self) -> list[str]:
        """What the selection keeps away from, sorted."""
        return sorted([*self.accepted, *self.chosen])


def known_samples(
    samples: pd.DataFrame, names: Sequence[str], base: Path, marks: pd.DataFrame, *, retrain: bool
) -> KnownSamples:
    """Say what is known of samples.

    Args:
        samples: of stage `clean`: `filename`, `is_new`.
        names: every sample with an embedding, sorted.
        base: folder of the datapool to build on.
        marks: what stage `embed` says of samples (columns `curation.tables.embeddings.MARKS`).
        retrain: whether this iteration has a new checkpoint.
    """
    marked = {
        mark: frozenset(marks["filename"][marks["mark"] == mark].tolist())
        for mark in (MASKED, SELECTED, WITHOUT_EMBEDDING)
    }
    accepted = set(read_samples(base)["filename"].tolist())
    new = _known_as(names, samples.loc[samples["is_new"].astype(bool), "filename"])
    lacking = read_without_embedding(base) | marked[WITHOUT_EMBEDDING]
    chosen = sorted(marked[SELECTED].intersection(names).difference(accepted))
    return KnownSamples(
        new=_without(sorted(new), marked[MASKED]),
        processed=_without(names, marked[MASKED]),
        accepted=sorted(accepted - lacking),
        chosen=chosen,
        lacking=frozenset(lacking),
        may_be_empty=retrain or may_lack_new_data(base) or bool(chosen),
    )


def _known_as(names: Sequence[str], wanted: "pd.Series[str]") -> list[str]:
    """Return texts as the ones that are in memory already, where they are."""
    rows = rows_of(wanted, pd.Series(names, dtype=str)).tolist()
    if -1 in rows:
        return wanted.tolist()
    return [names[row] for row in rows]


def _without(names: Sequence[str], left_out: Collection[str]) -> Sequence[str]:
    """Return names but some, in their order."""
    return [name for name in names if name not in left_out] if left_out else names


@dataclass(frozen=True)
class Candidates:
    """What may be selected.

    Attributes:
        names: filenames, sorted.
        dropped: how many more a review drops.
        held_out: how many more are held out, or too near to what is.
    """

    names: list[str]
    dropped: int
    held_out: int


def find_candidates(
    known: KnownSamples,
    embeddings: Embedded,
    base_embeddings: NDArray[np.float32],
    params: SelectParams,
    base: Path,
) -> Candidates:
    """Find what may be selected.

    Args:
        known: samples.
        embeddings: of all processed samples.
        base_embeddings: (m, d) float32 of `known.base`.
        params: which samples are no candidates.
        base: folder of the datapool to build on.

    Raises:
        NothingToSelectError: there is none, and there must be one.
        ParamsError: a file that the parameters name is wrong, or the datapool is too near to what is held out.
    """
    names = candidates_of(known.new, known.processed, {*known.base, *known.lacking}, params.process_all)
    reviewed = len(names)
    if params.review_file is not None:
        ever = {*embeddings.names, *read_removed(base)["filename"]}
        rejected = rejected_by_review(params.review_file, known.base, ever)
        names = [name for name in names if name not in rejected]
        if reviewed and not names and not known.may_be_empty:
            raise NothingToSelectError("the review drops all candidates", "set select.review_file to null")
    found = len(names)
    names = without_held_out(names, known.base, base_embeddings, embeddings, params)
    if found and not names and not known.may_be_empty:
        raise NothingToSelectError(
            f"all {found} candidates are held out, or too near to what is (select.holdout_file)",
            "set select.holdout_distance lower",
        )
    if not names and not known.may_be_empty:
        raise NothingToSelectError("no candidates: every sample found is in the datapool, or was left out before")
    return Candidates(names, reviewed - found, found - len(names))


def find_units(names: Sequence[str], described: Described, params: SelectParams, *, may_be_empty: bool) -> Units:
    """Find what may be chosen as a whole among candidates.

    Args:
        names: of the candidates, sorted.
        described: what is known of all samples with an embedding.
        params: section `select`.
        may_be_empty: whether there may be none.

    Raises:
        NothingToSelectError: there is none, and there must be one.
    """
    allowed = allowed_by_thresholds(params.located, names, described)
    if names and not allowed.any() and not may_be_empty:
        raise NothingToSelectError("no candidate is within all thresholds of select.strategies", "set them wider")
    units = units_of(names, described.processed, allowed, params.selected_sequence_length)
    if names and not len(units.members) and not may_be_empty:
        raise NothingToSelectError(
            f"no video has {params.selected_sequence_length} consecutive frames to select "
            f"({units.images} images cannot be part of a sequence)",
            "set select.selected_sequence_length lower, or to 1",
        )
    return units


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
    left_out, names = set(base), processed if process_all else new
    if not all(one < another for one, another in pairwise(names)):
        names = sorted(set(names))
    return [name for name in names if name not in left_out]


def rejected_by_review(path: str, base: Collection[str], processed: Collection[str]) -> set[str]:
    """Return the filenames that a review drops.

    Args:
        path: file of the decisions.
        base: samples selected before.
        processed: every sample with an embedding, and those that were taken out for good.

    Raises:
        ParamsError: the file is wrong, drops a sample that was accepted before, or one that is unknown.
    """
    known = set(processed)
    rejected = set(read_dropped(path, known | set(base)))
    accepted, unknown = sorted(rejected & set(base)), sorted(rejected - known)
    if accepted:
        raise ParamsError(
            f"select.review_file: {path} drops {accepted[0]!r}, which an earlier iteration accepted. A review can keep "
            "out what is not committed yet: delete that line"
        )
    if unknown:
        raise ParamsError(f"select.review_file: {path} drops {unknown[0]!r}, which is not a sample of any iteration")
    return rejected


def without_held_out(
    candidates: Sequence[str],
    base_names: Sequence[str],
    base_embeddings: NDArray[np.float32],
    embeddings: Embedded,
    params: SelectParams,
) -> list[str]:
    """Return the candidates that are neither held out nor too near to what is.

    Args:
        candidates: filenames.
        base_names: m filenames selected before.
        base_embeddings: (m, d) float32.
        embeddings: of all processed samples, among them the candidates.
        params: which samples are held out, and how far away the others stay.

    Raises:
        ParamsError: the file of held-out samples is wrong, or the datapool is too near to them.
    """
    if params.holdout_file is None:
        return list(candidates)
    holdout = read_holdout(params.holdout_file, embeddings)
    refuse_leaks(holdout, base_names, base_embeddings, params.holdout_distance)
    own = embeddings.by_name(candidates)
    near = too_near(holdout, candidates, own, params.holdout_distance)
    return [name for name, is_near in zip(candidates, near, strict=True) if not is_near]
