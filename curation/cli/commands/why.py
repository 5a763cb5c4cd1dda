"""`why`: what became of a sample or raw file, and which iteration decided it."""

import json

import click

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
    finder = raw_finder(load_params(paths.PARAMS).ingest)
    with open_cache() as cache:
        start = revision(rev, cache)
        answer = with_place(why(start, processed_as(start, filename, finder)), start, finder)
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False) if as_json else "\n".join(sentences(answer)))


def processed_as(start: Revision, name: str, finder: RawFinder) -> str:
    """Return the path that a raw file was processed under, where it has moved since; other names as they are."""
    ledger = start.ledger
    if name in set(ledger["path"]) | set(start.samples["filename"]):
        return name
    content = finder.content_at(name)
    former = sorted(ledger.loc[ledger["content_hash"] == content, "path"]) if content else []
    gone = [path for path in former if not (paths.RAW / path).is_file()]
    return gone[0] if gone else name


def with_place(answer: Answer, start: Revision, finder: RawFinder) -> Answer:
    """Add to an answer where its raw file lies now, where it has moved since it was processed."""
    raw_path = answer["filename"] if answer["status"] == "raw file" else answer.get("raw_file")
    contents = start.ledger.loc[start.ledger["path"] == raw_path, "content_hash"]
    places = finder.places((str(raw_path), content) for content in contents)
    moved = sorted(set(places.values()) - {raw_path})
    return answer | {"moved_to": moved[0]} if moved else answer
