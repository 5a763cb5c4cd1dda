"""Whether an iteration comes out the same when it is made again from what its commit recorded.

Sound objects prove that nothing was damaged, not that the pipeline made them: whoever rewrites a selection can put it
into the cache and its hash into `dvc.lock`. So the stages that decide what is in a datapool run again: in a temporary
folder, with the commit's own code, the inputs by the hashes that `dvc.lock` recorded, and the parameters in there.

What comes before (decoding, training, embedding) is taken as recorded: it takes long, and its last digits depend on the
machine.

Only the code that made an iteration can make it again. Where the commit holds other code, or none was recorded, the
verdict says so, and accuses nobody.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from curation.core.atomic import link_or_copy, remove, write_json
from curation.core.errors import BaseError
from curation.core.hashing import md5_of_file
from curation.datapool.pictures import PICTURES_CSV, PICTURES_FOLDER
from curation.history import git
from curation.history.dvc_cache import Cache
from curation.inspection.code_then import CodeThen, code_in, run_module
from curation.inspection.contradictions import contradictions, records_an_iteration
from curation.inspection.recorded import recorded_locks
from curation.inspection.revision import Revision
from curation.pipeline import paths

STAGES = ("select", "merge_datapool")
"""The stages that run again, in their order."""

RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE = 1e-4, 1e-5
"""The largest difference between numbers that two machines have computed."""


@dataclass(frozen=True)
class Replay:
    """The outcome of making an iteration again.

    Attributes:
        stages: those whose outputs came out the same.
        rounded: outputs that are the same but for the last digits of numbers.
        left_out: why a stage did not run, a sentence each.
        lies: what the record says and what is not so, a sentence each.
    """

    stages: tuple[str, ...] = ()
    rounded: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    lies: tuple[str, ...] = ()


@dataclass
class Replayer:
    """Makes iterations again, each recorded run of a stage once, however many commits share it."""

    _known: dict[str, Replay] = field(default_factory=dict)

    def replay(self, recorded: Revision) -> Replay:
        """Make a commit's iteration again, and check what it builds on.

        Raises:
            BaseError: git cannot give the commit's files.
        """
        parts = [Replay(lies=tuple(contradictions(recorded, STAGES)))]
        makers = {name: made_at(recorded, name) for name in STAGES if name in recorded.stages}
        waiting = [name for name, maker in makers.items() if self._key(maker, name) not in self._known]
        for maker in {makers[name].commit: makers[name] for name in waiting}.values():
            with TemporaryDirectory(prefix="verify-", dir=_temporary_root()) as folder:
                unpack(maker, Path(folder))
                for name in waiting:
                    if makers[name].commit == maker.commit:
                        self._known[self._key(maker, name)] = replay_stage(maker, name, Path(folder))
        parts += [self._known[self._key(maker, name)] for name, maker in makers.items()]
        return Replay(
            *(
                tuple(text for part in parts for text in getattr(part, name))
                for name in ("stages", "rounded", "left_out", "lies")
            )
        )

    def _key(self, recorded: Revision, name: str) -> str:
        return json.dumps([name, recorded.stages[name]], sort_keys=True, default=str)


def replay_stage(recorded: Revision, name: str, folder: Path) -> Replay:
    """Run one stage again.

    Args:
        recorded: whose record.
        name: of the stage.
        folder: the commit's files.
    """
    cache, stage = recorded.cache, recorded.stages[name]
    read = [str(item["path"]) for item in stage.get("deps", [])]
    made = [out for one in recorded.stages.values() for out in one.get("outs", []) if _is_in(str(out["path"]), read)]
    inputs = [item for item in made if "md5" in item and not recorded.is_in_git(item["path"])]
    outputs = [item for item in stage.get("outs", []) if "md5" in item and not recorded.is_in_git(item["path"])]
    if absent := _first_absent(cache, [*inputs, *outputs]):
        return Replay(left_out=(f"{name} is not made again: {absent} is not in the cache (--fetch brings it)",))
    code = code_in(folder, stage, name)
    if code.is_same is None:
        return Replay(left_out=(f"{name} is not made again: its code was not recorded",))
    if not code.is_same:
        return Replay(left_out=(f"{name} was made by other code than the commit holds, and is not made again",))
    for item in [*inputs, *outputs]:
        remove(folder / item["path"])
    for item in outputs:
        lay_out_pictures(cache, item, folder)
    for item in inputs:
        materialise(cache, str(item["md5"]), folder / item["path"])
    use_recorded_params(stage.get("params", {}).get(paths.PARAMS.as_posix(), {}), folder / paths.PARAMS)
    if code.digests:
        write_json(folder / paths.CODE, code.digests)  # that of the libraries here is in there
    if failure := run_stage(name, folder):
        return _outcome(code, f"{name} fails when it is run again: {failure}")
    rounded, lies = [], []
    for path, wanted, found in _compared(cache, outputs, folder):
        if wanted and found and is_same_but_for_digits(cache.path(wanted), folder / path):
            rounded.append(path)
        elif wanted != found:
            lies.append(f"{path}: recorded {wanted or 'not at all'}, but {name} makes {found or 'none'}")
    return _outcome(code, *lies) if lies else Replay((name,), tuple(rounded))


def _outcome(code: CodeThen, *lies: str) -> Replay:
    """Return what came of a stage whose outputs came out otherwise: no lie where other libraries may be the reason."""
    if code.has_other_libraries:
        return Replay(left_out=(f"with other versions of libraries than then, it comes out otherwise ({lies[0]})",))
    return Replay(lies=lies)


def made_at(recorded: Revision, name: str) -> Revision:
    """Return the commit at which a stage's outputs came up that a commit records: itself where it is an iteration.

    A commit between two iterations may record the stage anew without having run it: other parameters have come up.
    """
    if records_an_iteration(recorded):
        return recorded
    found = recorded
    for earlier in filter(lambda one: one.is_readable, recorded_locks(recorded)):
        if _outputs(earlier, name) != _outputs(recorded, name):
            break
        found = earlier
    return found


def _outputs(recorded: Revision, name: str) -> list[tuple[str, Any]]:
    return [(str(out["path"]), out.get("md5")) for out in recorded.stages.get(name, {}).get("outs", [])]


def unpack(recorded: Revision, folder: Path) -> None:
    """Put the files that git holds of a commit, below the project's folder, into an empty folder.

    Beside them lies what this project has read of its code: stages need not parse again what is the same.
    """
    if not git.unpack(str(recorded.commit), folder):
        raise BaseError(f"{recorded.name}: git cannot give the files of this commit; `git fsck` says what is wrong")
    if paths.CODE_MEMORY.is_file():
        memory = folder / paths.CODE_MEMORY
        remove(memory)
        memory.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(paths.CODE_MEMORY, memory)


def materialise(cache: Cache, object_hash: str, target: Path) -> None:
    """Link (or copy) a file or folder out of the cache."""
    if not object_hash.endswith(".dir"):
        link_or_copy(cache.path(object_hash), target)
        return
    target.mkdir(parents=True)
    for name, file_hash in cache.listing(object_hash).items():
        link_or_copy(cache.path(file_hash), target / name)


def lay_out_pictures(cache: Cache, output: Mapping[str, Any], folder: Path) -> None:
    """Put the pictures that a datapool kept where the stage finds what an earlier run made: they are not made again.

    Raw files are not at hand where an iteration is made again; the pictures are checked by their hashes alone.
    """
    if output["path"] != paths.DATAPOOL.as_posix():
        return
    for name, file_hash in cache.listing(str(output["md5"])).items():
        if name.startswith((f"{PICTURES_FOLDER}/", PICTURES_CSV)):
            link_or_copy(cache.path(file_hash), folder / paths.DATAPOOL / name)


def use_recorded_params(recorded: Mapping[str, Any], path: Path) -> None:
    """Write the parameters that a stage ran with over those that were committed, which may have been changed since.

    Args:
        recorded: of `dvc.lock`: a section, or section.key, and its value.
        path: of `params.yaml`.
    """
    content = YAML(typ="safe").load(path.read_text()) or {}
    for key, value in recorded.items():
        section, _, name = key.partition(".")
        if name:
            content.setdefault(section, {})[name] = value
        else:
            content[section] = value
    path.unlink()
    with path.open("w") as file:
        YAML(typ="safe").dump(content, file)


def run_stage(name: str, folder: Path) -> str | None:
    """Run a stage in a folder, and return the last line that it printed if it failed."""
    done = run_module(folder, f"stages.{name}")
    if done.returncode == 0:
        return None
    return ((done.stdout + done.stderr).strip().splitlines() or [f"exit status {done.returncode}"])[-1]


def is_same_but_for_digits(wanted: Path, found: Path) -> bool:
    """Return whether two tables differ in the last digits of numbers only. The second's name tells their kind."""
    if found.suffix not in {".csv", ".parquet"} or md5_of_file(wanted) == md5_of_file(found):
        return False
    read = pd.read_parquet if found.suffix == ".parquet" else pd.read_csv
    try:
        left, right = read(wanted), read(found)
    except (OSError, ValueError):
        return False
    if list(left.columns) != list(right.columns) or list(left.dtypes) != list(right.dtypes) or len(left) != len(right):
        return False
    return all(
        np.allclose(left[name], right[name], RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE, equal_nan=True)
        if pd.api.types.is_float_dtype(left[name])
        else left[name].equals(right[name])
        for name in left.columns
    )


