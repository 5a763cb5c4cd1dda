"""Computing every figure of the report, once."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.reporting import contents as schema
from curation.reporting.compute.distances import (
    SEED,
    effective_rank,
    embedding_std,
    nearest_neighbours,
    neighbour_distances,
    pairwise_distances,
    subset,
)
from curation.reporting.compute.maps import MAP_LIMIT, MapPoints, map_of
from curation.reporting.compute.migration import migration_of
from curation.reporting.compute.names import visible
from curation.reporting.compute.sets import Sets, make_sets
from curation.reporting.compute.sources import source_names
from curation.reporting.inputs import ReportInputs
from curation.selection.distance import short_distance
from curation.tables.samples import (
    COUNTS,
    IGNORED,
    KEPT,
    LOW_QUALITY,
    NEAR_DUPLICATE,
    OVER_LIMIT,
    PROCESSED,
    SKIPPED,
    TAKEN_IN,
    VIDEO,
)

DISTANCE_SUBSET = 2_000
BINS, BINS_OF_FEW, FEW = 40, 20, 200
CURVE_POINTS = 200
LISTED_EXAMPLES = 12
LISTED_REASONS = 20
LISTED_SOURCES = 1_000
NO_PREDICTION = "(no prediction)"
POSITIONS = 400

_JUDGED_FROM = 10
"""Embeddings from which on collapse can be told: n of them have an effective rank below n, whatever the network."""
_COLLAPSED_STD, _COLLAPSED_RANK = 0.05, 1.5
_MANY_CORRUPT = 0.05


def compute_figures(inputs: ReportInputs) -> tuple[schema.Report, MapPoints]:
    """Compute all figures of an iteration."""
    sets = make_sets(inputs)
    map_figures, points = map_of(sets, inputs.settings.umap_neighbours)
    selection = selection_of(inputs, sets)
    training = training_of(inputs)
    cleaning = cleaning_of(inputs)
    datapool = datapool_of(inputs)
    iteration = int(inputs.iterations["iteration"].max()) if len(inputs.iterations) else 0
    report = schema.Report(
        title=inputs.settings.title,
        iteration=iteration,
        verdict=verdict(selection, datapool),
        notes=(*notes(cleaning, training, selection), *history_notes(inputs)),
        cleaning=cleaning,
        training=training,
        without_embedding=len(inputs.without_embedding),
        migration=migration_of(inputs),
        selection=selection,
        distances=distances_of(sets),
        map=map_figures,
        sources=sources_of(inputs, sets),
        datapool=datapool,
        examples=examples_of(inputs, sets),
        savings=savings_of(inputs, selection),
        configuration=schema.Configuration(
            changed=tuple(changed_parameters(inputs)),
            parameters=inputs.parameters,
            base_datapools=inputs.base_datapools,
            base_commits=inputs.base_commits,
            fingerprint=inputs.fingerprint,
            checkpoint_sha256=inputs.checkpoint_sha256,
        ),
        subset_seed=SEED,
        distance_subset=DISTANCE_SUBSET,
    )
    return report, points


def cleaning_of(inputs: ReportInputs) -> schema.Cleaning:
    """Count raw files and samples by what became of them."""
    files, dropped = inputs.files, inputs.dropped
    status = files["status"].value_counts()
    decoded = files[files["status"].isin([*TAKEN_IN, OVER_LIMIT])]
    kept = files[files["status"] == KEPT]
    videos = int((kept["media"] == VIDEO).sum())
    return schema.Cleaning(
        files=schema.FileCounts(
            total=len(files),
            **{name: int(status.get(name, 0)) for name in (*TAKEN_IN, OVER_LIMIT, IGNORED, PROCESSED)},
            videos=videos,
            images=len(kept) - videos,
        ),
        samples=schema.SampleCounts(
            **{
                name: int(decoded[column].sum())
                for name, column in [("seen", "samples"), *((name, name) for name in COUNTS)]
            }
        ),
        reasons=tuple(reasons_of(dropped, files)),
        dropped=tuple(dropped_lists(dropped, files)),
    )


def reasons_of(dropped: pd.DataFrame, files: pd.DataFrame) -> list[schema.ReasonCount]:
    """Count the reasons for which samples were dropped and files ignored, most frequent first."""
    ignored = files.loc[files["status"] == IGNORED, ["status", "reason"]]
    both = pd.concat([dropped[["status", "reason"]], ignored])
    counts = both.groupby(["status", "reason"], sort=True).size().reset_index(name="count")
    counts = counts.sort_values("count", ascending=False, kind="stable").head(LISTED_REASONS)
    return [
        schema.ReasonCount(status=status, reason=reason, count=int(count))
        for status, reason, count in zip(counts["status"], counts["reason"], counts["count"], strict=True)
    ]


def dropped_lists(dropped: pd.DataFrame, files: pd.DataFrame) -> list[schema.DroppedList]:
    """List the first names of each kind of reason, those of ignored files too."""
    ignored = files[files["status"] == IGNORED].assign(raw_path=files["path"], filename=files["path"], figure=np.nan)
    columns = ["filename", "raw_path", "status", "reason", "duplicate_of", "figure"]
    everything = pd.concat([part[columns] for part in (dropped, ignored) if len(part)] or [dropped[columns]])
    statuses: tuple[schema.DroppedStatus, ...] = get_args(schema.DroppedStatus)
    counts = everything["status"].value_counts()
    return [
        schema.DroppedList(
            status=status, total=int(counts[status]), examples=_dropped_examples(everything, status, LISTED_EXAMPLES)
        )
        for status in statuses
        if status in counts
    ]


def _dropped_examples(dropped: pd.DataFrame, status: str, limit: int) -> tuple[schema.DroppedExample, ...]:
    """Return the first dropped samples of a status, one for each raw file before a second of any."""
    rows = dropped[dropped["status"] == status].sort_values("filename", kind="stable", ignore_index=True)
    turn = rows.groupby("raw_path").cumcount()
    rows = rows.loc[turn.sort_values(kind="stable").index].head(limit)
    return tuple(
        schema.DroppedExample(filename=filename, reason=reason, duplicate_of=of, figure=figure)
        for filename, reason, of, figure in zip(
            rows["filename"], rows["reason"], rows["duplicate_of"], rows["figure"], strict=True
        )
    )


def training_of(inputs: ReportInputs) -> schema.Training:
    """Describe the loss, and check that the embeddings have not collapsed to one point."""
    loss = inputs.loss
    rows = subset(len(inputs.embeddings), DISTANCE_SUBSET)
    embeddings = inputs.embeddings[rows]
    enough = len(embeddings) >= _JUDGED_FROM
    std = embedding_std(embeddings) if enough else None
    rank = effective_rank(embeddings) if enough else None
    return schema.Training(
        embeddings_file=inputs.embeddings_file,
        masked=len(set(inputs.masked) & set(inputs.samples["filename"])),
        passed_through=loss.empty,
        steps=int(loss["step"].nunique()),
        epochs=int(loss["epoch"].nunique()),
        loss_first=loss["loss"].iloc[0] if len(loss) else None,
        loss_last=loss["loss"].iloc[-1] if len(loss) else None,
        loss_curve=tuple(
            schema.LossPoint(step=int(loss["step"].iloc[row]), loss=loss["loss"].iloc[row])
            for row in _thinned(len(loss), CURVE_POINTS)
        ),
        embedding_dim=inputs.embeddings.shape[1],
        embedding_std=std,
        effective_rank=rank,
        examined=len(embeddings),
        collapsed=std is not None and rank is not None and (std < _COLLAPSED_STD or rank < _COLLAPSED_RANK),
    )


def selection_of(inputs: ReportInputs, sets: Sets) -> schema.Selection:
    """Describe what was chosen, from what, and how it changed the coverage of the candidates."""
    candidates, selection, asked = sets.candidates, inputs.selection, inputs.select
    chosen = candidates[sets.is_selected]
    is_frame = chosen["time_s"].notna()
    is_first = sets.old.empty
    new_names = set(inputs.samples.loc[inputs.samples["is_new"].astype(bool), "filename"])
    among_new = neighbour_distances(sets.selected_embeddings, MAP_LIMIT)
    return schema.Selection(
        method=asked.method,
        sentence=asked.sentence,
        n_samples=asked.n_samples,
        proportion_samples=asked.proportion_samples,
        min_distance=asked.min_distance,
        candidates=len(candidates),
        earlier_candidates=int((~candidates["filename"].isin(new_names)).sum()),
        selected=len(chosen),
        selected_frames=int(is_frame.sum()),
        selected_images=int((~is_frame).sum()),
        raw_files=chosen["raw_path"].nunique(),
        videos=chosen.loc[is_frame, "raw_path"].nunique(),
        distance_to_datapool=None if is_first or chosen.empty else _spread(chosen["distance_to_base"].to_numpy()),
        smallest_pairwise_distance=_or_none(np.min, among_new),
        smallest_distance=_or_none(np.min, selection["distance"].dropna().to_numpy()),
        coverage_radius_before=_or_none(np.max, candidates["distance_to_base"].to_numpy()),
        coverage_radius_after=_or_none(np.max, candidates["distance"].to_numpy()),
        candidate_distance_before=_or_none(np.mean, candidates["distance_to_base"].to_numpy()),
        candidate_distance_after=_or_none(np.mean, candidates["distance"].to_numpy()),
        pick_distances=tuple(
            schema.PickDistance(rank=int(selection["rank"].iloc[row]), distance=selection["distance"].iloc[row])
            for row in _thinned(len(selection), CURVE_POINTS)
        ),
        budget_curve=tuple(budget_points(inputs.budget_curve)),
        comparison=tuple(rule_figures(inputs.comparison)),
    )


def budget_points(curve: pd.DataFrame) -> list[schema.BudgetPoint]:
    """Return evenly thinned rows of the budget curve."""
    rows = curve[list(schema.BudgetPoint.model_fields)].to_dict("records")
    return [schema.BudgetPoint.model_validate(rows[row]) for row in _thinned(len(rows), CURVE_POINTS)]


def rule_figures(comparison: pd.DataFrame) -> list[schema.RuleFigures]:
    """Return what the chosen rule brings, beside greedy k-center and chance."""
    rows = comparison[list(schema.RuleFigures.model_fields)].to_dict("records")
    return [schema.RuleFigures.model_validate(row) for row in rows]


def distances_of(sets: Sets) -> schema.Distances:
    """Compute the histograms of pairwise and nearest-neighbour distances, before and after, over the same bins."""
    arrays = {
        "candidates": sets.candidate_embeddings,
        "selected": sets.selected_embeddings,
        "datapool_before": sets.old_embeddings,
        "datapool_after": sets.new_embeddings,
    }
    pairwise = {name: pairwise_distances(array[subset(len(array), DISTANCE_SUBSET)]) for name, array in arrays.items()}
    nearest = {name: neighbour_distances(array, DISTANCE_SUBSET) for name, array in arrays.items()}
    sizes = {name: len(array) for name, array in arrays.items()}
    return schema.Distances(pairwise=_family(pairwise, sizes), nearest=_family(nearest, sizes))


def _family(distances: dict[str, NDArray[np.float64]], sizes: dict[str, int]) -> schema.HistogramFamily:
    """Put several sets of distances into the same bins."""
    largest = max((float(values.max()) for values in distances.values() if len(values)), default=0.0)
    bins = BINS_OF_FEW if sizes["candidates"] < FEW else BINS
    edges = np.linspace(0, nice_ceiling(largest), bins + 1)
    return schema.HistogramFamily(
        bin_edges=tuple(edges),
        **{name: _histogram(values, edges, sizes[name]) for name, values in distances.items()},
    )


def _histogram(values: NDArray[np.float64], edges: NDArray[np.float64], samples: int) -> schema.Histogram:
    # Matrix products differ in their last digits between machines; equal distances must fall into the same bin.
    values = np.round(values, 6)
    counts, _ = np.histogram(values, bins=edges)
    return schema.Histogram(
        samples=samples,
        examined=min(samples, DISTANCE_SUBSET),
        shares=tuple(counts / counts.sum()) if len(values) else (),
        spread=_spread(values),
        median=_or_none(np.median, values),
    )


def nice_ceiling(value: float) -> float:
    """Return the end of an axis from 0 that holds `value`: 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 or 10 times a power of ten."""
    if value <= 1e-6:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    steps = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]
    return float(next(step * power for step in steps if value <= step * power * (1 + 1e-9)))


def sources_of(inputs: ReportInputs, sets: Sets) -> schema.Sources:
    """Count samples in and samples selected for each video, each folder of images, and each weak label."""
    files = inputs.files[inputs.files["status"].isin([*TAKEN_IN, OVER_LIMIT])]
    by_file = pd.DataFrame(
        {
            "source": source_names(files["path"], files["media"] == VIDEO),
            "video": files["media"] == VIDEO,
            "files": 1,
            "seen": files["samples"],
            "corrupt": files["corrupt"],
            "duplicate": files["duplicate"],
            "dropped": files["samples"] - files[KEPT] - files[SKIPPED],
        }
    )
    counts = by_file.groupby("source").sum()
    candidates = sets.candidates
    is_frame = candidates["time_s"].notna()
    origin = source_names(candidates["raw_path"], is_frame)
    old_origin = source_names(sets.old["raw_path"], sets.old["time_s"].notna())
    names = sorted(set(counts.index) | set(origin))
    table = pd.DataFrame(
        {
            **{column: counts[column].reindex(names, fill_value=0).astype(int) for column in counts.columns},
            "candidates": origin.value_counts().reindex(names, fill_value=0),
            "selected": origin[sets.is_selected].value_counts().reindex(names, fill_value=0),
            "selected_before": old_origin.value_counts().reindex(names, fill_value=0),
        },
        index=pd.Index(names, dtype=object),
    )
    videos = set(by_file.loc[by_file["video"], "source"]) | set(origin[is_frame])
    # A folder that holds candidates of an earlier iteration only had its files counted then.
    earlier = candidates["raw_path"].groupby(origin.to_numpy()).nunique()
    table["files"] = np.maximum(table["files"], earlier.reindex(names, fill_value=0).to_numpy())
    table = table.sort_values(["selected", "candidates"], ascending=False, kind="stable")
    listed = table.head(LISTED_SOURCES)
    rest = table.iloc[LISTED_SOURCES:]
    positions = _positions(candidates[sets.is_selected], inputs)
    positions_before = _positions(sets.old, inputs)
    rows = tuple(
        schema.Source(
            name=str(name),
            kind="video" if name in videos else "images",
            positions=positions.get(str(name), ()),
            positions_before=positions_before.get(str(name), ()),
            **{column: int(row[column]) for column in _SOURCE_COUNTS},
        )
        for name, row in listed.iterrows()
    )
    return schema.Sources(
        rows=rows,
        omitted=len(rest),
        omitted_candidates=int(rest["candidates"].sum()),
        omitted_selected=int(rest["selected"].sum()),
        labels=tuple(labels_of(sets, inputs.datapool_samples)),
        predictions=tuple(predictions_of(inputs.predictions, sets, inputs.datapool_samples)),
    )


_SOURCE_COUNTS = ("files", "seen", "corrupt", "duplicate", "dropped", "candidates", "selected", "selected_before")


def _positions(frames: pd.DataFrame, inputs: ReportInputs) -> dict[str, tuple[float, ...]]:
    """Return for each video where its frames lie, from 0 at the start to 1 at the end."""
    frames = frames[frames["time_s"].notna()]
    if frames.empty:
        return {}
    declared = inputs.files.set_index("path")["declared_frames"]
    known = inputs.processed.groupby("raw_path")["frame"].max() + 1
    result = {}
    for path, group in frames.groupby("raw_path", sort=True):
        length = max(int(declared.get(path, 0)), int(known.get(path, 1)), int(group["frame"].max()) + 1)
        places = np.sort(group["frame"].to_numpy()) / max(length - 1, 1)
        result[str(path)] = tuple(round(float(places[row]), 4) for row in _thinned(len(places), POSITIONS))
    return result


def predictions_of(
    predictions: "pd.Series[str] | None", sets: Sets, datapool: pd.DataFrame
) -> list[schema.PredictedClass]:
    """Count candidates, selected and datapool samples for each predicted class, most candidates first."""
    if predictions is None:
        return []
    names = (sets.candidates["filename"], sets.candidates["filename"][sets.is_selected], datapool["filename"])
    classes = [predictions.reindex(pd.Index(part)).fillna(NO_PREDICTION).value_counts() for part in names]
    known = sorted(
        {name for counts in classes for name in counts.index}, key=lambda name: (-classes[0].get(name, 0), name)
    )
    return [
        schema.PredictedClass(
            name=name,
            candidates=int(classes[0].get(name, 0)),
            selected=int(classes[1].get(name, 0)),
            datapool=int(classes[2].get(name, 0)),
        )
        for name in known
    ]


def labels_of(sets: Sets, datapool: pd.DataFrame) -> list[schema.Label]:
    """Count candidates, selected and datapool samples for each weak label; none where there is but one label."""
    parts = [sets.candidates[["label", "label_name"]], datapool[["label", "label_name"]]]
    known = pd.concat(parts).drop_duplicates().sort_values(["label", "label_name"], ignore_index=True)
    if len(known) < 2:
        return []
    keys = list(zip(known["label"], known["label_name"], strict=True))
    counts = [
        frame.groupby(["label", "label_name"]).size().to_dict()
        for frame in (sets.candidates, sets.candidates[sets.is_selected], datapool)
    ]
    return [
        schema.Label(
            label=int(label),
            name=name,
            candidates=int(counts[0].get((label, name), 0)),
            selected=int(counts[1].get((label, name), 0)),
            datapool=int(counts[2].get((label, name), 0)),
        )
        for label, name in keys
    ]


def datapool_of(inputs: ReportInputs) -> schema.Datapool:
    """Return the datapool's size before and after, and its log."""
    rows = inputs.iterations.to_dict("records")
    columns = schema.Iteration.model_fields
    return schema.Datapool(
        size_before=len(inputs.base_samples),
        size_after=len(inputs.datapool_samples),
        united=len(inputs.base_datapools),
        iterations=tuple(schema.Iteration(**{str(key): row[key] for key in row if key in columns}) for row in rows),
    )


