"""The folder of packs: what its files are called, and which are forgotten first."""

import os
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from curation.cleaning.decode_file import Settings
from curation.core.atomic import write_bytes

_NAME: Final = re.compile(r"[0-9a-f]+-([0-9.e+-]+)s-([0-9]+|inf)MB\.pack")


def ending(settings: Settings) -> str:
    """Return how the name of a pack ends, which says within what limits of time and memory its files were decoded."""
    memory = "inf" if settings.decode_memory_mb is None else settings.decode_memory_mb
    return f"-{settings.decode_timeout_s!r}s-{memory}MB.pack"


def holds_for(name: str, settings: Settings) -> bool:
    """Return whether what a pack says was found within limits that are no larger than those of some settings.

    Args:
        name: of the pack.
        settings: of the decoders.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return False
    memory = float("inf") if settings.decode_memory_mb is None else settings.decode_memory_mb
    return float(found[1]) <= settings.decode_timeout_s and float(found[2]) <= memory


@dataclass(frozen=True)
class PackFolder:
    """Packs in a folder of a file system.

    Attributes:
        folder: it need not exist.
    """

    folder: Path

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each pack, by its name, those that were used last first."""
        found = []
        with suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(".pack"):
                    with suppress(OSError):  # another process has removed it
                        status = entry.stat()
                        found.append((-status.st_mtime_ns, entry.name, status.st_size))
        return {name: size for _, name, size in sorted(found)}

    def open(self, name: str) -> BinaryIO:
        """Open a pack for reading.

        Raises:
            OSError: it is gone, or cannot be read.
        """
        return (self.folder / name).open("rb")

    def write(self, name: str, content: bytes) -> None:
        """Add a pack in one step.

        Raises:
            OSError: it cannot be written.
        """
        write_bytes(self.folder / name, content)

    def note_use(self, name: str) -> None:
        """Note that a pack was used now."""
        with suppress(OSError):
            os.utime(self.folder / name)

    def trim(self, most_bytes: int, needed: Collection[str] = ()) -> None:
        """Remove packs until they have no more than some bytes, those that were not used for the longest time first.

        Args:
            most_bytes: of the packs that stay.
            needed: names of packs that stay in any case.
        """
        room = most_bytes
        for name, size in self.sizes().items():
            room -= size
            if room < 0 and name not in needed:
                with suppress(OSError):
                    (self.folder / name).unlink()

    def nearest(self) -> Path:
        """Return the folder, or the nearest one upwards that exists."""
        return next(folder for folder in (self.folder.absolute(), *self.folder.absolute().parents) if folder.is_dir())
