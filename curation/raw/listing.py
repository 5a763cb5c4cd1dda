"""Listing the raw files below a folder: every entry is named, nothing outside the folder is ever opened or followed.

Paths are relative to the folder, with `/`. Four kinds of names get care, because paths end up in CSV files and on
command lines:

- a path whose first character is one of `= + - @` gets the prefix `./`: the same file on disk, but neither a
  spreadsheet formula nor an option;
- a name that holds a control character or a line separator cannot be written to a table without harm: its file is
  listed as ignored, with the odd characters shown as backslash escapes;
- a name that is not UTF-8 is not listed, since DVC cannot read such files: see `curation.raw.obstacles`;
- everything else is kept as it is, spaces, quotes and commas included.
"""

import os
import stat
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from curation.core.kinds import IGNORED, IMAGE, VIDEO
from curation.raw import camera_files

NOT_UTF_8 = "*[!\x01-\ud7ff\ue000-\U0010ffff]*"
"""Names with a character that UTF-8 has not, which is how Python shows bytes that are not UTF-8."""

HIDDEN_NAMES = ("__pycache__", "*.pyc", ".writing-*", NOT_UTF_8)
"""Names that `.dvcignore` hides: DVC neither hashes nor shares such files, so they are not data, and not listed."""

_RISKY_FIRST_CHARACTERS = "=+-@"
_APPLE_DOUBLE, _APPLE_FOLDER = "._", "__MACOSX"
"""Beginning of the names, on disks and in archives of other systems, that hold what only macOS keeps of a file."""
_KINDS = (
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISBLK, "block device"),
    (stat.S_ISCHR, "character device"),
)


@dataclass(frozen=True)
class ListedFile:
    """One entry below the listed folder.

    Attributes:
        path: name as it stands in all tables; `folder / path` is the file on disk, unless the name is not writable.
        media: `image`, `video` or `ignored`.
        reason: why it is ignored, else empty.
        size: bytes; 0 where it is unknown.
    """

    path: str
    media: str
    reason: str
    size: int


def list_raw_files(
    folder: Path, media_of_extension: Mapping[str, str], linked_folders: Sequence[Path] = ()
) -> list[ListedFile]:
    """List all that lies below `folder`, at any depth, sorted by path; neither folders nor what `.dvcignore` hides.

    Args:
        folder: the folder to list; may itself be a link.
        media_of_extension: `image` or `video` for each accepted file name ending (lower case, without the dot).
        linked_folders: folders besides `folder` where a link may lead to, such as the DVC cache.

    Returns:
        One entry a file. A file that cannot be read is only noticed when it is opened, so not here.
    """
    allowed = [Path(os.path.realpath(place)) for place in (folder, *linked_folders)]
    listed = sorted(
        (_describe(entry, relative, media_of_extension, allowed) for entry, relative in _walk(folder)),
        key=lambda file: (file.path, file.media == IGNORED),
    )
    return list(_with_unique_paths(listed))


def safe_path(relative: str) -> str:
    """Return the path as it stands in tables: with `./` before a first character that could be taken for a formula."""
    return f"./{relative}" if relative[:1] in tuple(_RISKY_FIRST_CHARACTERS) else relative


def extension_of(path: str) -> str:
    """Return the file name ending in lower case without the dot; empty if there is none."""
    stem, _, ending = path.rpartition("/")[2].rpartition(".")
    return ending.lower() if stem else ""


def media_of_extension(image_extensions: Sequence[str], video_extensions: Sequence[str]) -> dict[str, str]:
    """Return `image` or `video` for each file name ending that counts, lower case, without the dot."""
    return dict.fromkeys(image_extensions, IMAGE) | dict.fromkeys(video_extensions, VIDEO)


