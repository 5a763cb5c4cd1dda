"""Which code an iteration was made by: `code.json`, one digest for each stage that names its key in there.

The code that made an iteration is part of its record, and new code begins with new data. So where everything but the
code is as at HEAD, whose iteration is accepted, HEAD's digests stay, whatever the code is by now: no stage runs again.
"""

import csv
import json
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from curation.code.closure import CodeReader
from curation.core.errors import CurationError
from curation.core.hashing import md5_of_file
from curation.history import git
from curation.history.dvc_lock import Stages, output_hash
from curation.pipeline import paths
from curation.pipeline.definition import Definition, Pipeline, ancestors, keys_asked_of, made_by, value_at

Digests = Mapping[str, str]
"""Digest of the code, by stage."""

NOT_RECORDED = "not recorded"
"""Begins the digest of a stage in an iteration that was made before digests were kept. What follows names its outputs,
so that DVC's cache of runs cannot take another iteration's for them."""


def parse_code(text: str | None) -> Digests | None:
    """Read the content of a `code.json`; None where there is none."""
    try:
        content = json.loads(text) if text else None
    except ValueError:
        return None
    return {str(key): str(value) for key, value in content.items()} if isinstance(content, dict) else None


def digests_now(pipeline: Pipeline, file: Path, root: Path = Path()) -> dict[str, str]:
    """Return the digest of the code as it is now, of each stage whose key some stage names in a file.

    Args:
        pipeline: the stages.
        file: `code.json`, or that of the stages before it.
        root: the project's folder.

    Raises:
        CurationError: a key is not the name of a stage.
    """
    reader = CodeReader(root, root / paths.CODE_MEMORY if (root / ".dvc").is_dir() else None)
    keys = keys_asked_of(pipeline, file.as_posix())
    if unknown := [key for key in keys if key not in pipeline]:
        raise CurationError(
            f"{paths.DVC_YAML}: the keys of {file} are names of stages, and there is no stage {', '.join(unknown)}"
        )
    digests = {key: reader.digest(pipeline[key].command) for key in keys}
    reader.remember()
    return digests


