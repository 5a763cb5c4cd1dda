"""Listing buckets for people at a terminal: progress, and what came of it."""

from collections.abc import Iterator
from pathlib import Path

import click
from tqdm import tqdm

from curation.buckets.listing import Origin
from curation.buckets.refresh import Refreshed, refresh
from curation.core.words import counted, in_bytes


def refreshed(path: Path, origin: Origin) -> Refreshed:
    """Make or refresh a listing, with a count of the objects meanwhile."""
    with tqdm(unit=" objects", desc=f"listing {' '.join(origin.addresses)}", disable=None) as bar:
        return refresh(path, origin, bar.update)


def say(command: str, found: Refreshed, origin: Origin) -> None:
    """Say what came of a listing.

    Args:
        command: that made it.
        found: what became of the listing.
        origin: of it.
    """
    usable = found.table[found.table["reason"] == ""]
    objects = f"{len(found.table):,} object{'' if len(found.table) == 1 else 's'}, {in_bytes(usable['size'].sum())}"
    click.echo(f"{command}: {found.path}: {objects}, of {', '.join(origin.addresses)}; {_changes(found)}")
    for note in (*found.notes, *_changed(found)):
        click.echo(f"{command}: {note}", err=True)


def _changes(found: Refreshed) -> str:
    if found.is_first:
        return "a new listing"
    counts = {"new": found.new, "changed": found.changed, "gone": found.gone}
    words = ", ".join(f"{len(paths):,} {what}" for what, paths in counts.items())
    return words if any(counts.values()) else "unchanged"


def _changed(found: Refreshed) -> Iterator[str]:
    if found.changed:
        yield (
            f"{counted(len(found.changed), 'object')} changed ({found.changed[0]}, for one): `dvc repro` reads them "
            "again. Where the content of a processed one is another now, it has to get another key"
        )
