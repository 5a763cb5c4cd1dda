"""Samples that the report shows."""

from typing import Literal

import numpy as np

from curation.reporting.compute.cleaning import dropped_examples
from curation.reporting.compute.distances import nearest_neighbours, query_subset
from curation.reporting.compute.maps import MAP_LIMIT
from curation.reporting.compute.series import subset_or_none
from curation.reporting.compute.sets import Sets
from curation.reporting.contents.report import ExamplePair, Examples, NearDuplicatePair, SelectedSample
from curation.reporting.inputs import ReportInputs
from curation.tables.samples import LOW_QUALITY, NEAR_DUPLICATE


def examples_of(inputs: ReportInputs, sets: Sets) -> Examples:
    """Choose the samples that are shown as pictures."""
    top = inputs.selection.head(inputs.settings.n_thumbnails)
    shown = sets.candidates[sets.candidates["filename"].isin(top["filename"])]
    labels = shown.set_index("filename")["label_name"]
    selected = tuple(
        SelectedSample(filename=name, rank=int(rank), distance=distance, nearest=nearest, label_name=str(labels[name]))
        for name, rank, distance, nearest in zip(
            top["filename"], top["rank"], top["distance"], top["nearest"], strict=True
        )
    )
    count = inputs.settings.n_example_images // 2
    pairs, examined = pairs_of(sets, count)
    whole_samples = inputs.dropped[inputs.dropped["frame"] >= 0]
    return Examples(
        selected=selected,
        pairs=tuple(pairs),
        pairs_examined=subset_or_none(examined, int(sets.is_selected.sum())),
        near_duplicates=tuple(
            NearDuplicatePair(kept=row.duplicate_of, dropped=row.filename, bits=int(row.figure or 0))
            for row in dropped_examples(whole_samples, NEAR_DUPLICATE, count)
        ),
        low_quality=dropped_examples(whole_samples, LOW_QUALITY, 2 * count),
    )


def pairs_of(sets: Sets, count: int) -> tuple[list[ExamplePair], int]:
    """Pair retained samples with the nearest removed one: the closest pairs, then the farthest ones.

    Args:
        sets: the candidates.
        count: pairs at most; the closest are one more than the farthest where it is odd.

    Returns:
        The pairs, and how many retained samples they were chosen from: of very many, a seeded subset.
    """
    retained, removed = np.flatnonzero(sets.is_selected), np.flatnonzero(~sets.is_selected)
    if count == 0 or len(retained) == 0 or len(removed) == 0:
        return [], 0
    retained = retained[query_subset(len(retained), len(removed), MAP_LIMIT)]
    found = nearest_neighbours(sets.candidate_embeddings[retained], sets.candidate_embeddings[removed])
    order = np.argsort(np.round(found.distances, 6), kind="stable")
    if len(order) > count:
        closest = (count + 1) // 2
        groups = [(row, "closest") for row in order[:closest]]
        groups += [(row, "farthest") for row in order[::-1][: count - closest]]
    else:
        half = (len(order) + 1) // 2
        groups = [(row, "closest" if place < half else "farthest") for place, row in enumerate(order)]
    names = sets.candidates["filename"]
    kinds: dict[str, Literal["closest", "farthest"]] = {"closest": "closest", "farthest": "farthest"}
    pairs = [
        ExamplePair(
            retained=names.iloc[retained[row]],
            removed=names.iloc[removed[found.rows[row]]],
            distance=found.distances[row],
            group=kinds[group],
        )
        for row, group in groups
    ]
    return pairs, len(retained)
