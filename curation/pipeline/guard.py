"""What keeps a stage from writing bytes under the name of other code, before it runs.

DVC runs a stage of an accepted iteration again where `dvc.yaml` says something new of it (a parameter that a newer
template has added, for one), or where it is forced to. If the code is no longer the one that the iteration was made by,
the former gets the outputs that the iteration recorded, and the latter an error.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curation.code.closure import CodeReader
from curation.core.atomic import atomic_file, write_bytes
from curation.core.errors import BaseError, OtherCodeError
from curation.history import git
from curation.history.code_record import NOT_RECORDED, Digests, not_recorded, parse_code
from curation.history.dvc_lock import Stages, output_hash, outputs_in_git, parse_stages, stages_at
from curation.params.load import read_yaml
from curation.pipeline import paths
from curation.pipeline.definition import Definition, pipeline_of, value_at

_NOTHING = object()


def outputs_of_record(name: str) -> str | None:
    """Bring a stage's outputs back as HEAD's iteration recorded them, where its code is no longer at hand.

    Args:
        name: of the stage.

    Returns:
        What was done, in words; None where the stage is to run.

    Raises:
        OtherCodeError: the stage was forced to run by code that the iteration was not made by.
    """
    code = parse_code(paths.CODE.read_text(encoding="utf-8")) if paths.CODE.is_file() else None
    stages = parse_stages(paths.DVC_YAML.read_text(encoding="utf-8")) if paths.DVC_YAML.is_file() else {}
    if code is None or name not in code or name not in stages:
        return None
    values = read_yaml(paths.PARAMS) or {}
    stage = pipeline_of(stages, values, paths.PARAMS.as_posix())[name]
    reader = CodeReader(Path(), paths.CODE_MEMORY if paths.CODE_MEMORY.parent.is_dir() else None)
    if code[name] == reader.digest(stage.command):
        return None
    head = stages_at("HEAD", paths.DVC_LOCK)
    entry = head.get(name)
    if entry is None or not _is_of_head(name, code, entry):
        raise OtherCodeError(
            f"{name}: the code has changed since {paths.CODE} was written, and {name} would write its bytes under the "
            "name of other code: run `dvc repro`, which writes it first"
        )
    if not _has_news(stage, entry, values, code):
        raise OtherCodeError(_refusal(name, code[name]))
    recorded = {str(out["path"]) for out in entry.get("outs", []) if "md5" in out}
    if unknown := sorted(set(stage.outputs) - recorded):
        raise OtherCodeError(
            f"{name}: HEAD's iteration was made by other code, which did not write {', '.join(unknown)}. {_WAYS}"
        )
    restore(stage.outputs, head)
    return "outputs as HEAD's iteration recorded them, which other code has made"


_WAYS = (
    "New code begins with new data: add files to data/raw, then `dvc repro`. To make the last iteration again with "
    "this code: `git reset --soft HEAD~1`, then `dvc repro`"
)


def _refusal(name: str, recorded: str) -> str:
    if recorded.startswith(NOT_RECORDED):
        return f"{name}: it is not known which code has made HEAD's iteration, so it is not made again. {_WAYS}"
    return (
        f"{name}: HEAD's iteration was made by other code (or other versions of libraries) than there is now, so "
        f"{name} would write other bytes under its name. {_WAYS}; without --force nothing has to run"
    )


def _is_of_head(name: str, code: Digests, entry: Mapping[str, Any]) -> bool:
    """Return whether a digest is the one of HEAD's iteration."""
    recorded = parse_code(git.read_file("HEAD", paths.CODE))
    return code[name] == (not_recorded(entry) if recorded is None else recorded.get(name))


def _has_news(stage: Definition, entry: Mapping[str, Any], values: Mapping[str, Any], code: Digests) -> bool:
    """Return whether DVC has a reason to run a stage whose record is HEAD's."""
    command = entry.get("cmd", "")
    dependencies = {str(item["path"]): item.get("md5") for item in entry.get("deps", [])}
    if list(stage.command) != ([command] if isinstance(command, str) else command):
        return True
    if set(stage.dependencies) != set(dependencies):
        return True
    if set(stage.outputs) != {str(out["path"]) for out in entry.get("outs", [])}:
        return True
    made = parse_stages(paths.DVC_LOCK.read_text(encoding="utf-8") if paths.DVC_LOCK.is_file() else None)
    if any(output_hash(made, Path(path)) not in (None, recorded) for path, recorded in dependencies.items()):
        return True
    for file, known in ((paths.PARAMS, values), (paths.CODE, code)):
        recorded = entry.get("params", {}).get(file.as_posix(), {})
        for key in stage.parameters.get(file.as_posix(), ()):
            if recorded.get(key, _NOTHING) != _value(known, key):
                return True
    return False


def _value(content: Mapping[str, Any], key: str) -> object:
    try:
        return value_at(content, key)
    except KeyError:
        return _NOTHING


def restore(outputs: tuple[str, ...], head: Stages) -> None:
    """Bring outputs back as HEAD recorded them: from the DVC cache, the remote, or git.

    Raises:
        BaseError: they are nowhere.
    """
    from curation.history.dvc_cache import checkout, open_cache

    in_git = outputs_in_git(parse_stages(git.read_file("HEAD", paths.DVC_YAML)))
    for path in map(Path, outputs):
        recorded = str(output_hash(head, path))
        if path.as_posix() in in_git:
            text = git.read_file("HEAD", path)
            if text is None:
                raise BaseError(f"{path}: git does not hold it at HEAD: `git log -- {path}` says what became of it")
            write_bytes(path, text.encode(errors="surrogateescape"))
        elif recorded.endswith(".dir"):
            checkout(recorded, path)
        else:
            with open_cache() as cache, atomic_file(path) as temporary:
                temporary.write_bytes(cache.file(recorded).read_bytes())
