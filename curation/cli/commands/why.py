"""`why`: what became of a sample or raw file, and which iteration decided it."""

import json

import click

from curation.history.dvc_cache import open_cache
from curation.inspection.revision import revision
from curation.inspection.why import sentences, why


@click.command(name="why")
@click.argument("filename")
@click.option("--rev", metavar="REV", help="A commit, branch or tag; default: the workspace.")
@click.option("--json", "as_json", is_flag=True, help="Print all that is known as JSON.")
def command(filename: str, rev: str | None, as_json: bool) -> None:
    """Say why FILENAME is in the datapool, or is not.

    FILENAME is a sample's name as in the lists of the report, or a raw file's path below data/raw.
    """
    with open_cache() as cache:
        answer = why(revision(rev, cache), filename)
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False) if as_json else "\n".join(sentences(answer)))
