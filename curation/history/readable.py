"""Whether the files that tell an iteration can be read.

`git add .` takes conflict markers for the solution of a conflict, and `git commit` keeps them: DVC and all that reads
the commit later finds no YAML and no JSON there.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from curation.core.errors import BaseError
from curation.history import git
from curation.pipeline import paths

RAW_LIST = paths.RAW.with_name(f"{paths.RAW.name}.dvc")
"""DVC's file that stands for the raw files."""

PARSED = (RAW_LIST, paths.DVC_LOCK, paths.DVC_YAML, paths.PARAMS, paths.BASE_JSON, paths.CODE)
"""The files without which a commit says nothing; the last two are JSON, the others YAML."""

WATCHED = ("*.dvc", *(path.as_posix() for path in (*PARSED, paths.REPORTS)))
"""Where conflict markers are looked for, as patterns of git."""

_MARKER = r"(<<<<<<<|>>>>>>>) "
_MARKED = ("holds git's conflict markers", "hold git's conflict markers")
_LISTED = 6


def has_markers(text: str) -> bool:
    """Return whether a text holds the markers that git leaves at a conflict."""
    return re.search(rf"^{_MARKER}", text, re.MULTILINE) is not None


def fault_of(path: Path, text: str) -> str | None:
    """Return why a file's text cannot be read, as the end of a sentence that begins with the path; None: it can."""
    if has_markers(text):
        return _MARKED[False]
    kind = "JSON" if path.suffix == ".json" else "YAML"
    try:
        content = json.loads(text) if kind == "JSON" else YAML(typ="safe").load(text)
    except (YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else getattr(error, "lineno", None)
        return f"is no {kind}" + (f" (line {line})" if line else "")
    if content is not None and not isinstance(content, Mapping):
        return f"is no mapping of keys to values in {kind}"
    return None


def parse_mapping(text: str | None, path: Path, commit: str | None = None) -> dict[str, Any]:
    """Read a YAML file that maps keys to values; a missing or empty one has none.

    Args:
        text: of the file; None: there is none.
        path: of the file, for messages.
        commit: whose file it is; None: the workspace's.

    Raises:
        BaseError: it cannot be read.
    """
    if not text:
        return {}
    try:
        content = YAML(typ="safe").load(text)
    except YAMLError:
        content = ()
    if content is not None and not isinstance(content, Mapping):
        fault = fault_of(path, text) or "cannot be read"
        if commit is not None:
            raise BaseError(f"{path} of commit {commit[:12]} {fault}: name another revision, or see {WRONG_MERGE}")
        raise BaseError(f"{path} {fault}: {way_in_workspace()}")
    return dict(content or {})


WRONG_MERGE = "docs/guides/team.md, A merge that went wrong"
"""Where it is said what to do about a merge that was committed with markers, or with one side's files."""


def faults_in_workspace() -> list[str]:
    """Return sentences that name the files in the workspace that cannot be read."""
    marked = _marked(git.git("grep", *_GREP, "--", *WATCHED))
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in PARSED if path.is_file()}
    return _sentences(marked, texts)


def way_in_workspace() -> str:
    """Say what to do about a file in the workspace that cannot be read."""
    if git.merge_heads():
        return "`python -m curate merge` settles what the merge has left"
    return f"`git checkout HEAD -- FILE` brings back what was committed; where that is no better, see {WRONG_MERGE}"


def is_as_committed() -> bool:
    """Return whether the workspace holds HEAD's files."""
    return git.git("diff", "--quiet", "HEAD", "--", *WATCHED) is not None


def faults_in_index() -> list[str]:
    """Return sentences that name the files that cannot be read in what is about to be committed."""
    return _sentences(marked_in_index(), _texts(""))


def marked_in_index() -> list[Path]:
    """Return the files with conflict markers in what is about to be committed."""
    return _marked(git.git("grep", "--cached", *_GREP, "--", *WATCHED))


def faults_of_commit(commit: str) -> list[str]:
    """Return sentences that name those of a commit's files that cannot be read."""
    marked = commits_with_markers([commit]).get(commit, [])
    return _sentences(marked, _texts(commit))


def commits_with_markers(commits: Sequence[str]) -> dict[str, list[Path]]:
    """Return those of some commits in whose files git has left conflict markers, each with the files.

    Args:
        commits: 40 hexadecimal digits each.
    """
    found: dict[str, list[Path]] = {}
    for start in range(0, len(commits), _AT_ONCE):
        listing = git.git("grep", *_GREP, *commits[start : start + _AT_ONCE], "--", *WATCHED)
        for entry in filter(None, (listing or "").split("\0")):
            commit, _, name = entry.partition(":")
            found.setdefault(commit, []).append(Path(name))
    return found


_GREP = ("-l", "-z", "-I", "-E", "-e", f"^{_MARKER}")
_AT_ONCE = 500


def _marked(listing: str | None) -> list[Path]:
    return [Path(name) for name in (listing or "").split("\0") if name]


def _texts(revision: str) -> dict[Path, str]:
    """Return the texts of the files that are there at a revision; an empty one is the index."""
    texts = {path: git.read_file(revision, path) for path in PARSED}
    return {path: text for path, text in texts.items() if text is not None}


def _sentences(marked: Sequence[Path], texts: Mapping[Path, str]) -> list[str]:
    named = [str(path) for path in marked[:_LISTED]]
    named += [f"{len(marked) - _LISTED} more"] if len(marked) > _LISTED else []
    listed = " and ".join(filter(None, [", ".join(named[:-1]), *named[-1:]]))
    told = [f"{listed} {_MARKED[len(marked) > 1]}"] if marked else []
    faults = {path: fault_of(path, text) for path, text in texts.items() if path not in marked}
    return [*told, *(f"{path} {fault}" for path, fault in faults.items() if fault is not None)]
