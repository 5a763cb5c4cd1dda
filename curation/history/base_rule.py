"""The rule for the datapool that an iteration builds on.

*An unchanged tree reproduces its own commit; a changed tree builds on it.*

Only git's HEAD is read (and MERGE_HEAD while a merge is going on), never a branch name and never the workspace's
dvc.lock. So the rule holds in shallow clones, worktrees, sub-directories and the copies in which DVC runs experiments;
and the same iteration can be run any number of times before it is committed without appending anything twice.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.core.errors import BaseError, NothingToSelectError
from curation.history import git
from curation.history.dvc_lock import DATAPOOL_HASH, Stages, dependency_hash, output_hash, recorded_params, stages_at
from curation.history.inputs import Fingerprint, changes, differences


@dataclass(frozen=True)
class Layout:
    """The paths of the files that the rule reads, relative to the current directory."""

    base_json: Path
    dvc_lock: Path
    datapool: Path
    base: Path
    raw_files: Path
    files: Path


@dataclass(frozen=True)
class Base:
    """The content of `base.json`.

    Attributes:
        datapools: DVC hashes of the datapools to build on: none for the first iteration, several for a union.
        fingerprint: of the inputs for which this was decided.
        commits: for each datapool the commit that it was read at, None where only its hash was known. For people: it
            takes no part in any decision, so that commits that touch no input change nothing.
        labels: DVC hash of the imported labels of each task, which the report counts. No part in decisions either.
    """

    datapools: tuple[str, ...]
    fingerprint: Fingerprint
    commits: tuple[str | None, ...] = field(default=(), compare=False)
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)

    def to_json(self) -> dict[str, object]:
        """Return the content of `base.json`."""
        commits = {"commits": list(self.commits)} if self.commits else {}
        labels = {"labels": dict(self.labels)} if self.labels else {}
        return {**commits, "datapools": list(self.datapools), "fingerprint": dict(self.fingerprint), **labels}


def parse_base(text: str | None) -> Base | None:
    """Read the content of a `base.json`; None where there is none or it was written by something else."""
    try:
        content: Any = json.loads(text) if text else None
        if not isinstance(content, dict):
            return None
        commits = tuple(None if commit is None else str(commit) for commit in content.get("commits", []))
        labels = {str(task): str(digest) for task, digest in content.get("labels", {}).items()}
        return Base(tuple(map(str, content["datapools"])), dict(content["fingerprint"]), commits, labels)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


@dataclass(frozen=True)
class Decision:
    """The base, and why.

    Attributes:
        base: what it is.
        reason: in words.
        is_of_head: whether HEAD's own iteration is made again.
        is_accepted: whether that iteration is complete, and so accepted: its datapool was made from these raw files.
    """

    base: Base
    reason: str
    is_of_head: bool = False
    is_accepted: bool = False


def decide_base(
    setting: str | Sequence[str],
    fingerprint: Fingerprint,
    layout: Layout,
    defaults: Mapping[str, Any],
    *,
    needs_new_data: bool,
) -> Decision:
    """Apply the rule.

    Args:
        setting: `base.datapool`: auto, none, a datapool hash, a revision, or a list of the last two.
        fingerprint: of the inputs as they are now.
        layout: where the files are.
        defaults: the value of each parameter that a project has which does not name it.
        needs_new_data: whether an iteration on unchanged raw files could not select anything.

    Raises:
        BaseError: the setting names something that does not exist here.
        NothingToSelectError: HEAD's datapool was made from these very raw files, and only new ones could add to it.
    """
    head = parse_base(git.read_file("HEAD", layout.base_json))
    stages = stages_at("HEAD", layout.dvc_lock)
    if head is not None and not differences(head.fingerprint, fingerprint, defaults, recorded_params(stages)):
        is_accepted = _made_from(stages, layout, str(fingerprint["raw_files"]))
        return Decision(head, "inputs as at HEAD, so HEAD's own base", is_of_head=True, is_accepted=is_accepted)
    if setting == "none":
        return Decision(Base((), fingerprint), "base.datapool is none")
    if setting == "auto":
        return _decide_from_head(head, fingerprint, layout, defaults, needs_new_data=needs_new_data)
    names = [setting] if isinstance(setting, str) else list(setting)
    commits: dict[str, str | None] = {}
    for name in names:
        commits.setdefault(datapool_hash(name, layout), None if DATAPOOL_HASH.fullmatch(name) else git.commit_of(name))
    return Decision(Base(tuple(commits), fingerprint, tuple(commits.values())), f"base.datapool is {', '.join(names)}")


def _decide_from_head(
    head: Base | None,
    fingerprint: Fingerprint,
    layout: Layout,
    defaults: Mapping[str, Any],
    *,
    needs_new_data: bool,
) -> Decision:
    """Build on HEAD's datapool, united with those of the commits that are being merged into it."""
    merging = git.merge_heads()
    head_stages = stages_at("HEAD", layout.dvc_lock)
    commits: dict[str, str | None] = {}
    if own := output_hash(head_stages, layout.datapool):
        commits[own] = git.commit_of("HEAD")
    for commit in merging:
        if other := output_hash(stages_at(commit, layout.dvc_lock), layout.datapool):
            commits.setdefault(other, commit)
    datapools = tuple(commits)
    removes = head is not None and head.fingerprint.get("removed") != fingerprint.get("removed")
    if (
        len(datapools) == 1
        and needs_new_data
        and not removes
        and _made_from(head_stages, layout, str(fingerprint["raw_files"]))
    ):
        raise NothingToSelectError(nothing_new(changes(head.fingerprint, fingerprint, defaults) if head else []))
    if not datapools:
        return Decision(Base((), fingerprint), "no datapool has been committed yet")
    reason = "the datapools of both sides of the merge" if len(datapools) > 1 else "the datapool of HEAD"
    return Decision(Base(datapools, fingerprint, tuple(commits.values())), reason)


