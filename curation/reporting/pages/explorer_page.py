"""The explorer's page: one self-contained file that opens from disk and asks nothing of any network.

A library of charts weighs megabytes, wants exceptions from the content security policy, and still needs code of our own
for thumbnails and galleries. So the page draws its points itself, into the pixels of a canvas: that takes about ten
milliseconds for 50,000 points and works where WebGL is switched off or there is no graphics card.
"""

import base64
import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.reporting.compute.distances import SEED
from curation.reporting.compute.explorer import SCALES, ExplorerSamples, thumbnail_order
from curation.reporting.compute.maps import GROUPS
from curation.reporting.contents.report import Report
from curation.reporting.draw.chart import LEFT, NEW, OLD
from curation.reporting.draw.pictures import PictureReader
from curation.reporting.draw.thumbnails import COLUMNS, Thumbnails, make_thumbnails
from curation.reporting.pages.render import environment, font_faces, read_template, trusted

MAX_BYTES = 20_000_000
"""Of the page. Pictures get the room that the points leave."""

TEMPLATE, LEFT_OUT = "explorer.html.j2", "no_explorer.html.j2"
STYLES, SCRIPT = ("base.css", "explorer.css"), "explorer.js"

_MARGIN = 10_000
"""Bytes for what is written after the room for pictures has been measured: their places are, their number is not."""


def render_explorer(report: Report, samples: ExplorerSamples, at_hand: "pd.Series[str]", read: PictureReader) -> str:
    """Return the page.

    Args:
        report: all figures.
        samples: what it shows.
        at_hand: filenames of samples whose picture is available.
        read: where the pictures come from.
    """
    points = point_data(samples)
    without = _page(report, samples, points, Thumbnails(0, (), {}))
    room = MAX_BYTES - _MARGIN - len(without.encode())
    thumbnails = make_thumbnails(thumbnail_order(samples, at_hand), read, room)
    return _page(report, samples, points, thumbnails)


def render_left_out(report: Report) -> str:
    """Return the page that stands in the explorer's place where there is none."""
    style = _style()
    return environment().get_template(LEFT_OUT).render(r=report, style=trusted(style), style_hash=_source_hash(style))


def _page(report: Report, samples: ExplorerSamples, points: dict[str, object], thumbnails: Thumbnails) -> str:
    """Fill the template. The hashes in the content security policy let this style and this script run and no other."""
    style = _style()
    script = read_template(SCRIPT)
    cells = [thumbnails.cells.get(name, (-1, 0, 0)) for name in samples.table["filename"]]
    data = {
        **points,
        "iterationNow": report.iteration,
        "sheets": thumbnails.sheets,
        "cellSide": thumbnails.side,
        "sheetColumns": COLUMNS,
        "cell": packed([cell for cell, _, _ in cells], "<i4"),
        "cellWidth": packed([width for _, width, _ in cells], "u1"),
        "cellHeight": packed([height for _, _, height in cells], "u1"),
    }
    return environment().get_template(TEMPLATE).render(
        r=report, data=data, style=trusted(style), script=trusted(script), style_hash=_source_hash(style),
        script_hash=_source_hash(script), shown=len(samples.table), total=samples.total, pictures=len(thumbnails.cells),
        seed=SEED, groups=GROUPS,
    )  # fmt: skip


def _style() -> str:
    return font_faces() + "".join(map(read_template, STYLES))


def point_data(samples: ExplorerSamples) -> dict[str, object]:
    """Return the samples as the page's script reads them: numbers as base64 of little-endian arrays, names as text."""
    table = samples.table
    names = list(table["filename"])
    place = {name: row for row, name in enumerate(names)}
    # A sample may refer to one that is not on the page: its name follows those of the samples.
    elsewhere = sorted(set(table["partner"]) - set(place) - {""})
    place.update({name: len(names) + row for row, name in enumerate(elsewhere)})
    labels, label = _codes(table["label_name"])
    sources, source = _codes(table["source"])
    return {
        "maps": [
            {"title": title, "x": packed(points[:, 0], "<f4"), "y": packed(points[:, 1], "<f4")}
            for title, points in samples.places.items()
        ],
        "names": names,
        "elsewhere": elsewhere,
        "groups": GROUPS,
        "groupColours": [LEFT, OLD, NEW],
        "group": packed(table["group"].map(GROUPS.index), "u1"),
        "iteration": packed(table["iteration"], "<i4"),
        "rank": packed(table["rank"], "<i4"),
        "partner": packed([place.get(name, -1) for name in table["partner"]], "<i4"),
        "labels": labels,
        "label": packed(label, "<i4"),
        "sources": sources,
        "source": packed(source, "<i4"),
        "frame": packed(table["frame"], "<i4"),
        "scales": [
            {"title": scale.title, "note": scale.note, "values": packed(table[scale.column], "<f4")}
            for scale in SCALES
            if table[scale.column].notna().any()
        ],
    }


def packed(values: "Sequence[int] | pd.Series[int] | pd.Series[float] | NDArray[np.generic]", kind: str) -> str:
    """Return numbers as base64 of an array of NumPy's data type `kind`."""
    return base64.b64encode(np.asarray(values).astype(kind).tobytes()).decode()


def _codes(names: "pd.Series[str]") -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct names, most frequent first, and for each row the number of its name."""
    counts = names.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return list(counts.index), pd.Index(counts.index).get_indexer(names).astype(np.int64)


def _source_hash(text: str) -> str:
    """Return how a content security policy names a script or style by its content."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