def examples_of(inputs: ReportInputs, sets: Sets) -> schema.Examples:
    """Choose the samples that are shown as pictures."""
    labels = sets.candidates.set_index("filename")["label_name"]
    top = inputs.selection.head(inputs.settings.n_thumbnails)
    selected = tuple(
        schema.SelectedSample(
            filename=name, rank=int(rank), distance=distance, nearest=nearest, label_name=str(labels[name])
        )
        for name, rank, distance, nearest in zip(
            top["filename"], top["rank"], top["distance"], top["nearest"], strict=True
        )
    )
    count = inputs.settings.n_example_images // 2
    whole_samples = inputs.dropped[inputs.dropped["frame"] >= 0]
    return schema.Examples(
        selected=selected,
        pairs=tuple(pairs_of(sets, count)),
        near_duplicates=tuple(
            schema.NearDuplicatePair(kept=row.duplicate_of, dropped=row.filename, bits=int(row.figure or 0))
            for row in _dropped_examples(whole_samples, NEAR_DUPLICATE, count)
        ),
        low_quality=_dropped_examples(whole_samples, LOW_QUALITY, 2 * count),
    )


def pairs_of(sets: Sets, count: int) -> list[schema.ExamplePair]:
    """Pair retained samples with the nearest removed one: the closest pairs, then the farthest ones.

    Args:
        sets: the candidates.
        count: pairs at most; the closest are one more than the farthest where it is odd.
    """
    retained, removed = np.flatnonzero(sets.is_selected), np.flatnonzero(~sets.is_selected)
    if count == 0 or len(retained) == 0 or len(removed) == 0:
        return []
    retained = retained[subset(len(retained), MAP_LIMIT)]
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
    return [
        schema.ExamplePair(
            retained=names.iloc[retained[row]],
            removed=names.iloc[removed[found.rows[row]]],
            distance=found.distances[row],
            group=kinds[group],
        )
        for row, group in groups
    ]


