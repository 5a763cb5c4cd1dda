"""`combine`: the datapool of another project joins this one's."""

import click

from curate.combine import source_and_revision, taken_in
from stages import paths
from stages.history import git
from stages.history.dvc_cache import open_cache
from stages.history.dvc_lock import output_hash, stages_at


@click.command(name="combine")
@click.argument("source", metavar="PATH_OR_URL[@REV]")
def command(source: str) -> None:
    """Bring the datapool of another project into the cache, to be united with this one's.

    The other project is a git repository made from this template; REV is HEAD unless given. Both datapools need the
    same checkpoint, or train.retrain: true. Raw files are not copied.
    """
    git.require_repository()
    path, revision = source_and_revision(source)
    with open_cache() as cache:
        datapool, samples = taken_in(path, revision, cache)
    own = output_hash(stages_at("HEAD", paths.DVC_LOCK), paths.DATAPOOL)
    value = datapool if own is None else f"[HEAD, {datapool}]"
    click.echo(
        f"combine: {samples} samples of {source} are in the cache. To unite both datapools, set in params.yaml\n"
        f"\nbase:\n  datapool: {value}\n\n"
        "and run `dvc repro`. Once that is committed, set it back to auto when you add new files."
    )
