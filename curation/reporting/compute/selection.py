"""Figures of the selection."""

import numpy as np
import pandas as pd

from curation.reporting.compute.distances import neighbour_distances
from curation.reporting.compute.maps import MAP_LIMIT
from curation.reporting.compute.series import CURVE_POINTS, or_none, spread_of, subset_or_none, thinned
from curation.reporting.compute.sets import Sets
from curation.reporting.contents.selection import (
    BudgetPoint,
    ContributedValue,
    PickDistance,
    RuleFigures,
    Selection,
    StrategyFigures,
)
from curation.reporting.inputs import ReportInputs
from curation.tables.membership import is_among


def selection_of(inputs: ReportInputs, sets: Sets) -> Selection:
    """Describe what was chosen, from what, and how it changed the coverage of the candidates."""
    candidates, selection, asked = sets.candidates, inputs.selection, inputs.select
    chosen = candidates[sets.is_selected]
    is_frame = chosen["time_s"].notna()
    is_first = sets.old.empty
    new_names = inputs.samples.loc[inputs.samples["is_new"].astype(bool), "filename"]
    among_new = neighbour_distances(sets.selected_embeddings, MAP_LIMIT)
    return Selection(
        method=asked.method,
        sentence=asked.sentence,
        n_samples=asked.n_samples,
        proportion_samples=asked.proportion_samples,
        min_distance=asked.min_distance,
        candidates=len(candidates),
        earlier_candidates=int((~is_among(candidates["filename"], new_names)).sum()),
        selected=len(chosen),
        selected_frames=int(is_frame.sum()),
        selected_images=int((~is_frame).sum()),
        raw_files=chosen["raw_path"].nunique(),
        videos=chosen.loc[is_frame, "raw_path"].nunique(),
        distance_to_datapool=None if is_first or chosen.empty else spread_of(chosen["distance_to_base"].to_numpy()),
        smallest_pairwise_distance=or_none(np.min, among_new),
        smallest_pairwise_examined=subset_or_none(len(among_new), len(chosen)),
        smallest_distance=or_none(np.min, selection["distance"].dropna().to_numpy()),
        coverage_radius_before=or_none(np.max, candidates["distance_to_base"].to_numpy()),
        coverage_radius_after=or_none(np.max, candidates["distance"].to_numpy()),
        candidate_distance_before=or_none(np.mean, candidates["distance_to_base"].to_numpy()),
        candidate_distance_after=or_none(np.mean, candidates["distance"].to_numpy()),
        pick_distances=tuple(
            PickDistance(rank=int(selection["rank"].iloc[row]), distance=selection["distance"].iloc[row])
            for row in thinned(len(selection), CURVE_POINTS)
        ),
        budget_curve=tuple(budget_points(inputs.budget_curve)),
        comparison=tuple(rule_figures(inputs.comparison)),
        strategies=tuple(strategy_figures(inputs.contributions)),
    )


def budget_points(curve: pd.DataFrame) -> list[BudgetPoint]:
    """Return evenly thinned rows of the budget curve."""
    rows = curve[list(BudgetPoint.model_fields)].to_dict("records")
    return [BudgetPoint.model_validate(rows[row]) for row in thinned(len(rows), CURVE_POINTS)]


def rule_figures(comparison: pd.DataFrame) -> list[RuleFigures]:
    """Return what the chosen rule brings, beside greedy k-center and chance."""
    rows = comparison[list(RuleFigures.model_fields)].to_dict("records")
    return [RuleFigures.model_validate(row) for row in rows]


def strategy_figures(contributions: pd.DataFrame) -> list[StrategyFigures]:
    """Return what each strategy contributed to the picks."""
    result = []
    for _, rows in contributions.groupby("strategy", sort=True):
        picked = rows.iloc[list(thinned(len(rows), CURVE_POINTS))]
        first = rows.iloc[0]
        result.append(
            StrategyFigures(
                strategy=first["strategy"],
                type=first["type"],
                input=first["input"],
                spread=spread_of(rows["value"].to_numpy(np.float64)),
                picks=tuple(map(ContributedValue.model_validate, picked[["rank", "value"]].to_dict("records"))),
            )
        )
    return result
