"""`list-bucket`: the objects of a bucket count as raw files, and stay where they are."""

import re
from pathlib import PurePosixPath

import click

from curation.buckets.addresses import parse_folder
from curation.buckets.listing import SUFFIX, Origin, read_origin
from curation.cli.bucket_lists import refreshed, say
from curation.core.errors import BucketError
from curation.pipeline import paths

_NAME = re.compile(r"\w[\w.-]*")


@click.command(name="list-bucket")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--name", help="Of the listing; default: the last part of the first address.")
@click.option("--into", default="", metavar="FOLDER", help="Folder in data/raw that the objects' paths begin with.")
@click.option(
    "--inventory",
    default="",
    metavar="ADDRESS",
    help="The manifest.json of an S3 Inventory, or the folder of its dates, to read in place of the bucket's own list.",
)
def command(addresses: tuple[str, ...], name: str | None, into: str, inventory: str) -> None:
    r"""Let the objects of a bucket count as raw files, without copying them.

    ADDRESS is s3://BUCKET/FOLDER (or gs://, azure://), or remote://NAME/FOLDER for a remote that DVC knows with its
    endpoint and credentials. data/raw/NAME.listing.parquet then pins every object below it: its path from there on, its
    size, etag and version. The same command lists it again; `update` does so for all listings. Nothing in the bucket
    is changed.

    \b
    python -m curate list-bucket s3://my-bucket/raw
    python -m curate list-bucket remote://storage/2024 remote://storage/2025 --name cameras
    """
    folders = [parse_folder(address) for address in addresses]
    if len(set(folders)) < len(folders):
        raise BucketError("an address is given twice")
    name = name or _default_name(folders[0].key or folders[0].name)
    if not _NAME.fullmatch(name):
        raise BucketError(f"--name {name}: a listing's name has letters, digits, - . and _ alone")
    path = paths.RAW / f"{name}{SUFFIX}"
    origin = Origin(tuple(folder.text for folder in folders), _checked(into), inventory)
    if path.exists() and not set(origin.addresses) & set((former := read_origin(path)).addresses):
        raise BucketError(
            f"{path} lists {', '.join(former.addresses)}: give this one another name with --name, or delete that file"
        )
    say("list-bucket", found := refreshed(path, origin), origin)
    click.echo("Next: `dvc repro`" if found.is_first or found.new or found.changed else "Nothing is new.")


def _default_name(place: str) -> str:
    return re.sub(r"[^\w.-]+", "-", PurePosixPath(place).name).lstrip(".-") or "bucket"


def _checked(into: str) -> str:
    """Return the folder that paths begin with, without slashes around it."""
    folder = into.strip("/")
    parts = folder.split("/") if folder else []
    if into.startswith("/") or any(part in ("", ".", "..") or not part.isprintable() for part in parts):
        raise BucketError(f"--into {into}: give a folder relative to {paths.RAW}, such as bucket/2024")
    return folder
