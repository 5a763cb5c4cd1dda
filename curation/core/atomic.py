"""Files and folders that appear complete or not at all.

Content goes to a temporary name in the same folder, is flushed to the disk, and takes its real name last. So a kill at
any moment leaves the former content, and a file that DVC hard-linked into its cache is never changed in place.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMPORARY_PREFIX = ".writing-"
_LONGEST_NAME = 143
"""Bytes of a temporary name: what the strictest file system in use allows (eCryptfs; most others allow 255)."""

_LONGEST_SUFFIX = 16
"""Bytes of a suffix that stays in a shortened name, since some writers go by it."""

_cleared: set[Path] = set()
"""Folders in which this process has looked for what killed ones left."""


def fsync(path: Path) -> None:
    """Flush a file's content to the disk; of a folder, make renames inside it durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file, link or folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path; on success it becomes `path`, on an exception nothing changes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.resolve() not in _cleared:  # once, since files may be many
        clear_unfinished(path.parent)
    temporary = _temporary(path)
    remove(temporary)
    try:
        yield temporary
        fsync(temporary)
        os.replace(temporary, path)
        fsync(path.parent)
    finally:
        remove(temporary)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary, empty folder; on success it replaces `path`, on an exception nothing changes.

    A folder cannot be replaced by another in one portable step, so the former one is set aside first: a kill between
    the two renames leaves no folder under the name, and the next run makes it again. Of two processes that replace the
    same folder at once, both succeed, and the later one's stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, former = _temporary(path), _temporary(path, "former-")
    clear_unfinished(path.parent)
    temporary.mkdir()
    try:
        yield temporary
        for written in [*temporary.rglob("*"), temporary]:
            fsync(written)
        _replace_folder(path, temporary, former)
        fsync(path.parent)
    finally:
        remove(temporary)
        remove(former)


def _temporary(path: Path, mark: str = "") -> Path:
    """Return the path under which this process makes a file or folder: no name is too long for it."""
    begin = f"{TEMPORARY_PREFIX}{os.getpid()}-{mark}"
    name = f"{begin}{path.name}"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        suffix = path.suffix if len(os.fsencode(path.suffix)) <= _LONGEST_SUFFIX else ""
        name = f"{begin}{hashlib.sha256(os.fsencode(path.name)).hexdigest()}{suffix}"
    return path.with_name(name)


def clear_unfinished(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder."""
    _cleared.add(folder.resolve())
    for leftover in folder.glob(f"{TEMPORARY_PREFIX}*"):
        if not _is_alive(leftover.name):
            remove(leftover)


def _replace_folder(path: Path, new: Path, former: Path) -> None:
    """Give a folder its name, and set aside what has it now; on an exception that is back."""
    while True:
        with suppress(FileNotFoundError):
            os.rename(path, former)
        try:
            os.rename(new, path)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                remove(former)  # another process has put its own folder there meanwhile: that one is set aside next
                continue
            if former.exists():
                os.rename(former, path)
            raise
        return


def _is_alive(temporary_name: str) -> bool:
    """Return whether the process that made a temporary name still runs."""
    pid = temporary_name.removeprefix(TEMPORARY_PREFIX).split("-", 1)[0]
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, PermissionError):  # another one's name, or process
        return True
    return True


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write a UTF-8 text file in one step."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: object) -> None:
    """Write JSON with sorted keys; equal content gives equal bytes."""
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def link_or_copy(source: Path, target: Path) -> None:
    """Give `source` a second name without copying its bytes where the file system allows it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