def savings_of(inputs: ReportInputs, selection: schema.Selection) -> schema.Savings:
    """Estimate what is saved by labelling the selection instead of all candidates."""
    left_out = selection.candidates - selection.selected
    settings = inputs.settings
    return schema.Savings(
        samples_left_out=left_out,
        share_left_out=left_out / selection.candidates if selection.candidates else None,
        labelling_cost_per_sample=settings.labelling_cost_per_sample,
        currency=settings.currency,
        co2_kg_per_sample=settings.co2_kg_per_sample,
        cost_saved=left_out * settings.labelling_cost_per_sample,
        cost_spent=selection.selected * settings.labelling_cost_per_sample,
        co2_kg_saved=left_out * settings.co2_kg_per_sample,
    )


def changed_parameters(inputs: ReportInputs) -> list[schema.ChangedParameter]:
    """Return the parameters that differ from the template's, in the order of `params.yaml`."""
    defaults = inputs.default_parameters
    return [
        schema.ChangedParameter(key=key, value=value, default=defaults[key])
        for key, value in inputs.parameters.items()
        if key in defaults and defaults[key] != value
    ]


def verdict(selection: schema.Selection, datapool: schema.Datapool) -> str:
    """Say in one sentence what the iteration did."""
    if selection.selected == 0:
        united = f", united from {datapool.united} datapools" if datapool.united > 1 else ""
        return f"No sample was added; the datapool holds {datapool.size_after:,} samples{united}."
    start = f"{selection.selected:,} of {selection.candidates:,} candidates selected"
    before, after = selection.coverage_radius_before, selection.coverage_radius_after
    mean = selection.distance_to_datapool.mean if selection.distance_to_datapool else None
    if mean is None or before is None or after is None:
        if after is None or selection.selected == selection.candidates:
            return f"{start} as the first datapool."
        farthest = short_distance(after)
        return f"{start} as the first datapool; no candidate is farther than {farthest} from a selected sample."
    words = short_distance(before), short_distance(after)
    change = f"fell from {words[0]} to {words[1]}" if words[0] != words[1] else f"stayed at {words[1]}"
    return f"{start}; they lie on average {short_distance(mean)} from the datapool, and the coverage radius {change}."


