"""`verify`: whether the history of a datapool is what git says it is."""

import shlex
from collections.abc import Collection

import click
from tqdm import tqdm

from curation.core.errors import BaseError
from curation.history import git
from curation.history.dvc_cache import Cache, open_cache
from curation.inspection.replay import Replay, Replayer
from curation.inspection.revision import Revision, recorded_locks, revision
from curation.inspection.verify import sentence, verify


def revisions_of(name: str | None, cache: Cache) -> list[Revision]:
    """Return the revisions to verify, oldest first: of the whole history, of one commit, or of a range."""
    if name is None:
        return list(recorded_locks(revision(None, cache)))[::-1]
    if ".." in name:
        return [revision(commit, cache) for commit, _ in git.parents_in_range(name)]
    return [revision(name, cache)]


def replay_sentences(name: str, replay: Replay) -> list[str]:
    """Say what came of making an iteration again: the end of a revision's line, then a line for each lie."""
    parts = [f"{' and '.join(replay.stages)} came out the same"] if replay.stages else []
    parts += [f"but for the last digits in {', '.join(replay.rounded)}"] if replay.rounded else []
    return ["".join(f"; {part}" for part in [*parts, *replay.left_out]), *(f"{name}: {lie}" for lie in replay.lies)]


def problems_of(damaged: Collection[str], lost: int, lies: int) -> list[str]:
    """Say what is wrong and what to do about it.

    Args:
        damaged: paths of the objects in the cache whose bytes are not what their names say.
        lost: number of objects that neither cache nor remote holds.
        lies: number of statements of the history that are not true.
    """
    problems = []
    if damaged:
        listed = "".join(f"\n  rm -f {shlex.quote(path)}" for path in sorted(damaged))
        problems.append(
            f"{len(damaged)} objects of the DVC cache are damaged. Delete them, then `dvc fetch --all-commits` brings "
            f"them back where a remote holds them:{listed}"
        )
    if lost:
        problems.append(
            f"{lost} objects are in neither cache nor remote: whoever has them in a cache can `dvc push --all-commits`"
        )
    if lies:
        problems.append(
            f"{lies} statements of the history are not true, see above. Compare the commits with those of a colleague "
            "or a backup; `git log -p dvc.lock base.json` says who changed what; `dvc repro` makes a new iteration"
        )
    return problems


@click.command(name="verify")
@click.argument("commits", required=False, metavar="[REV|A..B]")
@click.option("--quick", is_flag=True, help="Only read the cache; make nothing again.")
@click.option("--fetch", is_flag=True, help="Fetch what the cache lacks from the remote; what neither has is an error.")
def command(commits: str | None, quick: bool, fetch: bool) -> None:
    r"""Check that the history is what git says it is: every commit that changed dvc.lock, or the given ones.

    Every object of the DVC cache that a commit names is read again. DVC itself does not do so: it hands out one with
    flipped bits and says that it is up to date.

    Then the commit's datapool must build on that of its parents, and its selection and datapool are made again, in a
    temporary folder, with the code, parameters and inputs that the commit recorded: they must come out the same. This
    runs code of former commits, as `dvc repro` there would. The workspace's own dvc.lock is only read. Training and
    embedding are taken as recorded.

    \b
    python -m curate verify                 all of the history
    python -m curate verify main..HEAD      the commits of a branch
    python -m curate verify HEAD --quick    whether one commit's files are sound
    """
    damaged: set[str] = set()
    lost, lies, checked, replayed = 0, 0, 0, 0
    replayer = Replayer()
    with open_cache() as cache, tqdm(desc="read", unit="B", unit_scale=True, disable=None, leave=False) as bar:
        for verdict in verify(revisions_of(commits, cache), bar.update, cache.fetch if fetch else None):
            name = verdict.revision.name
            end, wrong = "", list[str]()
            if not quick and verdict.revision.commit and not verdict.lies:
                found = replayer.replay(verdict.revision)
                end, *wrong = replay_sentences(name, found)
                replayed += bool(found.stages)
            first, *others = sentence(verdict).splitlines()
            with tqdm.external_write_mode():
                click.echo("\n".join([first + end, *others, *wrong]))
            damaged |= {str(lie.path) for lie in verdict.lies}
            lost += len(verdict.missing) if fetch else 0
            lies += len(wrong)
            checked += 1
    if problems := problems_of(damaged, lost, lies):
        raise BaseError("\n".join(problems))
    again = "" if quick else f", {replayed} of them made again with the same outcome"
    click.echo(f"verify: {checked} revisions, nothing is damaged{again}")
