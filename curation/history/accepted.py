"""A check for hooks and CI: no accepted sample may get lost.

A commit's datapool must build on the datapool of each of its parents. Two ways break that by accident: `dvc exp apply`
of an experiment that ran on an older baseline, and a merge that takes one side's files.
"""

from collections.abc import Callable, Iterable, Sequence

from curation.core.errors import BaseError
from curation.history import git
from curation.history.base_rule import Base, Layout, parse_base
from curation.history.dvc_lock import Stages, dependency_hash, output_hash, stages_at
from curation.history.readable import WRONG_MERGE, faults_of_commit

SampleNames = Callable[[str], frozenset[str] | None]
"""Gives the filenames of a datapool by its hash; None where the DVC cache does not hold it."""


def lost_samples(
    name: str, stages: Stages, base: Base | None, parents: Sequence[str], layout: Layout, sample_names: SampleNames
) -> list[str]:
    """Return one message for each parent whose accepted samples a commit (or the workspace) would drop.

    Args:
        name: how messages call the commit.
        stages: of its dvc.lock.
        base: its `base.json`.
        parents: commits that it follows.
        layout: where the files are.
        sample_names: reads a datapool's filenames where neither hashes nor the commits before tell.
    """
    datapool = output_hash(stages, layout.datapool)
    before: frozenset[str] | None = None
    messages = []
    followed = readable_parents(parents, layout)
    for parent in followed:
        former = output_hash(stages_at(parent, layout.dvc_lock), layout.datapool)
        if former is None or former == datapool or former in _built_on(stages, base, layout):
            continue
        if before is None:
            before = _all_built_on([datapool or "", *_built_on(stages, base, layout)], parents, layout)
        if former in before:
            continue
        have = sample_names(datapool) if datapool else frozenset()
        want = sample_names(former)
        if have is not None and want is not None and want <= have:
            continue
        count = len(want - have) if have is not None and want is not None else "unknown"
        messages.append(
            f"{name}: its datapool does not build on that of {parent[:12]}; accepted samples dropped: {count}. "
            f"{_way(name, parents) if followed == list(parents) else f'See {WRONG_MERGE}'}"
        )
    return messages


WORKSPACE = "the workspace"


def _way(name: str, parents: Sequence[str]) -> str:
    """Say what to do about samples that a commit, or the workspace, would drop."""
    if len(parents) < 2:
        return "Run `dvc repro`, which builds on HEAD's datapool"
    if name == WORKSPACE:
        return "Run `python -m curate merge`, which unites the datapools of both sides"
    return made_again(parents)


def made_again(parents: Sequence[str]) -> str:
    """Say how to make a merge again that was committed wrongly.

    Args:
        parents: of the merge, two or more.
    """
    return (
        f"Make the merge again: `git reset --hard {parents[0][:12]}`, `python -m curate merge {parents[1][:12]}`, "
        f"`git commit`; where it was pushed, or other commits follow it: {WRONG_MERGE}"
    )


def readable_parents(parents: Iterable[str], layout: Layout) -> list[str]:
    """Return commits that others follow; in place of one whose dvc.lock cannot be read, those that it follows."""
    found: list[str] = []
    for parent in parents:
        try:
            stages_at(parent, layout.dvc_lock)
        except BaseError:
            found += readable_parents(git.parents_of(parent), layout)
        else:
            found.append(parent)
    return list(dict.fromkeys(found))


def _built_on(stages: Stages, base: Base | None, layout: Layout) -> tuple[str, ...]:
    """Return the datapools that a datapool was merged from; an interrupted run's base.json may name others."""
    used = dependency_hash(stages, "merge_datapool", layout.base)
    if base is None or used is None or used != output_hash(stages, layout.base):
        return ()
    return base.datapools if len(base.datapools) > 1 or base.datapools == (used,) else ()


def _all_built_on(datapools: Sequence[str], tips: Sequence[str], layout: Layout) -> frozenset[str]:
    """Return some datapools and all that they build on, over however many iterations.

    Args:
        datapools: to begin with.
        tips: commits up to which the history tells what was built on what.
        layout: where the files are.
    """
    links: dict[str, set[str]] = {}
    for commit in (git.git("rev-list", *tips, "--", f"./{layout.dvc_lock.as_posix()}") or "").split():
        try:
            stages = stages_at(commit, layout.dvc_lock)
        except BaseError:
            continue
        own = output_hash(stages, layout.datapool)
        if own is not None:
            base = parse_base(git.read_file(commit, layout.base_json))
            links.setdefault(own, set()).update(_built_on(stages, base, layout))
    found, waiting = set[str](), list(datapools)
    while waiting:
        datapool = waiting.pop()
        if datapool not in found:
            found.add(datapool)
            waiting += links.get(datapool, ())
    return frozenset(found)


