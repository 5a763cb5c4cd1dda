"""Files of DVC that a kill has left cut off, and what becomes of them.

DVC writes `dvc.lock`, the `.dvc` files and its list of running commands (`.dvc/tmp/rwlock`) in place. Killed in the
middle of that, it leaves the beginning of one, or nothing in it, and then refuses its commands or, worse, takes it for
a file that says nothing. Git has the first two; DVC makes the last one anew.

Nothing here needs DVC, which cannot read the project in this state. Whole files are never touched.
"""

import fcntl
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from curation.core.atomic import atomic_file, write_bytes
from curation.core.errors import BaseError
from curation.history import git
from curation.history.readable import has_markers

LOCK = Path("dvc.lock")
TEMPORARY = Path(".dvc/tmp")
RUNNING = TEMPORARY / "rwlock"
"""DVC's list of the commands that run."""

KEPT = TEMPORARY / "cut-off"
"""Where what was left of a file goes: nothing gets lost that somebody may want to look at."""

_GUARDS = (TEMPORARY / "lock", TEMPORARY / "rwlock.lock")
"""What DVC locks while it writes."""

_SECONDS = 3.0


@dataclass(frozen=True)
class Repaired:
    """What became of one file.

    Attributes:
        path: of the file.
        action: what was done, as the rest of a sentence that begins with the path.
    """

    path: Path
    action: str


def cut_off_files() -> list[Path]:
    """Return the files of DVC in the current project that are cut off, sorted."""
    return sorted(path for path in [RUNNING, *dvc_files()] if _exists(path) and not is_whole(path, _read(path)))


def refuse_cut_off_files() -> None:
    """Make sure that no file of DVC is cut off.

    Raises:
        BaseError: one is.
    """
    if paths := cut_off_files():
        names = " and ".join(map(str, paths))
        raise BaseError(
            f"{names}: cut off, as DVC leaves it when it is killed while it writes. "
            "Run `python -m curate repair`, then `dvc repro`"
        )


def dvc_files() -> list[Path]:
    """Return `dvc.lock` and the `.dvc` files of the project that are there, tracked by git or not."""
    listing = git.git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.dvc", str(LOCK)) or ""
    names = {*filter(None, listing.split("\0")), str(LOCK)}
    return sorted(path for path in map(Path, names) if _exists(path))


def is_whole(path: Path, text: str) -> bool:
    """Return whether the text of a file of DVC was written to its end; a file that git has left in conflict was."""
    if path == RUNNING:
        return _is_whole_list_of_running(text)
    if has_markers(text):
        return True
    return text.endswith("\n") and (_is_whole_lock if path.name == LOCK.name else _is_whole_dvc_file)(text)


def repair() -> list[Repaired]:
    """Bring back, from git, what a kill left cut off, and delete what DVC makes anew.

    Returns:
        What was done; empty where nothing was cut off.

    Raises:
        BaseError: DVC is running.
    """
    if not cut_off_files():
        return []
    with _dvc_is_still():
        return [_repair(path) for path in cut_off_files()]


def _repair(path: Path) -> Repaired:
    if path == RUNNING:
        path.unlink()
        return Repaired(path, "was cut off: deleted, DVC makes it anew")
    kept = KEPT / path
    kept.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(kept) as temporary:
        shutil.copyfile(path, temporary)
    for revision, name in ((":0", "staged"), ("HEAD", "committed")):
        text = git.read_file(revision, path)
        if text is not None and is_whole(path, text):
            mode = path.stat().st_mode & 0o777
            write_bytes(path, text.encode(errors="surrogateescape"))
            path.chmod(mode)
            return Repaired(path, f"was cut off: brought back from git, as {name}; what was left of it is {kept}")
    path.unlink()
    if path == LOCK:
        return Repaired(path, f"was cut off, and git has none: taken away to {kept}, `dvc repro` makes it anew")
    again = f"`dvc add {path.with_suffix('')}` makes it anew"
    return Repaired(path, f"was cut off, and git has none: taken away to {kept}; {again}")


def _is_whole_lock(text: str) -> bool:
    """Return whether a text has a version and, for each stage, its command."""
    content = _yaml(text)
    if not isinstance(content, dict) or "schema" not in content:
        return False
    stages = content.get("stages", {})
    return isinstance(stages, dict) and all(
        isinstance(stage, dict)
        and "cmd" in stage
        and isinstance(params := stage.get("params", {}), dict)
        and all(isinstance(values, dict) for values in params.values())
        and _has_whole_entries(stage)
        for stage in stages.values()
    )


def _is_whole_dvc_file(text: str) -> bool:
    """Return whether a text names what a `.dvc` file stands for, or what that comes from."""
    content = _yaml(text)
    return isinstance(content, dict) and bool(content.keys() & {"outs", "deps"}) and _has_whole_entries(content)


def _has_whole_entries(content: dict[str, Any]) -> bool:
    """Return whether all dependencies and outputs that are listed have a path."""
    kinds = [content.get(kind, []) for kind in ("deps", "outs")]
    return all(
        isinstance(entries, list) and all(isinstance(entry, dict) and "path" in entry for entry in entries)
        for entries in kinds
    )


def _is_whole_list_of_running(text: str) -> bool:
    """Return whether a text lists, for each path, the commands that write it, or read it."""
    try:
        content = json.loads(text)
    except ValueError:
        return False
    if not isinstance(content, dict) or not content.keys() <= {"read", "write"}:
        return False
    if not all(isinstance(paths, dict) for paths in content.values()):
        return False
    readers = content.get("read", {}).values()
    if not all(isinstance(commands, list) for commands in readers):
        return False
    commands = [*content.get("write", {}).values(), *(command for several in readers for command in several)]
    return all(isinstance(command, dict) and command.keys() == {"pid", "cmd"} for command in commands)


def _yaml(text: str) -> object:
    try:
        return YAML(typ="safe").load(text)
    except (YAMLError, ValueError):
        return None


def _read(path: Path) -> str:
    return path.read_bytes().decode(errors="surrogateescape")


def _exists(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


@contextmanager
def _dvc_is_still() -> Iterator[None]:
    """Keep DVC from writing meanwhile: take its locks, which the system gives back when a process is killed."""
    with ExitStack() as stack:
        for guard in _GUARDS:
            if guard.exists():
                _take(stack.enter_context(guard.open("r+")).fileno())
        yield


def _take(descriptor: int) -> None:
    end = time.monotonic() + _SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > end:
                raise BaseError("DVC is running in this project: repair when it has ended") from None
            time.sleep(0.1)
        else:
            return
