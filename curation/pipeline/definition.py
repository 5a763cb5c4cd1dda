"""What `dvc.yaml` says of each stage, as plain data, and which stages an output comes from."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from curation.history.dvc_lock import Stages

_PLACEHOLDER = re.compile(r"\$\{\s*([\w.]+)\s*\}")


@dataclass(frozen=True)
class Definition:
    """One stage of `dvc.yaml`.

    Attributes:
        name: of the stage.
        command: its lines.
        dependencies: paths, without the files of parameters.
        parameters: the keys that it depends on, by the file that they stand in; no keys for the whole file.
        outputs: paths, metrics and plots included.
        digested: parameters of which the digest of its code holds a hash: `meta: {digested_params: […]}`.
    """

    name: str
    command: tuple[str, ...]
    dependencies: tuple[str, ...]
    parameters: Mapping[str, tuple[str, ...]]
    outputs: tuple[str, ...]
    digested: tuple[str, ...] = ()


Pipeline = Mapping[str, Definition]
"""The stages of a `dvc.yaml` by name, in its order."""


def pipeline_of(stages: Stages, values: Mapping[str, Any], params_file: str) -> Pipeline:
    """Read the stages of a `dvc.yaml`.

    Args:
        stages: as `parse_stages` gives them.
        values: content of the file of parameters, for paths that are a parameter: `${ingest.relevant_filenames_file}`.
        params_file: name of the file where keys without one stand.
    """
    return {name: _definition(name, stage.get("do", stage), values, params_file) for name, stage in stages.items()}


def made_by(pipeline: Pipeline, path: str) -> str | None:
    """Return the stage that makes a path: it is its output, or lies in one, or holds one."""
    return next((name for name, one in pipeline.items() if any(_overlap(path, out) for out in one.outputs)), None)


def ancestors(pipeline: Pipeline, path: str) -> frozenset[str]:
    """Return the stages that a path comes from: the one that makes it, and all that make what that needs."""
    found = set[str]()
    waiting = [path]
    while waiting:
        wanted = waiting.pop()
        makers = {name for name, one in pipeline.items() if any(_overlap(wanted, out) for out in one.outputs)}
        for name in makers - found:
            found.add(name)
            waiting += [*pipeline[name].dependencies, *pipeline[name].parameters]
    return frozenset(found)


def keys_asked_of(pipeline: Pipeline, file: str) -> list[str]:
    """Return the keys of a file that stages depend on, in the order of the stages."""
    return list(dict.fromkeys(key for one in pipeline.values() for key in one.parameters.get(file, ())))


def value_at(content: Mapping[str, Any], key: str) -> Any:
    """Return the value of a dotted key, `KeyError` where there is none."""
    found: Any = content
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise KeyError(key)
        found = found[part]
    return found


def _definition(name: str, stage: Mapping[str, Any], values: Mapping[str, Any], params_file: str) -> Definition:
    folder = str(stage.get("wdir", "."))

    def resolved(path: str) -> str:
        return _normal(folder, _filled(path, values))

    command = stage.get("cmd", [])
    lines = [command] if isinstance(command, str) else [str(line) for line in command]
    parameters: dict[str, tuple[str, ...]] = {}
    for entry in stage.get("params") or []:
        if isinstance(entry, Mapping):
            parameters |= {resolved(str(file)): tuple(map(str, keys or ())) for file, keys in entry.items()}
        else:
            file = resolved(params_file)
            parameters[file] = (*parameters.get(file, ()), str(entry))
    return Definition(
        name=name,
        command=tuple(lines),
        dependencies=tuple(resolved(path) for path in _paths(stage.get("deps") or [])),
        parameters=parameters,
        outputs=tuple(
            resolved(path) for kind in ("outs", "metrics", "plots") for path in _paths(stage.get(kind) or [])
        ),
        digested=tuple(map(str, (stage.get("meta") or {}).get("digested_params", ()))),
    )


def _paths(entries: Sequence[Any]) -> Iterator[str]:
    for entry in entries:
        yield from (map(str, entry) if isinstance(entry, Mapping) else [str(entry)])


def _filled(text: str, values: Mapping[str, Any]) -> str:
    def value(match: re.Match[str]) -> str:
        try:
            return str(value_at(values, match[1]))
        except KeyError:
            return match[0]

    return _PLACEHOLDER.sub(value, text)


def _normal(folder: str, path: str) -> str:
    """Return a path as DVC names it, relative to the project."""
    parts: list[str] = []
    for part in PurePosixPath(folder, path).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
