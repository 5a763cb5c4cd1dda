"""The fingerprint of everything that can change the datapool: raw files, parameters, code, commands, given weights."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curation.core.hashing import sha256_of_file
from curation.history.dvc_lock import Stages
from curation.params.schema import EXECUTION_KEYS

Fingerprint = Mapping[str, str | None]
"""One short hash for each kind of input, so that a message can say which of them changed."""

NOT_DATAPOOL_STAGES = frozenset({"resolve_base", "base", "report"})
"""Stages that do not shape the datapool: two only carry the base, and the report is made from the datapool."""

NOT_DATAPOOL_SECTIONS = frozenset({"report"})
"""Sections of params.yaml that do not shape the datapool."""

CODE_FOLDER = "curation/"
"""Where a dependency that is a folder holds code."""

DESCRIPTIONS = {
    "raw_files": "the raw files",
    "params": "params.yaml (other than `report`)",
    "code": "the code of the stages",
    "commands": "the stages' commands in dvc.yaml",
    "given_checkpoint": "the file that train.checkpoint names",
    "given_weights": "the file that train.weights names",
    "given_embeddings": "the file that embed.embeddings_file names",
    "removed": "the file that base.removed_file names",
    "given_files": "the files that the section select names",
}


def fingerprint(
    raw_files: str,
    params: Mapping[str, Any],
    stages: Stages,
    code: Mapping[str, str],
    given_checkpoint: str | None,
    given_files: str | None = None,
    given_weights: str | None = None,
    given_embeddings: str | None = None,
    removed: str | None = None,
) -> Fingerprint:
    """Combine the inputs.

    Args:
        raw_files: hash of ingest's table, which holds the content hash of every raw file.
        params: the content of params.yaml.
        stages: the stages of dvc.yaml.
        code: content hash of each code file of the datapool's stages.
        given_checkpoint: hash of the checkpoint file that the parameters name.
        given_files: hash of the files that the parameters of the selection name.
        given_weights: hash of the file of weights that the parameters name.
        given_embeddings: hash of the file of embeddings that the parameters name.
        removed: hash of the list of what was taken out for good; None where it is empty.
    """
    shaping = {name: stage for name, stage in stages.items() if name not in NOT_DATAPOOL_STAGES}
    return {
        "raw_files": raw_files,
        "params": _short_hash(shaping_params(params)),
        "code": _short_hash(dict(code)),
        "commands": _short_hash({name: stage.get("cmd") for name, stage in shaping.items()}),
        "given_checkpoint": given_checkpoint,
        "given_files": given_files,
        "given_weights": given_weights,
        "given_embeddings": given_embeddings,
        "removed": removed,
    }


def shaping_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of params.yaml without what cannot change the datapool."""
    return {
        section: {key: value for key, value in values.items() if f"{section}.{key}" not in EXECUTION_KEYS}
        for section, values in params.items()
        if section not in NOT_DATAPOOL_SECTIONS
    }


def code_hashes(stages: Stages, root: Path) -> dict[str, str]:
    """Hash the code files that the datapool's stages depend on, below `root`: those named, and those below folders.

    Hidden files are no code: editors keep copies in them, and links that lead nowhere.
    """
    named = {
        str(dependency)
        for name, stage in stages.items()
        if name not in NOT_DATAPOOL_STAGES
        for dependency in stage.get("deps", [])
    }
    files = {root / path for path in named if path.endswith(".py")}
    for path in named:
        if path.startswith(CODE_FOLDER):
            found = (root / path).rglob("*.py")
            files |= {file for file in found if not any(part[0] == "." for part in file.relative_to(root).parts)}
    return {file.relative_to(root).as_posix(): sha256_of_file(file) for file in sorted(files)}


def changes(before: Fingerprint, after: Fingerprint) -> list[str]:
    """Say which kinds of input differ, in words."""
    return [words for kind, words in DESCRIPTIONS.items() if before.get(kind) != after.get(kind)]


def _short_hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