def is_complete(stages: Stages, layout: Layout) -> bool:
    """Return whether a commit's datapool was made from the raw files that its own ingest listed."""
    raw_files = output_hash(stages, layout.raw_files)
    return raw_files is not None and _made_from(stages, layout, raw_files)


def _made_from(stages: Stages, layout: Layout, raw_files: str) -> bool:
    """Return whether a committed datapool was made from the raw files that ingest's table with this hash lists.

    Half an iteration may have been committed, so it does not do that ingest or clean has seen them: the datapool must
    have been merged from what clean made of them.
    """
    merged = dependency_hash(stages, "merge_datapool", layout.files)
    return (
        dependency_hash(stages, "clean", layout.raw_files) == raw_files
        and merged is not None
        and merged == output_hash(stages, layout.files)
    )


def nothing_new(changed: Sequence[str]) -> str:
    """Say that the raw files are those of the committed datapool, and what else has changed."""
    what = f" (changed since then: {', '.join(changed)})" if changed else ""
    return f"nothing new: the committed datapool was made from these very raw files{what}"


def datapool_hash(name: str, layout: Layout) -> str:
    """Return the hash of the datapool that a hash or revision names.

    Raises:
        BaseError: there is no such revision here, or no datapool was committed at it.
    """
    if DATAPOOL_HASH.fullmatch(name):
        return name
    if git.commit_of(name) is None:
        raise BaseError(
            f"base.datapool: {name!r} is neither a datapool hash (32 hexadecimal digits and .dir, as in dvc.lock) nor "
            "a revision that this copy of the repository knows. Shallow clones and the copies of `dvc exp run --temp` "
            f"know few revisions: give the hash, which `python -m stages.resolve_base --hash {name}` prints in a whole "
            "clone, or fetch the others (`git fetch --unshallow`)"
        )
    datapool = output_hash(stages_at(name, layout.dvc_lock), layout.datapool)
    if datapool is None:
        raise BaseError(f"base.datapool: no datapool was committed at {name!r}; choose a later revision, auto or none")
    return datapool
