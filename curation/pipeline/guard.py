"""What keeps a stage from writing bytes under the name of other code, before it runs.

DVC runs a stage of an accepted iteration again where `dvc.yaml` says something new of it (a parameter that a newer
template has added, for one), or where it is forced to. If the code is no longer the one that the iteration was made by,
the former gets the outputs that the iteration recorded, and the latter an error.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from curation.code.closure import CodeReader
from curation.core.atomic import atomic_file, write_bytes, write_text
from curation.core.errors import BaseError, OtherCodeError
from curation.history import git
from curation.history.code_record import NOT_RECORDED, Digests, digest_of_head, parse_code
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
    if code[name] != digest_of_head(name, head):
        raise OtherCodeError(
            f"{name}: the code has changed since {paths.CODE} was written, and {name} would write its bytes under the "
            "name of other code: run `dvc repro`, which writes it first"
        )
    if not _has_news(stage, head, values, code):
        raise OtherCodeError(_refusal(name, code[name]))
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


def _has_news(stage: Definition, head: Stages, values: Mapping[str, Any], code: Digests) -> bool:
    """Return whether DVC has a reason to run a stage whose record is HEAD's."""
    entry = head[stage.name]
    command = entry.get("cmd", "")
    dependencies = {str(item["path"]) for item in entry.get("deps", [])}
    if list(stage.command) != ([command] if isinstance(command, str) else command):
        return True
    if set(stage.dependencies) != dependencies:
        return True
    if set(stage.outputs) != {str(out["path"]) for out in entry.get("outs", [])}:
        return True
    made = parse_stages(paths.DVC_LOCK.read_text(encoding="utf-8") if paths.DVC_LOCK.is_file() else None)
    if _outputs_in(dependencies, made) != _outputs_in(dependencies, head):
        return True
    for file, known in ((paths.PARAMS, values), (paths.CODE, code)):
        recorded = entry.get("params", {}).get(file.as_posix(), {})
        for key in stage.parameters.get(file.as_posix(), ()):
            if recorded.get(key, _NOTHING) != _value(known, key):
                return True
    return False


def _outputs_in(paths_: Collection[str], stages: Stages) -> dict[str, Any]:
    """Return the recorded hashes of outputs that are one of some paths, or lie below one."""
    outputs = {str(out["path"]): out.get("md5") for stage in stages.values() for out in stage.get("outs", [])}
    folders = tuple(f"{path}/" for path in paths_)
    return {path: value for path, value in outputs.items() if path in paths_ or path.startswith(folders)}


def _value(content: Mapping[str, Any], key: str) -> object:
    try:
        return value_at(content, key)
    except KeyError:
        return _NOTHING


def restore(outputs: tuple[str, ...], head: Stages) -> None:
    """Bring outputs back as HEAD recorded them: from the DVC cache, the remote, or git.

    An output that the code of then did not write is a file that says so: DVC wants one, and no stage reads it, since
    all that do have their outputs of then, too.

    Raises:
        BaseError: they are nowhere.
    """
    from curation.history.dvc_cache import checkout, open_cache

    in_git = outputs_in_git(parse_stages(git.read_file("HEAD", paths.DVC_YAML)))
    for path in map(Path, outputs):
        recorded = output_hash(head, path)
        if recorded is None:
            write_text(path, "The code that made this iteration did not write this output.\n")
        elif path.as_posix() in in_git:
            text = git.read_file("HEAD", path)
            if text is None:
                raise BaseError(f"{path}: git does not hold it at HEAD: `git log -- {path}` says what became of it")
            write_bytes(path, text.encode(errors="surrogateescape"))
        elif recorded.endswith(".dir"):
            checkout(recorded, path)
        else:
            with open_cache() as cache, atomic_file(path) as temporary:
                temporary.write_bytes(cache.file(recorded).read_bytes())