def _compared(
    cache: Cache, outputs: list[dict[str, Any]], folder: Path
) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield path, recorded hash and present hash of every file of some outputs; None where there is no such file."""
    for output in outputs:
        path, recorded = str(output["path"]), str(output["md5"])
        made = folder / path
        if recorded.endswith(".dir"):
            wanted = {f"{path}/{name}": value for name, value in cache.listing(recorded).items()}
            files = [file for file in made.rglob("*") if file.is_file()]
        else:
            wanted = {path: recorded}
            files = [made] if made.is_file() else []
        found = {file.relative_to(folder).as_posix(): md5_of_file(file) for file in files}
        for name in sorted(wanted.keys() | found.keys()):
            yield name, wanted.get(name), found.get(name)


def _is_in(path: str, places: Sequence[str]) -> bool:
    """Return whether a path is one of some files and folders, or lies below one."""
    return any(path == place or path.startswith(f"{place}/") for place in places)


def _first_absent(cache: Cache, items: list[dict[str, Any]]) -> str | None:
    """Return the path of the first object that the cache does not hold."""
    for item in items:
        path, object_hash = str(item["path"]), str(item["md5"])
        if not cache.has(object_hash):
            return path
        if object_hash.endswith(".dir"):
            for name, file_hash in cache.listing(object_hash).items():
                if not cache.has(file_hash):
                    return f"{path}/{name}"
    return None


def _temporary_root() -> Path | None:
    """Return DVC's folder for temporary files: mostly in the file system of the cache, so that links cost nothing."""
    folder = Path(".dvc/tmp")
    if not folder.parent.is_dir():
        return None
    folder.mkdir(exist_ok=True)
    return folder
