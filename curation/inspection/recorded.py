"""The revisions that recorded an iteration, found in git's history."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

from curation.history import git
from curation.history.dvc_lock import output_hash
from curation.history.readable import WATCHED, commits_with_markers, is_as_committed
from curation.inspection.revision import Revision
from curation.pipeline import paths

_DECISIONS = (paths.FILES, paths.DROPPED, paths.CANDIDATES)
"""The outputs that say what became of raw files and samples."""


def recorded_locks(start: Revision) -> Iterator[Revision]:
    """Yield the revisions that changed `dvc.lock`, newest first: iterations, halves of one, and other reports.

    Begins with the workspace where that is where it starts; follows first parents, as a branch's own history.
    """
    if start.commit is None and (not start.is_readable or start.stages):
        yield start
    tip = start.commit or git.commit_of("HEAD")
    listing = git.git("rev-list", "--first-parent", tip, "--", f"./{paths.DVC_LOCK.as_posix()}") if tip else None
    for commit in (listing or "").split():
        yield Revision(commit[:12], commit, start.cache)


def recorded_commits(start: Revision) -> Iterator[Revision]:
    """Yield all that `recorded_locks` does, and what nobody meant to record, newest first.

    That is: merges that keep their first parent's `dvc.lock` where the other side has changed it, and commits in
    whose files git's conflict markers stand.
    """
    known = {found.commit: found for found in recorded_locks(start)}
    if None in known and (known[None].is_readable or not is_as_committed()):
        yield known[None]
    tip = start.commit or git.commit_of("HEAD")
    listing = git.git("rev-list", "--first-parent", "--parents", tip) if tip else None
    line = {words[0]: words[1:] for words in map(str.split, (listing or "").splitlines())}
    marked = commits_with_markers(list(line))
    for commit, parents in line.items():
        if commit in known:
            yield known[commit]
        elif (commit in marked and not _has_files_of(commit, parents[:1])) or _has_another_lock(parents):
            yield Revision(commit[:12], commit, start.cache)


def _has_files_of(commit: str, parents: Sequence[str]) -> bool:
    """Return whether a commit's files are those of one of its parents, so far as they are looked at here."""
    return any(git.git("diff", "--quiet", parent, commit, "--", *WATCHED) is not None for parent in parents)


def _has_another_lock(parents: Sequence[str]) -> bool:
    """Return whether what was merged into a commit's first parent had changed `dvc.lock` since both began."""
    lock = paths.DVC_LOCK.as_posix()
    return any(git.git("diff", "--quiet", f"{parents[0]}...{other}", "--", lock) is None for other in parents[1:])


def recorded_iterations(start: Revision) -> Iterator[Revision]:
    """Yield the revisions that recorded another datapool than the commit before, newest first.

    Begins with the workspace where that is where it starts, or with the commit that holds what is recorded there;
    follows first parents, as a branch's own history. Commits whose `dvc.lock` cannot be read are passed over.
    """
    commits = [found for found in recorded_locks(start) if found.commit is not None and found.is_readable]
    if start.commit is None and output_hash(start.stages, paths.DATAPOOL):
        same = list(
            takewhile(lambda commit: _hashes(commit, paths.DATAPOOL) == _hashes(start, paths.DATAPOOL), commits)
        )
        holding = [commit for commit in same if _hashes(commit, *_DECISIONS) == _hashes(start, *_DECISIONS)]
        if not holding or holding[-1] is not same[-1]:
            yield holding[-1] if holding else start
    hashes = [output_hash(found.stages, paths.DATAPOOL) for found in commits]
    for found, datapool, former in zip(commits, hashes, [*hashes, None][1:], strict=True):
        if datapool is not None and datapool != former:
            yield found


def _hashes(recorded: Revision, *outputs: Path) -> list[str | None]:
    return [output_hash(recorded.stages, output) for output in outputs]


def known_tables(start: Revision, output: Path) -> Iterator[tuple[Revision, Path]]:
    """Yield a revision's and its former iterations' file of an output, newest first, each once; nothing is fetched.

    Iterations whose file the cache does not hold (any more) are left out.
    """
    seen: set[str] = set()
    for recorded in (start, *recorded_iterations(start)):
        found = output_hash(recorded.stages, output)
        if found is not None and found not in seen and recorded.cache.has(found):
            seen.add(found)
            yield recorded, recorded.cache.file(found)


def commits_of_iterations(start: Revision) -> dict[int, Revision]:
    """Return the revision that recorded each iteration: the earliest one in whose datapool's log it is.

    An iteration of a branch that was merged has the commit of the merge.
    """
    found: dict[int, Revision] = {}
    known = set(map(int, start.iterations["iteration"]))
    for recorded in recorded_iterations(start):
        for number in map(int, recorded.iterations["iteration"]):
            if number in known:
                found[number] = recorded
    return dict(sorted(found.items()))
