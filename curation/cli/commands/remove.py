"""`remove`: samples leave the datapool for good; what history still holds of them is named."""

from collections.abc import Sequence
from pathlib import Path

import click
import pandas as pd

from curation.cli.raw_files import processed_as
from curation.core.errors import BaseError
from curation.datapool.removal import read_removal_list
from curation.history.dvc_cache import Cache, open_cache
from curation.history.remove import (
    checkpoints,
    found_by,
    has_experiments,
    holders,
    listed_with,
    purge_commands,
    remotes,
)
from curation.inspection.revision import Revision, revision
from curation.params.load import load_params
from curation.pipeline import paths
from curation.pipeline.raw_files import raw_finder
from curation.raw.finding import RawFinder
from curation.tables.datapool import REMOVED
from curation.tables.files import write_csv

_COMMITS = 20
"""Commits that are listed one by one."""


@click.command(name="remove")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--reason", default="", help="Why, for people; the list in git keeps it.")
@click.option("--where", is_flag=True, help="Change nothing; only say what still holds NAME, or all that was removed.")
def command(names: tuple[str, ...], reason: str, where: bool) -> None:
    """Take samples out of the datapool for good.

    NAME is a sample's name, or a raw file's path below data/raw: then all of its samples go. A raw file that has moved
    since it was processed is known by both paths. They are put on a list in git (base.removed_file); the next
    `dvc repro` takes them out, and nothing of equal content ever comes in again.
    """
    if not names and not where:
        raise BaseError("name the samples or raw files to take out, or give --where")
    params = load_params(paths.PARAMS)
    path = params.base.removed_file
    listed = read_removal_list(path)
    with open_cache() as cache:
        start = revision(None, cache)
        if where:
            rows = _chosen(listed, names)
        else:
            finder = raw_finder(params.ingest, start.sources)
            found = found_by(start, [processed_as(start, name, finder) for name in names])
            table = listed_with(listed, found, reason)
            rows = table[table["filename"].isin(found.samples["filename"])]
            write_csv(table, REMOVED, Path(path))
            _say_what_is_next(path, len(rows), int(rows["filename"].isin(start.samples["filename"]).sum()))
        if rows.empty:
            click.echo("remove: nothing has been taken out")
            return
        _say_who_holds(rows, start, cache)


def _chosen(listed: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the list that names stand for; all without any."""
    known = set(listed["filename"]) | set(listed["raw_path"])
    for name in names:
        if name not in known:
            raise BaseError(f"{name!r} is not on the list of what was taken out; without --where it is put there")
    return listed[listed["filename"].isin(names) | listed["raw_path"].isin(names)] if names else listed


def _say_what_is_next(path: str, samples: int, selected: int) -> None:
    click.echo(
        f"remove: {samples} samples are on the list in {path}, {selected} of them in the datapool.\n"
        "Take them out with `dvc repro`, look at the report, and commit."
    )
    if selected:
        click.echo(
            "To put the next best in their places: "
            f"dvc exp run -S select.process_all=true -S select.n_samples={selected}"
        )


def _say_who_holds(rows: pd.DataFrame, start: Revision, cache: Cache) -> None:
    whole = set(rows.loc[rows["content_hash"] != "", "raw_path"])
    present = present_files(rows, raw_finder(load_params(paths.PARAMS).ingest))
    found = list(holders(rows, whole | present, cache))
    click.echo("\nWhat still holds them:" if found else "\nNo commit that this repository knows holds them any more.")
    for holder in found[:_COMMITS]:
        what = "its datapool is not in the cache" if holder.samples is None else f"{holder.samples} samples"
        raw = ", and raw files" if holder.has_raw_file else ""
        click.echo(f"  commit {holder.commit[:12]} ({_plain(holder.subject)}): {what}{raw}")
    if len(found) > _COMMITS:
        click.echo(f"  and {len(found) - _COMMITS} more commits")
    for checkpoint, iteration in checkpoints(start, rows):
        click.echo(f"  checkpoint {checkpoint[:12]} (iteration {iteration}): may have learned from them")
    known = remotes()
    for name, url in known.items():
        click.echo(f"  remote {name} ({_plain(url)}): what was pushed of these commits")
    commands = purge_commands(present, list(known), experiments=has_experiments())
    click.echo(
        "\nTo delete it everywhere. After that no earlier commit can be checked out with its data, and other clones\n"
        "have to run `dvc gc --workspace` too:\n" + "\n".join(f"  {line}" for line in commands)
    )
    if objects := _objects(rows, start):
        click.echo(f"\nIn their bucket they stay until you delete them there: {', '.join(objects)}")
    click.echo(
        "\nTheir names stay in git's history (reports, lists), which `git filter-repo --replace-text` rewrites; and a\n"
        "model that learned from them stays, until base.datapool: none starts afresh with a new one."
    )


def present_files(rows: pd.DataFrame, finder: RawFinder) -> set[str]:
    """Return the paths of raw files that were taken out as a whole and are still there, wherever they lie now.

    Args:
        rows: columns of `REMOVED`.
        finder: says where content lies.
    """
    files = rows.loc[rows["content_hash"] != "", ["raw_path", "content_hash"]]
    return set(finder.places(files.itertuples(index=False, name=None)).values())


def _objects(rows: pd.DataFrame, start: Revision) -> list[str]:
    """Return the addresses of raw files that were taken out as a whole, and are objects in a bucket."""
    finder = raw_finder(load_params(paths.PARAMS).ingest, start.sources)
    whole = rows.loc[rows["content_hash"] != "", ["raw_path", "content_hash"]]
    files = [
        (place, content) for (_, content), place in finder.places(whole.itertuples(index=False, name=None)).items()
    ]
    return [_plain(found.address) for _, found in sorted(finder.objects_at(files).items())]


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