def notes(cleaning: schema.Cleaning, training: schema.Training, selection: schema.Selection) -> list[str]:
    """Return what a reader should look at before accepting the iteration."""
    result = []
    if training.collapsed:
        result.append(
            "The embeddings hardly differ from each other, so distances mean little. Train longer (train.epochs, "
            "train.max_steps), or take another checkpoint (train.checkpoint)."
        )
    seen, corrupt = cleaning.samples.seen, cleaning.samples.corrupt
    if seen and corrupt / seen > _MANY_CORRUPT:
        result.append(f"{corrupt / seen:.0%} of the samples that came in are corrupt: see the reasons in chapter 1.")
    if selection.n_samples is not None and selection.n_samples > selection.candidates > 0:
        result.append(
            f"{selection.n_samples:,} samples were asked for; there were {selection.candidates:,} candidates."
        )
    if selection.selected < _limit(selection) and _nothing_else_is_far_enough(selection):
        result.append(
            f"The selection ended at {selection.selected:,} samples because every other candidate is nearer than "
            f"select.min_distance ({selection.min_distance:g}) to a selected one."
        )
    return result


def history_notes(inputs: ReportInputs) -> list[str]:
    """Return what uniting datapools, or taking samples out, did to what was accepted before."""
    result = []
    exact = [pair for pair in inputs.united if pair[2] is None]
    near = [pair for pair in inputs.united if pair[2] is not None]
    if exact:
        first = exact[0]
        result.append(
            f"{len(exact):,} samples of the datapools that were united have the pixels of another and came in once: "
            f"{visible(first[0])} is {visible(first[1])}, for one."
        )
    if near:
        first = min(near, key=lambda pair: (pair[2], pair[0]))
        done = "both stay" if inputs.near_duplicates == "keep" else "the former was dropped"
        result.append(
            f"{len(near):,} samples of the datapools that were united are nearer to another than select.min_distance: "
            f"{visible(first[0])} to {visible(first[1])}, for one, at {first[2]:.4g}; {done} (base.near_duplicates)."
        )
    if inputs.taken_out:
        result.append(f"{len(inputs.taken_out):,} samples were taken out of the datapool for good (base.removed_file).")
    return result


def _nothing_else_is_far_enough(selection: schema.Selection) -> bool:
    """Whether `min_distance` left nothing to pick; strategies and sequences have other reasons to end."""
    radius = selection.coverage_radius_after
    return selection.min_distance is not None and radius is not None and radius < selection.min_distance


def _limit(selection: schema.Selection) -> int:
    """Return how many samples could have been selected at most."""
    if selection.n_samples is not None:
        return min(selection.n_samples, selection.candidates)
    if selection.proportion_samples is not None:
        return int(selection.candidates * selection.proportion_samples)
    return selection.candidates


def _spread(values: NDArray[np.float64]) -> schema.Spread:
    return schema.Spread(min=_or_none(np.min, values), mean=_or_none(np.mean, values), max=_or_none(np.max, values))


def _or_none(measure: Callable[[NDArray[np.float64]], np.floating], values: NDArray[np.float64]) -> float | None:
    """Apply a measure; None where there are no values."""
    return float(measure(values)) if len(values) else None


def _thinned(n: int, limit: int) -> Sequence[int]:
    """Return at most `limit` of n rows, evenly spaced, with the first and the last."""
    if n <= limit:
        return range(n)
    return [int(row) for row in np.linspace(0, n - 1, limit).round()]
