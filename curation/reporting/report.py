"""The report as a whole."""

from pathlib import Path

import pandas as pd

from curation.reporting.compute.explorer import explorer_samples
from curation.reporting.compute.figures import compute_figures
from curation.reporting.compute.sets import make_sets
from curation.reporting.draw.pictures import PictureReader, inline_pictures
from curation.reporting.inputs import ReportInputs
from curation.reporting.pages import outputs


def report(inputs: ReportInputs, read_pictures: PictureReader, at_hand: "pd.Series[str]", folder: Path) -> str:
    """Make the report.

    Args:
        inputs: everything it is made from.
        read_pictures: where the samples' pictures come from.
        at_hand: filenames of samples whose picture costs little, for the explorer.
        folder: where it goes.

    Returns:
        The verdict.
    """
    # These import matplotlib, which --help and a wrong parameter need not wait for.
    from curation.reporting.draw.plots import decision_pictures, draw_charts
    from curation.reporting.pages.explorer_page import render_explorer, render_left_out
    from curation.reporting.pages.render import render_html, render_pdf

    sets = make_sets(inputs)
    figures, points = compute_figures(inputs, sets)
    charts = draw_charts(figures, points)
    shown = [sample.filename for sample in figures.examples.selected]
    shown += [name for pair in figures.examples.pairs for name in (pair.retained, pair.removed)]
    shown += [name for near in figures.examples.near_duplicates for name in (near.kept, near.dropped)]
    shown += [sample.filename for sample in figures.examples.low_quality]
    pictures = inline_pictures(shown, read_pictures)
    has_explorer = inputs.settings.explorer != "none"
    pdf = render_pdf(figures, charts, pictures, has_explorer=has_explorer)
    html = render_html(figures, charts, pictures, points, has_explorer=has_explorer)
    if has_explorer:
        explorer = render_explorer(figures, explorer_samples(inputs, points, sets), at_hand, read_pictures)
    else:
        explorer = render_left_out(figures)
    outputs.write_figures(folder, figures)
    outputs.write_plots(folder, figures, charts, points, decision_pictures(figures.examples.pairs, pictures))
    outputs.write_embeddings(folder, sets if inputs.settings.dump_embeddings else None)
    outputs.write_filenames(folder, inputs)
    outputs.write_corruptness(folder, inputs.dropped, inputs.files)
    outputs.write_documents(folder, pdf, html, explorer)
    return figures.verdict
