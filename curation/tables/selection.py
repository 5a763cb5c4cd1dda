"""Columns of what a selection writes."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from curation.tables.files import empty_frame, read_csv

SELECTION = pa.schema(
    {
        "filename": pa.string(),  # in order of selection
        "rank": pa.int64(),  # 0 for the first pick of the iteration
        "distance": pa.float64(),  # to the nearest sample selected before; NaN for the first pick on an empty base
        "nearest": pa.string(),  # that sample's filename; empty for the first pick on an empty base
    }
)

CANDIDATES = pa.schema(
    {
        "filename": pa.string(),  # every candidate of the iteration, sorted
        "selected": pa.bool_(),
        "distance_to_base": pa.float64(),  # to the nearest sample of the base; NaN on an empty base
        "nearest_in_base": pa.string(),
        "distance": pa.float64(),  # to the sample that covers it: the nearest selected in the end; 0 if selected
        "covered_by": pa.string(),  # that sample's filename; its own if selected
    }
)

CONTRIBUTIONS = pa.schema(
    {
        # A row for each selected sample and each strategy but THRESHOLD, in order of selection; none without
        # select.strategies. All frames of a sequence have its values.
        "filename": pa.string(),
        "rank": pa.int64(),  # as in the selection
        "strategy": pa.int64(),  # its place in select.strategies; 1 for the first
        "input": pa.string(),  # what it looks at, in short
        "type": pa.string(),  # such as DIVERSITY
        "value": pa.float64(),  # of the objective at the moment of the pick, 0 to 1, before `strength`
    }
)

BUDGET_CURVE = pa.schema(
    {
        # One row for each number of new samples, from none to all that were selected; steps of a sequence's length.
        # Each rule has the same three columns: the chosen one's have no prefix, those of greedy k-center (`coreset`)
        # and of a seeded random draw from the same candidates have one. Distances are Euclidean, between embeddings of
        # unit length.
        "budget": pa.int64(),  # the first so many new samples
        "coverage_radius": pa.float64(),  # largest distance of a candidate to the base or one of them; NaN for none
        "mean_distance": pa.float64(),  # mean of these distances
        # Of the last one of them to everything selected before; NaN where there is none. `coreset_pick_distance` never
        # rises: with select.min_distance above its value, the method coreset would have stopped before this budget.
        "pick_distance": pa.float64(),
        "coreset_coverage_radius": pa.float64(),
        "coreset_mean_distance": pa.float64(),
        "coreset_pick_distance": pa.float64(),
        "random_coverage_radius": pa.float64(),
        "random_mean_distance": pa.float64(),
        "random_pick_distance": pa.float64(),  # NaN after the first 100,000, too
    }
)

COMPARISON = pa.schema(
    {
        "rule": pa.string(),  # chosen, coreset, random: in this order, with the same number of samples
        "samples": pa.int64(),  # selected
        "coverage_radius": pa.float64(),  # largest distance of a candidate to its nearest selected sample
        "mean_distance": pa.float64(),  # mean of these distances
        # between two selected samples, at least one of them new; NaN without a pair. Of chance among the first 100,000.
        "smallest_distance": pa.float64(),
        "label_share": pa.float64(),  # share of the candidates' weak labels that the selected samples have
        "raw_file_share": pa.float64(),  # share of the candidates' raw files that a sample was selected from
        "knee": pa.int64(),  # budget at which the rule's coverage radius bends most ("kneedle")
        "measured": pa.int64(),  # candidates that radius and mean were measured on: all, or a sample of very many
    }
)


def read_contributions(path: Path | None) -> pd.DataFrame:
    """Read what strategies contributed to picks, columns `CONTRIBUTIONS`.

    Args:
        path: of the file; None where an iteration recorded none. Iterations of long ago did not, and one that was
            restored since has a file in its place which says so.
    """
    if path is None or not path.is_file():
        return empty_frame(CONTRIBUTIONS)
    with path.open(encoding="utf-8") as file:
        is_table = file.readline().rstrip("\n") == ",".join(CONTRIBUTIONS.names)
    return read_csv(path, CONTRIBUTIONS) if is_table else empty_frame(CONTRIBUTIONS)
