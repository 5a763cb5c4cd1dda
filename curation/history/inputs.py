"""The fingerprint of everything but the code that can change the datapool: raw files, parameters, given files."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from curation.params.schema import EXECUTION_KEYS

Fingerprint = Mapping[str, Any]
"""For each kind of input a short hash, or None, so that a message can say which of them changed. The parameters stand
there with their values (`section.key`): a new version of the code may have others."""

NOT_DATAPOOL_SECTIONS = frozenset({"report"})
"""Sections of params.yaml that do not shape the datapool."""

PARAMS = "params"
DESCRIPTIONS = {
    "raw_files": "the raw files",
    PARAMS: "params.yaml (other than `report`)",
    "given_checkpoint": "the file that train.checkpoint names",
    "given_weights": "the file that train.weights names",
    "given_embeddings": "the file that embed.embeddings_file names",
    "removed": "the file that base.removed_file names",
    "given_files": "the files that the section select names",
    "given_objects": "the predictions whose objects are embedded",
    "own_files": "files that stages of your own depend on",
}


def fingerprint(
    raw_files: str,
    params: Mapping[str, Any],
    given_checkpoint: str | None,
    given_files: str | None = None,
    given_weights: str | None = None,
    given_embeddings: str | None = None,
    removed: str | None = None,
    own_files: str | None = None,
    given_objects: str | None = None,
) -> Fingerprint:
    """Combine the inputs.

    Args:
        raw_files: hash of ingest's table, which holds the content hash of every raw file.
        params: the content of params.yaml.
        given_checkpoint: hash of the checkpoint file that the parameters name.
        given_files: hash of the files that the parameters of the selection name.
        given_weights: hash of the file of weights that the parameters name.
        given_embeddings: hash of the file of embeddings that the parameters name.
        removed: hash of the list of what was taken out for good; None where it is empty.
        own_files: hash of other files that stages on the way to the datapool depend on; None for none.
        given_objects: hash of the predictions whose objects are embedded.
    """
    return {
        "raw_files": raw_files,
        PARAMS: flat(shaping_params(params)),
        "given_checkpoint": given_checkpoint,
        "given_files": given_files,
        "given_objects": given_objects,
        "given_weights": given_weights,
        "given_embeddings": given_embeddings,
        "removed": removed,
        "own_files": own_files,
    }


def shaping_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of params.yaml without what cannot change the datapool."""
    return {
        section: {key: value for key, value in values.items() if f"{section}.{key}" not in EXECUTION_KEYS}
        for section, values in params.items()
        if section not in NOT_DATAPOOL_SECTIONS
    }


def flat(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return sections of parameters as one table of `section.key`."""
    return {f"{section}.{key}": value for section, values in params.items() for key, value in values.items()}


def differences(
    before: Fingerprint, after: Fingerprint, defaults: Mapping[str, Any], recorded: Iterable[str] = ()
) -> list[str]:
    """Return the kinds of input that differ. What only one version of the code knows makes no difference by itself.

    Args:
        before: of a committed iteration.
        after: of the workspace.
        defaults: the value of each parameter that a project has which does not name it, by `section.key`.
        recorded: the parameters that dvc.lock knew then. Iterations of long ago have one hash of all parameters.
    """
    kinds = [kind for kind in DESCRIPTIONS if kind != PARAMS and before.get(kind) != after.get(kind)]
    former, present = before.get(PARAMS), after[PARAMS]
    if isinstance(former, Mapping):
        is_same = not changed_keys(former, present, defaults)
    else:
        known = set(recorded)
        older = {
            key: value
            for key, value in present.items()
            if key in known or key.startswith("base.") or key not in defaults or value != defaults[key]
        }
        is_same = former in (_short_hash(_nested(present)), _short_hash(_nested(older)))
    return kinds if is_same else [kind for kind in DESCRIPTIONS if kind in (*kinds, PARAMS)]


def changed_keys(before: Mapping[str, Any], after: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """Return the parameters with another value than before, sorted.

    A parameter that one side does not name has its default there; one that the code no longer knows counts for nothing.
    """
    return sorted(
        key
        for key in before.keys() | after.keys()
        if key in defaults and before.get(key, defaults[key]) != after.get(key, defaults[key])
    )


def changes(before: Fingerprint, after: Fingerprint, defaults: Mapping[str, Any]) -> list[str]:
    """Say which kinds of input differ, in words."""
    words = []
    for kind in differences(before, after, defaults):
        known = kind == PARAMS and isinstance(before.get(PARAMS), Mapping)
        keys = changed_keys(before[PARAMS], after[PARAMS], defaults) if known else []
        words.append(f"{', '.join(keys)} in params.yaml" if keys else DESCRIPTIONS[kind])
    return words


def _nested(params: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return a table of `section.key` as sections again."""
    sections: dict[str, dict[str, Any]] = {}
    for key, value in params.items():
        section, _, name = key.partition(".")
        sections.setdefault(section, {})[name] = value
    return sections


def _short_hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
