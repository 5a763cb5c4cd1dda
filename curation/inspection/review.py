"""A page to look through a selection with, sample by sample, before it is accepted.

One file that needs no network: the pictures are inlined, and its own script is the only one that it allows.
"""

import base64
import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup

from curation.reporting.compute.names import visible

REVIEW_CSV = "review.csv"
_TEMPLATES = Path(__file__).parent / "templates"


def review_page(
    selection: pd.DataFrame, pictures: Mapping[str, str], iteration: int, dropped: Collection[str] = ()
) -> str:
    """Return the page.

    Args:
        selection: `filename` and `rank` of each sample that was selected.
        pictures: `data:` URI by filename, of those that have one.
        iteration: number of the iteration.
        dropped: filenames that earlier reviews dropped: the page saves them again.
    """
    samples = [
        {"filename": name, "shown": visible(name), "rank": int(rank), "picture": pictures.get(name, "")}
        for name, rank in zip(selection["filename"], selection["rank"], strict=True)
    ]
    style, script = ((_TEMPLATES / f"review.{suffix}").read_text(encoding="utf-8") for suffix in ("css", "js"))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("review.html.j2").render(
        samples=samples,
        iteration=iteration,
        dropped=set(dropped),
        carried=sorted(set(dropped) - set(selection["filename"])),
        file=REVIEW_CSV,
        style=Markup(style),  # noqa: S704  (our own files)
        script=Markup(script),  # noqa: S704
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _hash(text: str) -> str:
    """Return how a Content-Security-Policy names an inlined text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
