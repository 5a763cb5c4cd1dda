"""What a selection gives: the chosen samples in order, what became of every candidate, and what that is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.core.errors import NothingToSelectError, ParamsError
from curation.params.select import SelectParams
from curation.params.strategies import Diversity
from curation.selection.comparison import CORESET, baselines, compare
from curation.selection.contributions import contributions_of
from curation.selection.described import Described
from curation.selection.distance import short_distance
from curation.selection.greedy.search import combined
from curation.selection.objects import ObjectEmbeddings
from curation.selection.outcome_tables import Sides, tables_of
from curation.selection.rule import Options
from curation.selection.rules.coreset import Coreset, coreset
from curation.selection.rules.registry import RULES, choose
from curation.selection.sequences import Units, mean_embeddings, units_of
from curation.selection.stopping import sample_limit, squared_threshold
from curation.selection.strategies import Vectors, allowed_by_thresholds, objectives_of
from curation.selection.traversal import Traversal
from curation.selection.uncertainty import uncertainty_of
from curation.tables.files import empty_frame
from curation.tables.memory import give_back
from curation.tables.selection import CONTRIBUTIONS


class Choice(NamedTuple):
    """The result of a selection.

    Attributes:
        selection: the chosen samples in order (columns `SELECTION`).
        candidates: all candidates by filename (columns `CANDIDATES`).
        curve: coverage by number of samples (columns `BUDGET_CURVE`).
        comparison: the chosen rule beside others (columns `COMPARISON`).
        contributions: of strategies to picks (columns `CONTRIBUTIONS`).
    """

    selection: pd.DataFrame
    candidates: pd.DataFrame
    curve: pd.DataFrame
    comparison: pd.DataFrame
    contributions: pd.DataFrame


def select(
    names: Sequence[str],
    embeddings: NDArray[np.float32],
    base_names: Sequence[str],
    base_embeddings: NDArray[np.float32],
    described: Described,
    params: SelectParams,
    queries: Mapping[int, NDArray[np.float32]],
    objects: Mapping[str, ObjectEmbeddings],
) -> Choice:
    """Choose among the candidates, given what was selected before; the order of the rows has no influence.

    Args:
        names: n filenames of candidates.
        embeddings: (n, d) float32.
        base_names: m filenames selected before.
        base_embeddings: (m, d) float32.
        described: what is known of the samples, among them the candidates.
        params: by which rule or strategies, how many, and how far apart.
        queries: embeddings of the query samples of each SIMILARITY, by its place among the strategies.
        objects: embeddings of the objects of all samples, for each task of `params.object_tasks`.

    Returns:
        What was chosen, what became of every candidate, and what that is worth.
    """
    names, embeddings = _sorted_by_name(names, embeddings)
    base_names, base_embeddings = _sorted_by_name(base_names, base_embeddings)
    allowed = allowed_by_thresholds(params.located, names, described)
    units = units_of(names, described.processed, allowed, params.selected_sequence_length)
    sides = Sides(pd.Series(names, dtype=str), embeddings, base_names, base_embeddings)
    return select_units(sides, units, described, params, queries, objects)


def select_units(
    sides: Sides,
    units: Units,
    described: Described,
    params: SelectParams,
    queries: Mapping[int, NDArray[np.float32]],
    objects: Mapping[str, ObjectEmbeddings],
    coreset: Coreset = coreset,
) -> Choice:
    """Choose among units, given what was selected before.

    Args:
        sides: candidates and base.
        units: what may be chosen of the candidates.
        described: see `select`.
        params: likewise.
        queries: likewise.
        objects: likewise.
        coreset: the program of greedy k-center, for the rule of that name and for what others are compared with.
    """
    unit_embeddings = mean_embeddings(sides.embeddings, units.members)
    both = (unit_embeddings, sides.base_embeddings)
    vectors = Vectors(*both, queries, objects)
    found, contributed = _found(sides.names, units, sides.base_names, described, params, vectors, coreset)
    is_coreset = params.method == CORESET and not params.strategies
    rules = baselines(*both, found, params.seed, is_coreset=is_coreset, coreset=coreset)
    curve, comparison = compare(unit_embeddings, found, rules, units.labels, units.raw_paths, units.members.shape[1])
    give_back(len(sides.names))  # what the search took
    selection, candidates = tables_of(sides, units, found, unit_embeddings)
    return Choice(selection, candidates, curve, comparison, contributed)


def for_choosing(units: Units, params: SelectParams) -> Units:
    """Return what choosing asks of units, so that the rest can be let go.

    Args:
        units: what may be chosen.
        params: by which rule or strategies.
    """
    if not params.strategies and {"raw_paths", "times"} & set(RULES[params.method].options):
        return units
    times = np.broadcast_to(np.nan, len(units.members))
    return replace(units, raw_paths=units.raw_paths.numbered(), labels=units.labels.numbered(), times=times)


def _found(
    names: "pd.Series[str]",
    units: Units,
    base_names: Sequence[str],
    described: Described,
    params: SelectParams,
    vectors: Vectors,
    coreset: Coreset,
) -> tuple[Traversal, pd.DataFrame]:
    """Choose among units by strategies, or by a rule where there are none.

    Returns:
        What was chosen, and the contributions of strategies (columns `CONTRIBUTIONS`), none of a rule.
    """
    limit, threshold = unit_limit(units.members, params), squared_threshold(params.min_distance)
    given = (vectors.units, vectors.base, limit, threshold)
    if params.strategies:
        filenames = names.tolist()
        objectives = objectives_of(params.located, filenames, units.members, base_names, described, vectors)
        product = combined(*given, objectives)
        return product.traversal, contributions_of(product, params.strategies, filenames, units.members)
    if params.method == CORESET:
        return coreset(*given), empty_frame(CONTRIBUTIONS)
    asked = names.tolist() if params.task is not None else []
    uncertainty = uncertainty_of(params, asked, units.members, described)
    options = Options(params.seed, params.rare, uncertainty, units.raw_paths, units.times)
    return choose(params.method, *given, options), empty_frame(CONTRIBUTIONS)


def require_selected(choice: Choice, params: SelectParams) -> None:
    """Make sure that something was selected.

    Raises:
        NothingToSelectError: nothing was.
    """
    if choice.selection.empty:
        raise NothingToSelectError(
            f"no candidate is as far from the datapool as {_kept_apart(params)} "
            f"(the farthest is at {choice.candidates['distance_to_base'].max():.6g})",
            "set it lower, or to null",
        )


def _kept_apart(params: SelectParams) -> str:
    """Name the distances that selected samples keep."""
    distances = [] if params.min_distance is None else [f"select.min_distance: {params.min_distance}"]
    distances += [
        f"min_distance: {item.strategy.min_distance} of DIVERSITY ({item.input.words})"
        for item in params.strategies
        if isinstance(item.strategy, Diversity) and item.strategy.min_distance is not None
    ]
    return " or ".join(distances)


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
    if all(one <= another for one, another in pairwise(names)):
        return list(names), embeddings
    order = sorted(range(len(names)), key=names.__getitem__)
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
        text += f"; all others are nearer than {_kept_apart(params)}"
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