def early_code(pipeline: Pipeline, head: Stages, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> Digests:
    """Return the code of the stages that run before an iteration's code is known, such as `ingest`.

    A stage whose inputs are those that HEAD recorded has HEAD's digest, so that new code alone does not run it.

    Args:
        pipeline: the stages.
        head: of HEAD's dvc.lock.
        values: content of params.yaml.
        defaults: the value of each parameter that a project has which does not name it.
    """
    digests = digests_now(pipeline, paths.EARLY_CODE)
    for name in digests:
        stage, entry = pipeline[name], head.get(name, {})
        parameters = _parameters_hash(stage, values, defaults)
        known = str(entry.get("params", {}).get(paths.EARLY_CODE.as_posix(), {}).get(name, ""))
        is_pinned = known.endswith(parameters) and runs_as_recorded(pipeline, stage, head, values, defaults)
        digests[name] = known if known and is_pinned else digests[name] + parameters
    return digests


def _parameters_hash(stage: Definition, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Return what a digest ends with for the parameters that count with the code; nothing for none."""
    found = {key: _value(values, key, defaults) for key in stage.digested}
    return f"-{sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:8]}" if found else ""


def pinned_code(
    pipeline: Pipeline, now: Digests, head: Stages, values: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, str]:
    """Return the code of HEAD's iteration, which is accepted.

    A stage that does not shape the datapool runs with the code as it is now once something else of it has changed.

    Args:
        pipeline: the stages.
        now: their code as it is now.
        head: of HEAD's dvc.lock.
        values: content of params.yaml.
        defaults: the value of each parameter that a project has which does not name it.
    """
    shaping = ancestors(pipeline, paths.DATAPOOL.as_posix())
    code = dict(now)
    for name in now:
        recorded = digest_of_head(name, head)
        if recorded and (name in shaping or runs_as_recorded(pipeline, pipeline[name], head, values, defaults)):
            code[name] = recorded
    return code


def digest_of_head(name: str, head: Stages) -> str | None:
    """Return the digest of the code that a stage of HEAD's iteration ran by.

    It is the one in dvc.lock, by which DVC decides. Iterations of the time before digests have something in its place.

    Args:
        name: of the stage.
        head: of HEAD's dvc.lock.

    Returns:
        None where the stage was not there, or did not name its key.
    """
    if name not in head:
        return None
    known = head[name].get("params", {}).get(paths.CODE.as_posix(), {}).get(name)
    code = parse_code(git.read_file("HEAD", paths.CODE))
    if known is None and code is None:
        return not_recorded(head[name])
    return str(known) if known is not None else (code or {}).get(name)


def not_recorded(entry: Mapping[str, Any]) -> str:
    """Return what stands for the digest of a stage that ran before digests were kept."""
    outputs = json.dumps([[out.get("path"), out.get("md5")] for out in entry.get("outs", [])])
    return f"{NOT_RECORDED}, {sha256(outputs.encode()).hexdigest()[:16]}"


def runs_as_recorded(
    pipeline: Pipeline,
    stage: Definition,
    head: Stages,
    values: Mapping[str, Any],
    defaults: Mapping[str, Any],
) -> bool:
    """Whether a stage's command, parameters and own files are those of a record, and nothing else is new about it.

    What other stages make for it is not compared. A folder that DVC does not track by itself counts as changed. A stage
    that reads what the code of then did not write cannot run otherwise than it did.
    """
    entry = head.get(stage.name, {})
    if any(_was_not_written(pipeline, path, head) for path in stage.dependencies):
        return True
    recorded = {str(item["path"]): item for item in entry.get("deps", [])}
    outputs = {str(item["path"]) for item in entry.get("outs", [])}
    own = [path for path in stage.dependencies if made_by(pipeline, path) is None]
    return (
        list(stage.command) == _lines(entry.get("cmd", ""))
        and all(_is_known(path, recorded) for path in stage.dependencies)
        and outputs >= set(stage.outputs)
        and all(_is_unchanged(Path(path), recorded.get(path, {}).get("md5")) for path in own)
        and all(_same_value(key, entry, values, defaults) for key in stage.parameters.get(paths.PARAMS.as_posix(), ()))
    )


def _was_not_written(pipeline: Pipeline, path: str, head: Stages) -> bool:
    """Whether a path is an output of a stage that ran then, and had no such output."""
    maker = head.get(made_by(pipeline, path) or "")
    return maker is not None and not any(_is_known(path, [str(out["path"])]) for out in maker.get("outs", []))


def _is_known(path: str, recorded: Collection[str]) -> bool:
    """Return whether a path was a dependency then, or, of a folder, something in it."""
    return path in recorded or any(known.startswith(f"{path}/") for known in recorded)


def _lines(command: str | list[str]) -> list[str]:
    return [command] if isinstance(command, str) else [str(line) for line in command]


def _is_unchanged(path: Path, recorded: str | None) -> bool:
    if path.is_file():
        return md5_of_file(path) == recorded
    tracked = path.with_name(f"{path.name}.dvc")
    if not tracked.is_file():
        return False
    content = _yaml(tracked.read_text(encoding="utf-8"))
    is_imported = bool(content.get("deps")) or bool(content.get("frozen"))
    return not is_imported and [out.get("md5") for out in content.get("outs", [])] == [recorded]


def _yaml(text: str) -> dict[str, Any]:
    from ruamel.yaml import YAML

    content = YAML(typ="safe").load(text)
    return content if isinstance(content, dict) else {}


def _same_value(key: str, entry: Mapping[str, Any], values: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    """Whether a parameter, or each of a section, has the value that was recorded; new ones may have their default."""
    recorded = entry.get("params", {}).get(paths.PARAMS.as_posix(), {})
    now = _value(values, key, defaults)
    before = recorded[key] if key in recorded else defaults.get(key)
    if not (isinstance(now, Mapping) and isinstance(before, Mapping) and "." not in key):
        return bool(before == now)
    of_section = {name.partition(".")[2]: value for name, value in defaults.items() if name.startswith(f"{key}.")}
    return {**of_section, **before} == {**of_section, **now}


def _value(values: Mapping[str, Any], key: str, defaults: Mapping[str, Any]) -> Any:
    """Return a parameter's value, or a section's."""
    try:
        return value_at(values, key)
    except KeyError:
        return defaults.get(key)


def what_changed(now: Digests, code: Digests, head: Stages) -> str | None:
    """Say what is different from the code of HEAD's iteration; None where nothing is.

    Args:
        now: the code as it is now.
        code: that of the iteration.
        head: of HEAD's dvc.lock.
    """
    pairs = [(now[name], code[name]) for name in now if now[name] != code[name]]
    if not pairs:
        return None
    iteration = iteration_of_head(head)
    if any(was.startswith(NOT_RECORDED) for _, was in pairs):
        return f"which code made {iteration} was not recorded, and it may have changed"
    only_libraries = all(one.partition("-")[0] == other.partition("-")[0] for one, other in pairs)
    return f"{'versions of libraries have' if only_libraries else 'the code has'} changed since {iteration}"


def iteration_of_head(head: Stages) -> str:
    """Name the iteration that HEAD holds: by its number, where the DVC cache has its log."""
    from curation.history.dvc_cache import read_file

    datapool = output_hash(head, paths.DATAPOOL)
    log = read_file(datapool, "iterations.csv") if datapool else None
    rows = list(csv.DictReader(log.decode().splitlines())) if log else []
    return f"iteration {rows[-1]['iteration']}" if rows else "HEAD's iteration"
