"""The record of a `dvc.lock`: hashes of dependencies and outputs, as plain data."""

import re
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from curation.history import git
from curation.history.readable import parse_mapping

Stages = Mapping[str, Any]
"""The `stages` section of a dvc.lock or dvc.yaml: stage name to its entry."""

DATAPOOL_HASH = re.compile(r"[0-9a-f]{32}\.dir")
"""DVC's name for the content of a folder."""


def parse_stages(text: str | None, path: Path = Path("dvc.lock"), commit: str | None = None) -> Stages:
    """Return the stages of a dvc.lock or dvc.yaml; none for a missing or empty file.

    Args:
        text: of the file; None: there is none.
        path: of the file, for messages.
        commit: whose file it is; None: the workspace's.

    Raises:
        BaseError: it cannot be read.
    """
    stages: Stages = deepcopy(_parsed(text, path, commit)) if text else {}
    return stages


@lru_cache(maxsize=4)
def _parsed(text: str, path: Path, commit: str | None) -> Stages:
    """Parse a file once: that takes longer than most of what a stage does before it runs."""
    stages: Stages = parse_mapping(text, path, commit).get("stages") or {}
    return stages


def stages_at(revision: str, lock: Path) -> Stages:
    """Return the stages of the `dvc.lock` committed at a revision; none where there is no such file.

    Raises:
        BaseError: it cannot be read.
    """
    return parse_stages(git.read_file(revision, lock), lock, revision)


def output_hash(stages: Stages, path: Path) -> str | None:
    """Return the hash that an output was recorded with."""
    return _recorded_hash([out for stage in stages.values() for out in stage.get("outs", [])], path)


def dependency_hash(stages: Stages, stage: str, path: Path) -> str | None:
    """Return the hash that a dependency of a stage was recorded with."""
    return _recorded_hash(stages.get(stage, {}).get("deps", []), path)


def recorded_params(stages: Stages) -> frozenset[str]:
    """Return the parameters of params.yaml whose values a dvc.lock holds, as `section.key`."""
    found = set[str]()
    for stage in stages.values():
        for key, value in stage.get("params", {}).get("params.yaml", {}).items():
            found |= {f"{key}.{name}" for name in value} if isinstance(value, Mapping) and "." not in key else {key}
    return frozenset(found)


def outputs_in_git(stages: Stages) -> frozenset[str]:
    """Return the paths of the outputs in a dvc.yaml that git holds itself (`cache: false`)."""
    entries = [
        entry
        for stage in stages.values()
        for kind in ("outs", "metrics", "plots")
        for entry in stage.get(kind, [])
        if isinstance(entry, dict)
    ]
    return frozenset(
        str(path)
        for entry in entries
        for path, options in entry.items()
        if isinstance(options, dict) and options.get("cache") is False
    )


def cached_outputs(lock: Stages, pipeline: Stages) -> dict[str, str]:
    """Return the hash of each output that the DVC cache holds, by its path.

    Args:
        lock: of dvc.lock.
        pipeline: of dvc.yaml.
    """
    in_git = outputs_in_git(pipeline)
    outs = [out for stage in lock.values() for out in stage.get("outs", [])]
    return {str(out["path"]): str(out["md5"]) for out in outs if "md5" in out and out["path"] not in in_git}


def _recorded_hash(entries: list[dict[str, Any]], path: Path) -> str | None:
    return next((str(entry["md5"]) for entry in entries if entry["path"] == path.as_posix() and "md5" in entry), None)
