"""Figures of the report, computed from small iterations."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from curation.reporting.compute import distances, maps, origins
from curation.reporting.compute.cleaning import alike, notes_on
from curation.reporting.compute.figures import compute_figures
from curation.reporting.compute.histograms import nice_ceiling
from curation.reporting.compute.selection import strategy_figures
from curation.reporting.compute.sources import source_names
from curation.reporting.compute.words import verdict
from curation.reporting.contents.cleaning import FileCounts, SampleCounts
from curation.reporting.contents.report import Report
from curation.reporting.inputs import ReportInputs
from tests.report_example import FIRST, SECOND, SETTINGS, Raw, example, without_selection


@pytest.fixture(scope="module")
def first() -> ReportInputs:
    return example()


@pytest.fixture(scope="module")
def second(first: ReportInputs) -> ReportInputs:
    return example(SECOND, base=first, seed=2, n_samples=4)


def test_every_raw_file_and_sample_is_counted_once(second: ReportInputs, first: ReportInputs) -> None:
    for inputs in (first, second):
        cleaning = compute_figures(inputs)[0].cleaning
        files, samples = cleaning.files, cleaning.samples
        assert files.total == len(inputs.files)
        states = files.model_dump(exclude={"total", "videos", "images"})
        assert sum(states.values()) == files.total
        assert files.images + files.videos == files.kept
        assert sum(samples.model_dump(exclude={"seen"}).values()) == samples.seen
        assert sum(group.total for group in cleaning.dropped) == len(inputs.dropped) + files.ignored
        assert samples.kept == len(inputs.samples)


def test_the_first_iteration_counts_what_came_in(first: ReportInputs) -> None:
    report, _ = compute_figures(first)
    assert report.iteration == 1
    assert report.cleaning.files == FileCounts(
        total=7, kept=4, corrupt=1, duplicate=1, near_duplicate=0, low_quality=0, over_limit=0, unsupported=0,
        unreachable=0, ignored=1, processed=0, videos=2, images=2,
    )  # fmt: skip
    assert report.cleaning.samples == SampleCounts(
        seen=36,
        kept=30,
        corrupt=2,
        duplicate=4,
        near_duplicate=0,
        low_quality=0,
        over_limit=0,
        unsupported=0,
        skipped=0,
    )
    assert (report.datapool.size_before, report.datapool.size_after) == (0, 6)
    assert report.selection.distance_to_datapool is None
    assert report.selection.coverage_radius_before is None
    assert {(row.status, row.count) for row in report.cleaning.reasons} == {
        ("duplicate", 4), ("corrupt", 2), ("ignored", 1)
    }  # fmt: skip


def test_objects_that_could_not_be_read_are_told(first: ReportInputs) -> None:
    lost = first.files.assign(status="unreachable", reason="is gone from the bucket").iloc[:1]
    files = pd.concat([first.files, lost.assign(path="lost.png")]).sort_values("path", ignore_index=True)
    cleaning = compute_figures(replace(first, files=files))[0].cleaning
    assert (cleaning.files.unreachable, cleaning.files.total) == (1, 8)
    assert ("unreachable", "is gone from the bucket", 1) in {
        (row.status, row.reason, row.count) for row in cleaning.reasons
    }
    assert [row.filename for group in cleaning.dropped if group.status == "unreachable" for row in group.examples] == [
        "lost.png"
    ]


def test_reasons_that_differ_in_numbers_alone_are_one() -> None:
    words = {
        "corrupt": [
            "image file is truncated (22 bytes not processed)",
            "image file is truncated (913 bytes not processed)",
            "0 of 3 frames damaged: 12.5 %",
            "not in list2.txt of v1.0",
        ],
        "ignored": ["image file is truncated (7 bytes not processed)"],
    }
    rows = [(status, reason) for status, reasons in words.items() for reason in reasons]
    table = alike(pd.DataFrame(rows, columns=["status", "reason"]))
    assert table["reason"].tolist() == [
        *["image file is truncated (N bytes not processed)"] * 2,
        "0 of 3 frames damaged: 12.5 %",
        "not in list2.txt of v1.0",
        "image file is truncated (7 bytes not processed)",
    ]


def test_notes_on_files_that_stayed_are_counted() -> None:
    notes = ["video track 1 of 2", "", "video track 1 of 3", "3 missing"]
    files = pd.DataFrame({"path": ["b", "c", "a", "d"], "status": "kept", "reason": notes})
    assert [(row.note, row.count, row.example) for row in notes_on(files)] == [
        ("video track N of N", 2, "a"), ("3 missing", 1, "d")
    ]  # fmt: skip
    assert notes_on(files.iloc[:0]) == []


def test_what_is_dropped_for_its_looks_is_listed_with_figures_and_pairs() -> None:
    raws = (Raw("city/a.mp4", 12, corrupt=1, near_duplicate=2, low_quality=1), Raw("b.jpg"))
    report, _ = compute_figures(example(raws, n_samples=3))
    assert [(group.status, group.total) for group in report.cleaning.dropped] == [
        ("corrupt", 1), ("low_quality", 1), ("near_duplicate", 2), ("ignored", 1)
    ]  # fmt: skip
    pairs = [(pair.kept, pair.dropped, pair.bits) for pair in report.examples.near_duplicates]
    assert pairs == [("city/a-11-mp4.png", f"city/a-0{frame}-mp4.png", 3) for frame in (1, 2)]
    assert [(row.filename, row.figure) for row in report.examples.low_quality] == [("city/a-03-mp4.png", 0.25)]
    assert report.sources.rows[0].dropped + report.sources.rows[1].dropped == 4


def test_a_later_iteration_compares_with_the_datapool(second: ReportInputs) -> None:
    report, _ = compute_figures(second)
    selection, candidates = report.selection, second.candidates
    chosen = candidates[candidates["selected"]]
    assert (report.datapool.size_before, report.datapool.size_after, selection.selected) == (6, 10, 4)
    assert selection.distance_to_datapool is not None
    assert selection.distance_to_datapool.mean == pytest.approx(chosen["distance_to_base"].mean(), rel=1e-5)
    assert selection.coverage_radius_before == pytest.approx(candidates["distance_to_base"].max(), rel=1e-5)
    assert selection.coverage_radius_after == pytest.approx(candidates["distance"].max(), rel=1e-5)
    assert selection.smallest_distance == pytest.approx(second.selection["distance"].min(), rel=1e-5)
    assert report.cleaning.files.processed == 7


def test_the_smallest_distance_is_that_of_all_pairs_with_a_new_sample(second: ReportInputs) -> None:
    report, _ = compute_figures(second)
    rows = second.processed.set_index("filename")
    place = dict(zip(rows.index, range(len(rows)), strict=True))
    new = second.embeddings[[place[name] for name in second.selection["filename"]]].astype(np.float64)
    old = second.embeddings[[place[name] for name in second.base_samples["filename"]]].astype(np.float64)
    among_new = np.linalg.norm(new[:, None] - new[None], axis=2)[np.triu_indices(len(new), 1)]
    to_old = np.linalg.norm(new[:, None] - old[None], axis=2)
    assert report.selection.smallest_pairwise_distance == pytest.approx(among_new.min(), rel=1e-5)
    assert report.selection.smallest_distance == pytest.approx(min(among_new.min(), to_old.min()), rel=1e-5)
    assert report.distances.nearest.selected.spread.min == pytest.approx(among_new.min(), rel=1e-5)


def test_histograms_of_a_family_share_their_bins_and_add_up_to_one(second: ReportInputs) -> None:
    distances = compute_figures(second)[0].distances
    for histograms in (distances.pairwise, distances.nearest):
        for name in ("candidates", "selected", "datapool_before", "datapool_after"):
            histogram = getattr(histograms, name)
            assert len(histogram.shares) == len(histograms.bin_edges) - 1
            assert sum(histogram.shares) == pytest.approx(1, abs=1e-4)
            assert histogram.spread.max <= histograms.bin_edges[-1]


def test_sources_hold_every_candidate_and_selected_sample_once(second: ReportInputs) -> None:
    sources = compute_figures(second)[0].sources
    rows = {row.name: row for row in sources.rows}
    assert sum(row.candidates for row in sources.rows) == 18
    assert sum(row.selected for row in sources.rows) == 4
    assert {name: (row.kind, row.files, row.seen) for name, row in rows.items()} == {
        "city/drive-3.mp4": ("video", 1, 16),
        "coast/": ("images", 2, 2),
    }
    assert len(rows["city/drive-3.mp4"].positions) == rows["city/drive-3.mp4"].selected
    assert all(0 <= place <= 1 for place in rows["city/drive-3.mp4"].positions)
    assert [(label.name, label.candidates, label.selected) for label in sources.labels] == [
        ("city", 16, rows["city/drive-3.mp4"].selected),
        ("coast", 2, rows["coast/"].selected),
    ]
    assert sum(label.datapool for label in sources.labels) == 10


def test_many_sources_are_cut_off_without_losing_counts(monkeypatch: pytest.MonkeyPatch, first: ReportInputs) -> None:
    monkeypatch.setattr(origins, "LISTED_SOURCES", 1)
    sources = compute_figures(first)[0].sources
    assert len(sources.rows) == 1
    assert sources.omitted == 3
    assert sources.rows[0].candidates + sources.omitted_candidates == 30
    assert sources.rows[0].selected + sources.omitted_selected == 6


def test_images_are_named_by_folder_and_videos_by_path() -> None:
    paths = pd.Series(["a/b/1.jpg", "2.jpg", "a/film.mp4", "./=3.jpg"])
    names = source_names(paths, pd.Series([False, False, True, False]))
    assert names.tolist() == ["a/b/", "(top level)", "a/film.mp4", "(top level)"]


def test_pairs_are_a_selected_sample_and_its_nearest_removed_one(first: ReportInputs) -> None:
    report, _ = compute_figures(replace(first, settings=replace(SETTINGS, n_example_images=6)))
    candidates = first.candidates.set_index("filename")
    embeddings = dict(zip(first.processed["filename"], first.embeddings.astype(np.float64), strict=True))
    removed = [name for name in candidates.index if not candidates.loc[name, "selected"]]
    assert [pair.group for pair in report.examples.pairs] == ["closest", "closest", "farthest"]
    for pair in report.examples.pairs:
        assert candidates.loc[pair.retained, "selected"]
        nearest = min(np.linalg.norm(embeddings[pair.retained] - embeddings[name]) for name in removed)
        assert pair.distance == pytest.approx(nearest, rel=1e-5)
    distances = [pair.distance for pair in report.examples.pairs]
    assert distances[0] <= distances[1] <= distances[2]


def test_the_map_holds_all_new_samples_when_it_is_a_subset(
    monkeypatch: pytest.MonkeyPatch, second: ReportInputs
) -> None:
    monkeypatch.setattr(maps, "MAP_LIMIT", 10)
    report, points = compute_figures(second)
    assert report.map.shown == len(points.table) == 10
    assert set(second.selection["filename"]) == set(points.table.loc[points.table["group"] == "new", "filename"])


def test_the_order_of_rows_has_no_influence(second: ReportInputs) -> None:
    order = np.random.default_rng(0).permutation(len(second.processed))
    shuffled = replace(
        second,
        processed=second.processed.iloc[order].reset_index(drop=True),
        embeddings=second.embeddings[order],
        candidates=second.candidates.sample(frac=1, random_state=1).reset_index(drop=True),
    )
    report, points = compute_figures(second)
    other, other_points = compute_figures(shuffled)
    assert other.model_copy(update={"training": report.training}) == report
    pd.testing.assert_frame_equal(points.table, other_points.table)


def test_savings_multiply_what_was_left_out(first: ReportInputs) -> None:
    savings = compute_figures(first)[0].savings
    assert (savings.samples_left_out, savings.cost_saved, savings.cost_spent) == (24, 12.0, 3.0)
    assert savings.co2_kg_saved == pytest.approx(0.48)


def test_left_overs_of_earlier_iterations_are_counted_as_such(first: ReportInputs) -> None:
    again = replace(first, samples=first.samples.assign(is_new=False))
    assert compute_figures(again)[0].selection.earlier_candidates == 30
    assert compute_figures(first)[0].selection.earlier_candidates == 0


def test_the_verdict_is_one_sentence(first: ReportInputs, second: ReportInputs) -> None:
    assert compute_figures(first)[0].verdict.startswith("6 of 30 candidates selected as the first datapool; ")
    later = compute_figures(second)[0]
    assert later.verdict.startswith("4 of 18 candidates selected; they lie on average ")
    assert " from the datapool, and the coverage radius fell from " in later.verdict
    nothing = compute_figures(without_selection(second))[0]
    assert nothing.verdict == "No sample was added; the datapool holds 10 samples, united from 2 datapools."
    everything = compute_figures(example((Raw("a.jpg"),), n_samples=5, ignored=()))[0]
    assert everything.verdict == "1 of 1 candidates selected as the first datapool."
    stayed = later.selection.model_copy(update={"coverage_radius_after": later.selection.coverage_radius_before})
    assert "the coverage radius stayed at" in verdict(stayed, later.datapool)


def test_notes_name_what_needs_a_look(first: ReportInputs) -> None:
    collapsed = compute_figures(example(spread=0.0, n_samples=50))[0]
    assert collapsed.training.collapsed
    assert any("hardly differ" in note for note in collapsed.notes)
    few = compute_figures(example((Raw("a.jpg"), Raw("b.jpg")), n_samples=5, ignored=()))[0]
    assert (few.training.collapsed, few.training.effective_rank) == (False, None)  # two embeddings always lie on a line
    assert any("50 samples were asked for; there were 30" in note for note in collapsed.notes)
    for distance, is_the_reason in ((1.99, True), (0.001, False)):  # strategies and sequences end for other reasons
        stopped = replace(first, select=replace(first.select, n_samples=20, min_distance=distance))
        found = any(f"select.min_distance ({distance})" in note for note in compute_figures(stopped)[0].notes)
        assert found is is_the_reason
    assert any("are corrupt" in note for note in compute_figures(example((Raw("a.mp4", 9, corrupt=3),)))[0].notes)
    assert compute_figures(example(FIRST[1:5], ignored=()))[0].notes == ()


@pytest.mark.parametrize(
    "inputs",
    [
        example((Raw("only.jpg"),), n_samples=1, ignored=()),
        example(spread=0.0),
        example(n_samples=1000),
        without_selection(example()),
        example(dimension=2),
    ],
    ids=["one sample", "all equal", "all selected", "none selected", "two dimensions"],
)
def test_unusual_iterations_have_figures_without_nan(inputs: ReportInputs) -> None:
    report, _ = compute_figures(inputs)
    text = report.model_dump_json()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert Report.model_validate_json(text) == report


@pytest.mark.parametrize(("value", "end"), [(0.0, 1.0), (0.9, 1.0), (1.0, 1.0), (1.01, 1.5), (1.9, 2.0), (0.034, 0.04)])
def test_axes_end_at_a_round_number(value: float, end: float) -> None:
    assert nice_ceiling(value) == pytest.approx(end)


def test_parameters_that_differ_from_the_template_are_named(first: ReportInputs) -> None:
    changed = compute_figures(first)[0].configuration.changed
    assert [(one.key, one.value, one.default) for one in changed] == [("select.n_samples", 6, 50)]


def test_what_strategies_contributed(first: ReportInputs) -> None:
    assert strategy_figures(first.contributions) == []
    rows = pd.DataFrame(
        [
            ("a", 0, 3, "RANDOM", "WEIGHTS", 0.5),
            ("a", 0, 1, "EMBEDDINGS", "DIVERSITY", 1.0),
            ("b", 1, 3, "RANDOM", "WEIGHTS", 0.25),
            ("b", 1, 1, "EMBEDDINGS", "DIVERSITY", 0.0),
        ],
        columns=["filename", "rank", "strategy", "input", "type", "value"],
    )
    far, chance = strategy_figures(rows)
    assert (far.strategy, far.type, far.input, far.spread.mean) == (1, "DIVERSITY", "EMBEDDINGS", 0.5)
    assert [(pick.rank, pick.value) for pick in chance.picks] == [(0, 0.5), (1, 0.25)]


def test_figures_of_very_many_samples_rest_on_a_stated_subset(
    second: ReportInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, _ = compute_figures(second)
    whole = report.model_dump(mode="json")
    assert "pairs_examined" not in whole["examples"]
    assert "smallest_pairwise_examined" not in whole["selection"]
    monkeypatch.setattr(distances, "COMPARED_PAIRS", 1)
    monkeypatch.setattr(distances, "LEAST_QUERIES", 3)
    monkeypatch.setattr(distances, "_ROWS_OF_PRODUCTS", 0)
    of_few, again = (compute_figures(second)[0] for _ in range(2))
    assert of_few == again, "the subset has a seed"
    assert (of_few.examples.pairs_examined, of_few.selection.smallest_pairwise_examined) == (3, 3)
    assert len(of_few.examples.pairs) == 2
    assert {pair.retained for pair in of_few.examples.pairs} <= set(second.selection["filename"])
    nearest = of_few.distances.nearest.candidates
    assert (nearest.samples, nearest.examined) == (len(second.candidates), 3)
    assert of_few.distances.pairwise == report.distances.pairwise


def test_sources_of_unusual_paths() -> None:
    paths = pd.Series(["./a.jpg", "././a.jpg", "a\nb/c\nd.jpg", "é/ü/x.jpg", "/x", "v.mp4", "e/"], index=range(3, 10))
    names = source_names(paths, paths == "v.mp4")
    assert names.index.tolist() == paths.index.tolist()
    assert names.tolist() == ["(top level)", "././", "a\nb/", "é/ü/", "/", "v.mp4", "e/"]
