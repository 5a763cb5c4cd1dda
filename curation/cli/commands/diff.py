"""`diff`: what a datapool gained, and lost, between two revisions."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from curation.core.atomic import write_text
from curation.core.errors import BaseError
from curation.history.dvc_cache import open_cache
from curation.inspection.diff import PICTURES, Difference, as_html, as_markdown, as_text, difference
from curation.inspection.pictures import proxies_of
from curation.inspection.revision import WORKSPACE, revision
from curation.reporting.draw.pictures import as_data_uri


def ends_of(commits: str) -> tuple[str, str]:
    """Return both ends of `A..B`; `A` alone and `A..` end with the workspace, `..B` begins with B's parent."""
    before, dots, after = commits.partition("..")
    if dots and not before:
        return f"{after}~1", after
    if not before:
        raise BaseError("give two revisions, such as HEAD~1..HEAD")
    return before, after or WORKSPACE


def as_json(found: Difference) -> str:
    """Return everything."""
    return json.dumps(asdict(found), indent=2, ensure_ascii=False)


@click.command(name="diff")
@click.argument("commits", metavar="A..B")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["text", "json", "markdown", "html"]),
    default="text",
    show_default=True,
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="A file to write; default: the terminal."
)
def command(commits: str, layout: str, output: Path | None) -> None:
    """Say what the datapool of revision B has that A's has not, and the other way round.

    A alone is compared with the workspace. Markdown is meant for a pull request; the HTML page shows the samples.
    """
    before, after = ends_of(commits)
    with open_cache() as cache:
        old, new = revision(before, cache), revision(after, cache)
        found = difference(old, new)
        if layout == "html":
            proxies = proxies_of(new, found.added[:PICTURES]) | proxies_of(old, found.removed[:PICTURES])
            pictures = {name: as_data_uri(content, "image/jpeg") for name, content in proxies.items()}
            text = as_html(found, pictures)
        else:
            text = {"text": as_text, "json": as_json, "markdown": as_markdown}[layout](found)
    if output is None:
        click.echo(text)
    else:
        write_text(output, f"{text}\n")
        click.echo(f"diff: written to {output}")
