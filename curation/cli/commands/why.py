"""`why`: what became of a sample or raw file, and which iteration decided it."""

import json

import click

from curation.cli.raw_files import processed_as
from curation.cli.samples import say_what_is_missing
from curation.history.dvc_cache import open_cache
from curation.inspection.revision import Revision, revision
from curation.inspection.why import Answer, sentences, why
from curation.params.load import load_params
from curation.pipeline import paths
from curation.pipeline.raw_files import raw_finder
from curation.raw.finding import RawFinder


@click.command(name="why")
@click.argument("filename")
@click.option("--rev", metavar="REV", help="A commit, branch or tag; default: the workspace.")
@click.option("--json", "as_json", is_flag=True, help="Print all that is known as JSON.")
def command(filename: str, rev: str | None, as_json: bool) -> None:
    """Say why FILENAME is in the datapool, or is not.

    FILENAME is a sample's name as in the lists of the report, or a raw file's path below data/raw. A raw file that has
    moved since it was processed is known by both paths.
    """
    with open_cache() as cache:
        start = revision(rev, cache)
        finder = raw_finder(load_params(paths.PARAMS).ingest, start.sources)
        answer = with_place(why(start, processed_as(start, filename, finder)), start, finder)
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False) if as_json else "\n".join(sentences(answer)))
    say_what_is_missing("why")


def with_place(answer: Answer, start: Revision, finder: RawFinder) -> Answer:
    """Add to an answer where its raw file lies now, where it has moved since it was processed."""
    raw_path = answer["filename"] if answer["status"] == "raw file" else answer.get("raw_file")
    contents = start.ledger.loc[start.ledger["path"] == raw_path, "content_hash"]
    places = finder.places((str(raw_path), content) for content in contents)
    moved = sorted(set(places.values()) - {raw_path})
    return answer | {"moved_to": moved[0]} if moved else answer
