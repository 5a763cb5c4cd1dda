"""What DVC stumbles over in the folder of raw data, which it reads as a whole before any stage.

DVC itself names no file, or not why it cannot read it. A name that is not UTF-8 is hidden from it by `.dvcignore`;
nothing hides the others.
"""

import errno
import os
import shlex
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from curation.raw.listing import NOT_UTF_8, writable

_ENCODINGS = ("cp1252", "latin-1")
"""In which names that are not UTF-8 are likely to be written; the last reads any."""

_SPECIAL = {
    stat.S_IFIFO: "a named pipe, on which DVC waits for ever",
    stat.S_IFSOCK: "a socket, at which DVC stops (No such device or address)",
    stat.S_IFBLK: "a block device, which DVC reads",
    stat.S_IFCHR: "a character device, which DVC reads",
}


@dataclass(frozen=True)
class Obstacle:
    """A file or folder that DVC cannot read.

    Attributes:
        path: with odd characters as backslash escapes.
        reason: what it is, and what DVC does about it.
        remedy: what to do about it.
        stops: whether DVC stops or waits; else it leaves out what is there.
    """

    path: str
    reason: str
    remedy: str
    stops: bool = True


def obstacles(folder: Path, dvc_ignores: Collection[str]) -> list[Obstacle]:
    """Return what DVC stumbles over below a folder, sorted by path; nothing is opened.

    Args:
        folder: of raw data; may itself be a link.
        dvc_ignores: lines of `.dvcignore`, which former versions of a project lack one of.
    """
    if folder.is_symlink() and not folder.exists():
        return [_broken_link(os.fspath(folder))]
    found = sorted(_found(folder), key=lambda each: each.path)
    return found if NOT_UTF_8 in dvc_ignores else [_seen_by_dvc(each) for each in found]


def _found(folder: Path) -> Iterator[Obstacle]:
    waiting = [os.fspath(folder)]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as scan:
                entries = list(scan)
        except OSError as error:
            yield _unreadable(here, error.strerror or "")
            continue
        for entry in entries:
            if found := _obstacle(entry):
                yield found
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)


def hidden_names(folder: Path) -> list[str]:
    """Return what is below a folder, and hidden from DVC since its name is not UTF-8; sorted, odd bytes escaped."""
    found = []
    for here, folders, files in os.walk(folder):
        hidden = [name for name in (*folders, *files) if _is_hidden(name)]
        found += [writable(f"{here}/{name}") for name in hidden]
        folders[:] = [name for name in folders if name not in hidden]
    return sorted(found)


def _is_hidden(name: str) -> bool:
    return not name.isascii() and fnmatchcase(name, NOT_UTF_8)


def _obstacle(entry: os.DirEntry[str]) -> Obstacle | None:
    if _is_hidden(entry.name):
        return _misnamed(entry.path)
    try:
        kind = stat.S_IFMT(entry.stat().st_mode)
    except OSError as error:
        return _broken_link(entry.path) if entry.is_symlink() else _unreadable(entry.path, error.strerror or "")
    if kind in _SPECIAL:
        return Obstacle(writable(entry.path), _SPECIAL[kind], f"`rm -- {quoted(entry.path)}`")
    if kind == stat.S_IFREG and not os.access(entry.path, os.R_OK):
        return _unreadable(entry.path, os.strerror(errno.EACCES))
    return None


def _misnamed(path: str) -> Obstacle:
    folder, _, name = path.rpartition("/")
    better = f"{folder}/{_as_utf_8(os.fsencode(name))}"
    reason = "a name that is not UTF-8, which DVC cannot read: it is left out, with all that it holds"
    return Obstacle(writable(path), reason, f"`mv -n -- {quoted(path)} {quoted(better)}`", stops=False)


def _seen_by_dvc(obstacle: Obstacle) -> Obstacle:
    """Say that DVC stops at a name that nothing hides from it."""
    if obstacle.stops:
        return obstacle
    reason = "a name that is not UTF-8, at which DVC stops (surrogates not allowed)"
    remedy = f"{obstacle.remedy}, or take the line for such names from the template's .dvcignore"
    return replace(obstacle, reason=reason, remedy=remedy, stops=True)


def _as_utf_8(name: bytes) -> str:
    """Read a name in the encoding that it is likely to be written in."""
    for encoding in _ENCODINGS:
        try:
            return name.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 reads any bytes")


def _broken_link(path: str) -> Obstacle:
    reason = "a link that leads to nothing, or in a circle, at which DVC stops (No such file or directory)"
    remedy = f"bring back {quoted(os.fspath(Path(path).readlink()))}, to which it leads, or `rm -- {quoted(path)}`"
    return Obstacle(writable(path), reason, remedy)


def _unreadable(path: str, why: str) -> Obstacle:
    return Obstacle(writable(path), f"cannot be read ({why}), so DVC stops", f"`chmod u+rX -- {quoted(path)}`")


def quoted(path: str) -> str:
    """Return a path as it is written in a shell, on one line, whatever bytes it has."""
    if writable(path) == path:
        return shlex.quote(path)
    plain = bytes(range(0x20, 0x7F))
    return (
        "$'"
        + "".join(
            f"\\{chr(byte)}" if byte in b"\\'" else chr(byte) if byte in plain else f"\\x{byte:02x}"
            for byte in os.fsencode(path)
        )
        + "'"
    )
