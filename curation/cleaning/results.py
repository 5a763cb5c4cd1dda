"""Results of earlier runs: what became of files, found again by its key, and forgotten when it becomes too much.

A run that was killed goes on with what is missing. Packs may be deleted at any moment, and made and used by several
processes at once: whatever is not there, or damaged, is decoded.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from curation.cleaning.decode_file import DecodedFile, Settings
from curation.cleaning.keeping import Journal
from curation.cleaning.outcome_keys import ContentOf, OutcomeKeys
from curation.cleaning.pack_folder import PackFolder, ending, holds_for
from curation.cleaning.packs import DamagedRecordError, Place, places_in, read_outcome, restored
from curation.cleaning.tasks import RawFile

_SHARE_FREE: Final = 0.5
"""Of the space that is free when a run begins, so much stays free for what the run itself writes."""


@dataclass
class Results:
    """What earlier runs have found out, and where this one keeps what it finds out.

    Attributes:
        packs: where they are.
        code: digest of all code and libraries that decode.
        content_of: see `OutcomeKeys`.
        most_bytes: of results that no unfinished run needs.
        tell: shows a line to the user.
        found: paths of the files whose results were there.
    """

    packs: PackFolder
    code: str
    content_of: ContentOf
    most_bytes: int
    tell: Callable[[str], object]
    found: set[str] = field(default_factory=set)
    _places: dict[str, list[tuple[str, Place]]] = field(default_factory=dict)
    _is_told: bool = False

    def keyed(self, chunks: Sequence[Sequence[RawFile]], settings: Settings) -> list[list[RawFile]]:
        """Give files the keys of their outcomes, and look for these in the packs.

        Args:
            chunks: files to decode.
            settings: of the decoders.
        """
        keys = OutcomeKeys(self.code, settings, self.content_of)
        keyed = [[replace(file, key=keys.key(file)) for file in chunk] for chunk in chunks]
        self._look_for({file.key for chunk in keyed for file in chunk}, settings)
        return keyed

    def restored(self, file: RawFile, shard_folder: Path) -> DecodedFile | None:
        """Bring back what became of a file, as if it were decoded; None where that is not known.

        Args:
            file: with its key.
            shard_folder: an existing folder for the shards.

        Raises:
            OutputError: the folder cannot be written.
        """
        for name, place in self._places.get(file.key, ()):
            try:
                with self.packs.open(name) as pack:
                    decoded = restored(read_outcome(pack, place), file, shard_folder)
            except (OSError, DamagedRecordError):
                continue
            self.found.add(file.path)
            return decoded
        return None

    def journal(self, settings: Settings) -> Journal:
        """Return where workers keep what they decode from now on."""
        free = shutil.disk_usage(self.packs.nearest()).free
        return Journal(self.packs.folder, ending(settings), int(_SHARE_FREE * free), time.time_ns())

    def stopped(self, trouble: str) -> None:
        """Tell once that what is decoded is not kept any more."""
        if not self._is_told:
            self.tell(
                f"what is decoded from now on is not kept for a run that goes on after a crash: {trouble} "
                f"({self.packs.folder}); nothing else is lost"
            )
        self._is_told = True

    def finish(self) -> str:
        """Forget what is too much, since this run is done; return how much of it was known before, in words."""
        self.packs.trim(self.most_bytes)
        return f"; {len(self.found)} of the files taken from an earlier run" if self.found else ""

    def _look_for(self, keys: Iterable[str], settings: Settings) -> None:
        """Note where the outcomes are; packs without any are no part of what this run goes on with."""
        wanted = frozenset(keys) - {""}
        self._places, needed = {}, set[str]()
        if not wanted:
            return
        for name in self.packs.sizes():
            try:
                with self.packs.open(name) as pack:
                    for key, place in places_in(pack) if holds_for(name, settings) else ():
                        if key in wanted:
                            self._places.setdefault(key, []).append((name, place))
                            needed.add(name)
            except OSError:
                continue
        for name in needed:
            self.packs.note_use(name)
        self.packs.trim(self.most_bytes, needed)
