"""`verify`: whether the DVC cache holds, bit for bit, what the commits recorded."""

import click
from tqdm import tqdm

from curate.revision import Revision, recorded_iterations, revision
from curate.verify import sentence, verify
from stages.errors import BaseError
from stages.history import git
from stages.history.dvc_cache import Cache, open_cache


def revisions_of(name: str | None, cache: Cache) -> list[Revision]:
    """Return the revisions to verify, oldest first: of the whole history, of one commit, or of a range."""
    if name is None:
        return list(recorded_iterations(revision(None, cache)))[::-1]
    if ".." in name:
        return [revision(commit, cache) for commit, _ in git.parents_in_range(name)]
    return [revision(name, cache)]


@click.command(name="verify")
@click.argument("commits", required=False, metavar="[REV|A..B]")
def command(commits: str | None) -> None:
    """Check that the DVC cache holds, bit for bit, what the commits recorded.

    All iterations of the history are checked, or the given commits. DVC itself does not read a cached file again: it
    hands out one with flipped bits and says that it is up to date.
    """
    damaged: set[str] = set()
    checked = 0
    with open_cache() as cache, tqdm(desc="read", unit="B", unit_scale=True, disable=None, leave=False) as bar:
        for verdict in verify(revisions_of(commits, cache), bar.update):
            with tqdm.external_write_mode():
                click.echo(sentence(verdict))
            damaged |= {str(lie.path) for lie in verdict.lies}
            checked += 1
    if damaged:
        listed = "".join(f"\n  rm -f {path}" for path in sorted(damaged))
        raise BaseError(
            f"{len(damaged)} objects of the DVC cache are damaged. Delete them, then `dvc fetch --all-commits` brings "
            f"them back where a remote holds them:{listed}"
        )
    click.echo(f"verify: {checked} revisions, nothing is damaged")
