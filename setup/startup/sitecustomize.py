"""Lets DVC write its own files whole: `make setup` puts this into `.venv`, where Python imports it at its start.

DVC 3.67 writes `dvc.lock`, the `.dvc` files and the list of what is running (`.dvc/tmp/rwlock`) in place. Killed in the
middle of that, it leaves a file that is cut off, and then refuses every command. Here the content goes to a temporary
name, is flushed to the disk, and takes its real name by a rename, as everything that the pipeline itself writes.

Nothing is imported but what Python has loaded anyway, until DVC itself imports the modules that are changed.
"""

import os
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

PREFIX = ".writing-"


class WholeFiles:
    """A local file system of DVC whose files get what is written when they are closed; else it is as it was."""

    def __init__(self, fs: Any) -> None:
        self._fs = fs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fs, name)

    def open(self, path: Any, mode: str = "r", **options: Any) -> Any:
        """Open a file; for writing, as a context manager."""
        if not mode.startswith("w"):
            return self._fs.open(path, mode, **options)
        from contextlib import contextmanager

        return contextmanager(_written)(path, mode, options)


def _written(target: Any, mode: str, options: dict[str, Any]) -> Iterator[Any]:
    """Yield a file under a temporary name; on success it becomes `target`, on an exception nothing changes."""
    from pathlib import Path

    path = Path(target).resolve()
    for leftover in path.parent.glob(f"{PREFIX}*"):
        if not _is_alive(leftover.name):
            leftover.unlink(missing_ok=True)
    temporary = path.with_name(f"{PREFIX}{os.getpid()}-{path.name}")
    try:
        with temporary.open(mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _is_alive(temporary_name: str) -> bool:
    """Whether the process that made a temporary name still runs."""
    try:
        os.kill(int(temporary_name[len(PREFIX) :].split("-", 1)[0]), 0)
    except ProcessLookupError:
        return False
    except (ValueError, PermissionError):  # another one's name, or process
        return True
    return True


def _change_dumps(module: ModuleType) -> None:
    """Change the function by which DVC writes YAML and JSON."""
    original = getattr(module, "_dump_data", None)
    if original is None:
        return

    def dump(path: Any, data: Any, dumper: Any, fs: Any = None, **options: Any) -> Any:
        from dvc.fs import LocalFileSystem, localfs

        whole = WholeFiles(fs or localfs) if fs is None or isinstance(fs, LocalFileSystem) else fs
        return original(path, data, dumper, fs=whole, **options)

    module._dump_data = dump  # type: ignore[attr-defined]


def _change_rwlock(module: ModuleType) -> None:
    """Change the function by which DVC writes what is running."""
    original = getattr(module, "_edit_rwlock", None)
    if original is not None:
        module._edit_rwlock = lambda folder, fs, hardlink: original(folder, WholeFiles(fs), hardlink)  # type: ignore[attr-defined]


CHANGES: dict[str, Callable[[ModuleType], None]] = {
    "dvc.utils.serialize._common": _change_dumps,
    "dvc.rwlock": _change_rwlock,
}
"""What is changed in a module after it was imported. `_common` comes before the modules that take its function."""


class Finder:
    """Finds the modules that are changed, and changes them."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the specification of a module that is changed; None for all others."""
        change = CHANGES.get(name)
        spec = PathFinder.find_spec(name, path, target) if change else None
        if change is None or spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_change(module: ModuleType) -> None:
            execute(module)
            change(module)

        spec.loader.exec_module = execute_and_change  # type: ignore[method-assign]
        return spec


if __name__ in ("sitecustomize", "curation_startup"):
    sys.meta_path.insert(0, Finder)
