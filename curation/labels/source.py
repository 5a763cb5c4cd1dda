"""Where labels are read from: a file, a folder of files, or a zip archive of them.

Files come from strangers: what is read at all is bounded, and nothing in an archive is written to the disk.
"""

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from curation.core.regular import open_regular
from curation.labels.given import LabelFileError
from curation.tables.given_lists import decoded

LARGEST_BYTES = 1 << 29
"""More than this is not read of one source, archives unpacked. COCO takes about 13 times its size in memory."""
READ = frozenset({".json", ".jsonl", ".txt", ".csv", ".xml", ".yaml", ".yml", ".names"})
"""Endings of the files that formats read; pictures in the same folder cost nothing."""
_FEW = 20
"""In a folder with more JSON files than this, each is about one picture."""


class Source:
    """One or more files of labels.

    Attributes:
        path: of the file, folder or archive.
        is_single: whether it is one plain file.
    """

    def __init__(self, path: Path) -> None:
        """Open a source; nothing but the names in it is read.

        Raises:
            LabelFileError: it is not there, or is no file, folder or archive.
        """
        self.path = path
        self._sizes: dict[str, int] = {}
        self._total = 0
        self._archive: zipfile.ZipFile | None = None
        if path.is_dir():
            self.is_single = False
        elif not path.is_file():
            raise LabelFileError("there is no such file or folder")
        else:
            self.is_single = not zipfile.is_zipfile(path)
            if not self.is_single:
                self._archive = _archive(path)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Paths of the files that formats may read, relative to the folder or archive, sorted; hidden ones are not."""
        if self.is_single:
            return (self.path.name,)
        if self._archive is not None:
            found = (entry.filename for entry in self._archive.infolist() if not entry.is_dir())
        else:
            found = (
                (Path(folder) / name).relative_to(self.path).as_posix()
                for folder, _, names in os.walk(self.path)
                for name in names
            )
        return tuple(sorted(name for name in found if _is_read(name)))

    def ending_with(self, *suffixes: str) -> list[str]:
        """Return the names with one of some endings, lower case with their dots."""
        return [name for name in self.names if PurePosixPath(name).suffix.lower() in suffixes]

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            LabelFileError: it cannot be read, or is too large.
        """
        left = LARGEST_BYTES - self._total + self._sizes.get(name, 0)
        try:
            if self._archive is not None:
                with self._archive.open(name) as file:
                    content = file.read(left + 1)
            else:
                with open_regular(self.path if self.is_single else self.path / name) as file:
                    content = file.read(left + 1)
        except (OSError, RuntimeError, NotImplementedError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise LabelFileError(f"{self._place(name)}cannot be read ({error})") from None
        if len(content) > left:
            raise too_large()
        self._total = LARGEST_BYTES - left + len(content)
        self._sizes[name] = len(content)
        return content

    def text(self, name: str) -> str:
        """Return the content of a text file.

        Raises:
            LabelFileError: it is no text, or see `read`.
        """
        try:
            return decoded(self.read(name))
        except LabelFileError:
            raise
        except ValueError as error:
            raise LabelFileError(f"{self._place(name)}cannot be read ({error})") from None

    def json(self, name: str) -> Any:
        """Return the content of a JSON file.

        Raises:
            LabelFileError: it is no JSON, or see `read`.
        """
        text = self.text(name)
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise LabelFileError(f"{self._place(name)}cannot be read as JSON ({what})") from None

    @cached_property
    def jsons(self) -> Mapping[str, Any]:
        """Contents of all JSON files, where they are few; else nothing."""
        names = self.ending_with(".json")
        return {name: self.json(name) for name in names} if len(names) <= _FEW else {}

    def _place(self, name: str) -> str:
        return "" if self.is_single else f"{name} in it "


def too_large() -> LabelFileError:
    """Return the error of a source that is larger than what is read."""
    return LabelFileError(f"it holds more than {LARGEST_BYTES >> 20} MiB of labels: divide it")


def files_in(folder: str) -> list[str]:
    """Return the paths of the files that are read of a folder of labels, sorted."""
    return [f"{folder}/{name}" for name in Source(Path(folder)).names]


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise LabelFileError(f"cannot be read as a zip archive ({error})") from None


def _is_read(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in READ and not hidden