def _way_back(commit: str, parents: Sequence[str]) -> str:
    """Say what to do about a commit with files that cannot be read, which it may have from the commits before it."""
    origin, before = commit, list(parents)
    while before and faults_of_commit(before[0]):
        origin, before = before[0], git.parents_of(before[0])
    since = "" if origin == commit else f"it is so since {origin[:12]}. "
    if len(before) > 1:
        return f"{since}{made_again(before)}"
    if not before:
        return f"{since}bring the files back as they were, and commit them"
    return f"{since}`git checkout {before[0][:12]} -- FILE` brings a file back as it was before; commit that"


def check_workspace(stages: Stages, base: Base | None, layout: Layout, sample_names: SampleNames) -> list[str]:
    """Check what is about to be committed against HEAD and the commits being merged."""
    head = git.commit_of("HEAD")
    parents = [head, *git.merge_heads()] if head else []
    return lost_samples(WORKSPACE, stages, base, parents, layout, sample_names)


def check_range(commits: str, layout: Layout, sample_names: SampleNames) -> list[str]:
    """Check every commit of a range such as `main..HEAD` against its parents, and that its files can be read.

    Raises:
        BaseError: git does not know the range, or a shallow clone lacks the parents of one of its commits.
    """
    found = git.parents_in_range(commits)
    cut_off = git.cut_off_commits()
    if missing := [commit for commit, _ in found if commit in cut_off]:
        raise BaseError(f"the parents of {missing[0][:12]}, in {commits}, are not here: {git.missing_history()}")
    return [message for commit, parents in found for message in check_commit(commit, parents, layout, sample_names)]


def check_rebased(layout: Layout, sample_names: SampleNames) -> list[str]:
    """Check HEAD after a rebase: it must keep what the commits had that the rebase has replaced."""
    base = parse_base(git.read_file("HEAD", layout.base_json))
    return lost_samples("HEAD", stages_at("HEAD", layout.dvc_lock), base, ["ORIG_HEAD"], layout, sample_names)


def check_head(layout: Layout, sample_names: SampleNames) -> list[str]:
    """Check HEAD itself, as CI finds it in a fresh clone: its files can be read, and it keeps what its parents had.

    A commit that goes back to a datapool that was accepted before, as `git revert` does, is as its author wants it. A
    merge that does so lacks one side, and so does what follows a merge that cannot be read.
    """
    head = git.commit_of("HEAD")
    if head is None:
        return []
    parents = git.parents_of(head)
    goes_back = len(parents) == 1 and parents == readable_parents(parents, layout) and was_recorded_before(head, layout)
    return check_commit(head, [] if goes_back else parents, layout, sample_names)


def was_recorded_before(commit: str, layout: Layout) -> bool:
    """Return whether the datapool of a commit is that of an earlier one."""
    listing = git.git("rev-list", f"{commit}^", "--", f"./{layout.dvc_lock.as_posix()}")
    for earlier in (listing or "").split():
        try:
            recorded = output_hash(stages_at(earlier, layout.dvc_lock), layout.datapool)
            if recorded == output_hash(stages_at(commit, layout.dvc_lock), layout.datapool):
                return True
        except BaseError:
            continue
    return False


def check_commit(commit: str, parents: Sequence[str], layout: Layout, sample_names: SampleNames) -> list[str]:
    """Return one message for each of a commit's files that cannot be read, and for each parent whose samples it drops.

    Args:
        commit: 40 hexadecimal digits.
        parents: commits that it follows.
        layout: where the files are.
        sample_names: reads a datapool's filenames where neither hashes nor the commits before tell.
    """
    name = commit[:12]
    messages = [f"{name}: {fault}" for fault in faults_of_commit(commit)]
    messages += [f"{name}: {_way_back(commit, parents)}"] if messages else []
    try:
        stages = stages_at(commit, layout.dvc_lock)
    except BaseError:
        stages = None
    if stages is not None:
        base = parse_base(git.read_file(commit, layout.base_json))
        messages += lost_samples(name, stages, base, parents, layout, sample_names)
    return messages
