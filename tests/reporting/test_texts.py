"""Texts of the report that follow from its figures: each stands where it is true, and only there."""

import re
from dataclasses import replace

import pytest

from curation.reporting.compute.figures import compute_figures
from curation.reporting.draw import chart
from curation.reporting.draw.chart import Chart, chart_style
from curation.reporting.draw.distance_charts import budget_chart, distance_charts, pick_chart
from curation.reporting.inputs import ReportInputs
from curation.reporting.pages import render
from curation.selection.rules.registry import sentence_of
from tests.report_example import FIRST, SECOND, SETTINGS, Raw, example, without_selection

QUICK = replace(SETTINGS, umap_neighbours=())
WITH_UMAP = example(settings=replace(SETTINGS, umap_neighbours=(3,)))
FIRST_ITERATION = example(settings=QUICK)
LATER = example(SECOND, base=FIRST_ITERATION, seed=2, n_samples=4, settings=QUICK)
NOTHING_NEW = without_selection(LATER)
ONE_SAMPLE = example((Raw("only.jpg"),), n_samples=1, ignored=(), settings=QUICK)
ALL = example(n_samples=1000, settings=QUICK)
KMEANS = replace(LATER, select=replace(LATER.select, method="kmeans", sentence=sentence_of("kmeans")))
NO_PICTURES = example(settings=replace(QUICK, n_thumbnails=0, n_example_images=0))
DROPPED_NOTHING = example(FIRST[1:3], ignored=(), settings=QUICK)
COLLAPSED = example(spread=0.0, settings=QUICK)


def texts_of(inputs: ReportInputs) -> str:
    """Return the text of the page, whose charts are empty."""
    figures, points = compute_figures(inputs)
    names = ["scatter_pca", "distance_distr", "datapool_growth"]
    names += ["distance_distr_datapool"] * bool(figures.datapool.size_before)
    names += ["pick_distance", "budget_curve"] * bool(figures.selection.selected)
    names += [f"scatter_umap_k_{size}" for size in figures.map.umap_neighbours]
    html = render.render_html(figures, {name: Chart(name, "", "", b"") for name in names}, {}, points)
    html = re.sub(r"<script.*?</script>|<style.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


TEXTS: dict[str, tuple[list[ReportInputs], list[ReportInputs]]] = {
    "The farther right the selection lies of the candidates": ([FIRST_ITERATION, LATER], [ONE_SAMPLE, NOTHING_NEW]),
    "a datapool moves left where new samples fill its gaps": ([LATER], [FIRST_ITERATION, NOTHING_NEW]),
    "The curve falls steeply as long as each pick covers": (
        [FIRST_ITERATION, LATER],
        [KMEANS, ONE_SAMPLE, NOTHING_NEW],
    ),
    "The curve says how new each pick was": ([KMEANS], [LATER]),
    "Where the curve bends (its knee), more labels begin": ([FIRST_ITERATION, LATER], [NOTHING_NEW]),
    "No sample was selected in this iteration.": ([NOTHING_NEW], [LATER, ONE_SAMPLE]),
    "No raw file was processed in this iteration.": ([NOTHING_NEW], [LATER]),
    "Nothing was dropped or ignored.": ([DROPPED_NOTHING], [FIRST_ITERATION]),
    "All picks, in order of selection.": ([FIRST_ITERATION, LATER], [ALL]),
    "The first 6 of 30 picks, in order of selection.": ([ALL], [FIRST_ITERATION]),
    "Every candidate was selected, so none was removed.": ([ALL, ONE_SAMPLE], [LATER, NOTHING_NEW]),
    "Pictures of pairs are switched off": ([NO_PICTURES], [FIRST_ITERATION, ALL]),
    "Pictures of selected samples are switched off": ([NO_PICTURES], [FIRST_ITERATION]),
    "Maps by UMAP are switched off": ([FIRST_ITERATION], [WITH_UMAP]),
    "What the selection holds to be the same.": ([FIRST_ITERATION], [ALL]),
    "The line of a video runs from its first to its last frame": ([LATER], [ONE_SAMPLE, NOTHING_NEW]),
    "none: this is the first iteration": ([FIRST_ITERATION], [LATER]),
    "; it unites 2 datapools": ([NOTHING_NEW], [LATER]),
    "Verdict too few to tell": ([ONE_SAMPLE], [FIRST_ITERATION]),
    "Verdict no collapse": ([FIRST_ITERATION], [ONE_SAMPLE]),
    "Verdict collapsed": ([COLLAPSED], [FIRST_ITERATION]),
}


@pytest.mark.thorough
def test_texts_stand_where_they_are_true() -> None:
    known: dict[int, str] = {}
    for text, (with_it, without_it) in TEXTS.items():
        for inputs in (*with_it, *without_it):
            known.setdefault(id(inputs), texts_of(inputs))
        assert all(text in known[id(inputs)] for inputs in with_it), text
        assert not any(text in known[id(inputs)] for inputs in without_it), text


def words_in(drawn: Chart) -> str:
    return " ".join(re.findall(r"<text[^>]*>([^<]*)", drawn.svg))


@pytest.mark.thorough
def test_charts_say_why_they_are_empty_and_what_they_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart, "png_of", lambda _: b"")  # it takes time, and shows no text
    with chart_style():
        first, alone, stopped = (
            compute_figures(inputs)[0]
            for inputs in (
                FIRST_ITERATION,
                ONE_SAMPLE,
                replace(FIRST_ITERATION, select=replace(FIRST_ITERATION.select, min_distance=0.5)),
            )
        )
        assert "Fewer than two samples" in words_in(distance_charts(alone)[0])
        assert "Fewer than two samples" not in words_in(distance_charts(first)[0])
        assert "One sample, and none before it" in words_in(pick_chart(alone.selection))
        assert "One sample" not in words_in(pick_chart(first.selection))
        assert "min_distance" in words_in(pick_chart(stopped.selection))
        assert "min_distance" not in words_in(pick_chart(first.selection))
        chosen = next(rule for rule in first.selection.comparison if rule.rule == "chosen")
        assert f"knee: {chosen.knee}" in words_in(budget_chart(first.selection))
        nothing = first.selection.model_copy(update={"budget_curve": (), "comparison": ()})
        assert "No sample selected" in words_in(budget_chart(nothing))
        assert "knee" not in words_in(budget_chart(nothing))
