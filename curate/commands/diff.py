"""`diff`: what a datapool gained, and lost, between two revisions."""

import json
from dataclasses import asdict

import click

from curate.diff import Difference, as_markdown, as_text, difference
from curate.revision import WORKSPACE, revision
from stages.errors import BaseError
from stages.history.dvc_cache import open_cache


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
@click.option("--format", "layout", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
def command(commits: str, layout: str) -> None:
    """Say what the datapool of revision B has that A's has not, and the other way round.

    A alone is compared with the workspace. Markdown is meant for a pull request.
    """
    before, after = ends_of(commits)
    with open_cache() as cache:
        found = difference(revision(before, cache), revision(after, cache))
    click.echo({"text": as_text, "json": as_json, "markdown": as_markdown}[layout](found))
