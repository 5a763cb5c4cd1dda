"""`update`: all listings of buckets are brought up to date."""

import click

from curation.buckets.found import listings_in
from curation.buckets.listing import read_origin
from curation.cli.bucket_lists import refreshed, say
from curation.core.errors import BucketError
from curation.pipeline import paths


@click.command(name="update")
def command() -> None:
    r"""List again all buckets that `list-bucket` has listed, and say what is new, changed and gone.

    A listing whose bucket cannot be listed stays as it is, and the exit status is 1 then.

    \b
    python -m curate update && dvc repro
    """
    listings = listings_in(paths.RAW)
    if not listings:
        raise BucketError(f"{paths.RAW} holds no listing of a bucket: `python -m curate list-bucket ADDRESS` makes one")
    failures = []
    is_new = False
    for path in listings:
        try:
            origin = read_origin(path)
            found = refreshed(path, origin)
        except BucketError as error:
            failures.append(f"{path} stays as it is: {error.message}")
            continue
        say("update", found, origin)
        is_new |= bool(found.new or found.changed)
    if failures:
        raise BucketError("\n".join(failures))
    click.echo("Next: `dvc repro`" if is_new else "Nothing is new.")