def _walk(folder: Path) -> Iterator[tuple[os.DirEntry[str] | OSError, str]]:
    """Yield every entry below `folder` that is not a folder, and the error of each folder that cannot be read."""
    waiting = [(os.fspath(folder), "")]
    while waiting:
        here, prefix = waiting.pop()
        try:
            with os.scandir(here) as scan:
                entries = list(scan)
        except OSError as error:
            if not prefix:
                raise
            yield error, prefix.rstrip("/")
            continue
        for entry in entries:
            if any(fnmatchcase(entry.name, pattern) for pattern in HIDDEN_NAMES):
                continue
            relative = prefix + entry.name
            if _is_folder(entry):
                waiting.append((entry.path, relative + "/"))
            else:
                yield entry, relative


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder itself; what cannot be known is found out when the entry is described."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _describe(
    entry: os.DirEntry[str] | OSError, relative: str, media_of_extension: Mapping[str, str], allowed: Sequence[Path]
) -> ListedFile:
    """Decide what one entry is, from its name and status alone."""
    shown = writable(relative)
    odd = "" if shown == relative else "name holds a control character: rename the file to use it"
    path = safe_path(shown)
    if isinstance(entry, OSError):
        return ListedFile(path, IGNORED, f"folder cannot be read: {entry.strerror}", 0)
    try:
        link = entry.is_symlink()
        status = entry.stat(follow_symlinks=False)
        reason = _reason_of_link(entry, allowed) if link else ""
        if link and not reason:
            status = entry.stat()
    except OSError as error:
        return ListedFile(path, IGNORED, f"cannot be read: {error.strerror}", 0)
    reason = reason or _reason_of_kind(status.st_mode) or odd or reason_of_name(relative, media_of_extension)
    size = status.st_size if stat.S_ISREG(status.st_mode) else 0
    if reason:
        return ListedFile(path, IGNORED, reason, size)
    return ListedFile(path, media_of_extension[extension_of(relative)], "", size)


def _reason_of_link(entry: os.DirEntry[str], allowed: Sequence[Path]) -> str:
    """Say why a link is not followed; empty if it leads to something, not a folder, in an allowed place."""
    try:
        target = Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError):  # Python 3.11 reports a loop as RuntimeError
        return "broken link or link loop"
    if target.is_dir():
        return "link to a folder, not followed"
    if not any(target.is_relative_to(place) for place in allowed):
        return "link out of the raw data folder, not followed"
    return ""


def _reason_of_kind(mode: int) -> str:
    """Say what an entry is if it is not a regular file; such an entry is never opened, since that can block."""
    if stat.S_ISREG(mode):
        return ""
    return next((f"{kind}, not a file" for is_kind, kind in _KINDS if is_kind(mode)), "not a regular file")


def reason_of_name(relative: str, media_of_extension: Mapping[str, str]) -> str:
    """Say why a name stands for neither image nor video."""
    name = relative.rpartition("/")[2]
    if name in (".gitignore", ".gitkeep"):
        return "file of git, not data"
    if name.startswith(_APPLE_DOUBLE) or _APPLE_FOLDER in relative.split("/")[:-1]:
        return "what macOS keeps beside a file (AppleDouble), not data"
    extension = extension_of(relative)
    if not extension:
        return "no file name ending, so neither image nor video"
    if extension not in media_of_extension and extension in camera_files.ENDINGS:
        return camera_files.reason_of(extension)
    if extension not in media_of_extension:
        return f"ending {extension} is neither in ingest.image_extensions nor in ingest.video_extensions"
    return ""


def writable(name: str) -> str:
    """Return a name with control characters, and bytes that are not UTF-8, as backslash escapes."""
    if name.isascii() and name.isprintable():
        return name
    shown = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(_escaped(one) if _is_control(one) else one for one in shown)


def _is_control(character: str) -> bool:
    """Return whether a character ends a line or steers a terminal."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp")


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _with_unique_paths(listed: list[ListedFile]) -> Iterator[ListedFile]:
    """Keep paths unique where an escaped name equals another one: the ignored file gets one more backslash."""
    seen = {file.path for file in listed if file.media != IGNORED}
    for file in listed:
        path = file.path
        while file.media == IGNORED and path in seen:
            path += "\\"
        seen.add(path)
        yield ListedFile(path, file.media, file.reason, file.size)
