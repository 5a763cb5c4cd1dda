"""A check for hooks and CI: no accepted sample may get lost.

A commit's datapool must build on the datapool of each of its parents. The one way to break that by accident is
`dvc exp apply` of an experiment that ran on an older baseline.
"""

from collections.abc import Callable, Sequence

from curation.history import git
from curation.history.base_rule import Base, Layout, parse_base
from curation.history.dvc_lock import Stages, dependency_hash, output_hash, stages_at

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
        sample_names: reads a datapool's filenames where history was rewritten and hashes do not tell.
    """
    datapool = output_hash(stages, layout.datapool)
    messages = []
    for parent in parents:
        former = output_hash(stages_at(parent, layout.dvc_lock), layout.datapool)
        if former is None or former == datapool or former in _built_on(stages, base, layout):
            continue
        have = sample_names(datapool) if datapool else frozenset()
        want = sample_names(former)
        if have is not None and want is not None and want <= have:
            continue
        count = len(want - have) if have is not None and want is not None else "unknown"
        messages.append(
            f"{name}: its datapool does not build on that of {parent[:12]}; accepted samples dropped: {count}. "
            "Run `dvc repro`, which builds on HEAD's datapool"
        )
    return messages


def _built_on(stages: Stages, base: Base | None, layout: Layout) -> tuple[str, ...]:
    """Return the datapools that a datapool was merged from; an interrupted run's base.json may name others."""
    used = dependency_hash(stages, "merge_datapool", layout.base)
    if base is None or used is None or used != output_hash(stages, layout.base):
        return ()
    return base.datapools if len(base.datapools) > 1 or base.datapools == (used,) else ()


def check_workspace(stages: Stages, base: Base | None, layout: Layout, sample_names: SampleNames) -> list[str]:
    """Check what is about to be committed against HEAD and the commits being merged."""
    head = git.commit_of("HEAD")
    parents = [head, *git.merge_heads()] if head else []
    return lost_samples("the workspace", stages, base, parents, layout, sample_names)


def check_range(commits: str, layout: Layout, sample_names: SampleNames) -> list[str]:
    """Check every commit of a range such as `main..HEAD` against its parents."""
    return [
        message
        for commit, parents in git.parents_in_range(commits)
        for message in lost_samples(
            commit[:12],
            stages_at(commit, layout.dvc_lock),
            parse_base(git.read_file(commit, layout.base_json)),
            parents,
            layout,
            sample_names,
        )
    ]
