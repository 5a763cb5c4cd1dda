"""Finding raw files by their content, wherever below the folder of raw data they lie now."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import pandas as pd

from curation.buckets.raw_object import RawObject
from curation.core.cores import available_cores
from curation.core.hashing import sha256_of_file
from curation.core.kinds import IGNORED
from curation.raw.listing import ListedFile, extension_of, list_raw_files
from curation.raw.pinned import PinnedObjects
from curation.raw.pinned import RawFile as RawFile
from curation.raw.tracks import file_on_disk
from curation.tables.datapool import SOURCES
from curation.tables.files import empty_frame


@dataclass
class RawFinder:
    """Says where the content of raw files lies now.

    Files that lie where they lay, or where the last listing has their content, are not read. Others are looked for
    among the files that the listing does not name: those of equal kind and, where it is known, size are hashed once.
    Objects in a bucket lie where they were processed, as long as they are listed, or the bucket keeps their version;
    nothing is asked of it.

    Attributes:
        folder: of raw data.
        listing: columns of `curation.tables.samples.RAW_FILES`, of the last listing; may be empty.
        media_of_extension: `image` or `video` by file name ending, lower case, without the dot.
        linked_folders: folders besides `folder` where links may lead to.
        sources: of a datapool, columns of `curation.tables.datapool.SOURCES`.
    """

    folder: Path
    listing: pd.DataFrame
    media_of_extension: Mapping[str, str]
    linked_folders: Sequence[Path] = ()
    sources: pd.DataFrame = field(default_factory=partial(empty_frame, SOURCES))
    _hashes: dict[str, str] = field(default_factory=dict)

    def places(self, wanted: Iterable[RawFile]) -> dict[RawFile, str]:
        """Return where files lie, as a path relative to the folder; those whose content is nowhere are left out.

        Args:
            wanted: path and content hash of each; those without a content hash are nowhere.
        """
        asked = {(path, content) for path, content in wanted if content}
        found = {file: file[0] for file in asked if self._lies_there(*file)}
        for path, content in sorted(asked - found.keys()):
            place = next((place for place in self._listed_places.get(content, ()) if self._exists(place)), None)
            if place is not None:
                found[path, content] = place
        if left := asked - found.keys():
            found |= self._places_of_objects(left)
        if left := asked - found.keys():
            places = self._unlisted_places(left)
            found |= {file: places[file[1]] for file in left if file[1] in places}
        return found

    def objects_at(self, files: Iterable[RawFile]) -> dict[str, RawObject]:
        """Return the objects among files that lie where `places` has found them, by path.

        Args:
            files: the path at which each lies, and its content hash.
        """
        remote = [(path, content) for path, content in set(files) if not self._exists(path)]
        known = self._pinned.of_contents({content for _, content in remote})
        return {path: known[path, content] for path, content in remote if (path, content) in known}

    def last_listed(self, wanted: Iterable[RawFile]) -> dict[str, str]:
        """Return the path under which the last listing has each file's content, by the file's own path.

        Files whose content is not listed are left out.
        """
        return {path: self._listed_places[content][0] for path, content in wanted if content in self._listed_places}

    def content_at(self, path: str) -> str | None:
        """Return the content hash of a raw file, None where the path names none of which it is known or can be read."""
        known = self.sources.loc[self.sources["path"] == path, "content_hash"]
        if len(known) and not self._exists(path):
            return str(known.iloc[-1])
        if not self._exists(path) or not any(file.path == path for file in self._files):
            return None
        try:
            return sha256_of_file(self.folder / path)
        except OSError:
            return None

    @cached_property
    def _pinned(self) -> PinnedObjects:
        return PinnedObjects(self.sources, self.listing)

    def _places_of_objects(self, wanted: Iterable[RawFile]) -> dict[RawFile, str]:
        """Return where files lie that are objects: at their own path, else where their content is."""
        asked = sorted(wanted)
        known = self._pinned.of_contents({content for _, content in asked})
        first = {content: path for path, content in sorted(known, reverse=True)}
        places = {file: file[0] if file in known else first.get(file[1]) for file in asked}
        return {file: place for file, place in places.items() if place is not None}

    def _lies_there(self, path: str, content: str) -> bool:
        """Return whether a file is at its path, and not known to have other content."""
        return self._listed_content.get(path, content) in (content, "") and self._exists(path)

    def _exists(self, path: str) -> bool:
        return file_on_disk(self.folder / path).is_file()

    @cached_property
    def _listed_content(self) -> dict[str, str]:
        return dict(zip(self.listing["path"], self.listing["content_hash"], strict=True))

    @cached_property
    def _listed_places(self) -> dict[str, list[str]]:
        places: dict[str, list[str]] = {}
        for path, content in self._listed_content.items():
            places.setdefault(content, []).append(path)
        return places

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return dict(zip(self.listing["content_hash"], self.listing["size"].astype(int), strict=True))

    @cached_property
    def _unlisted(self) -> list[ListedFile]:
        """The images and videos of which the listing does not say the content."""
        return [file for file in self._files if not self._listed_content.get(file.path)]

    @cached_property
    def _files(self) -> list[ListedFile]:
        """The images and videos that are there now."""
        if not self.folder.is_dir():
            return []
        files = list_raw_files(self.folder, self.media_of_extension, self.linked_folders)
        return [file for file in files if file.media != IGNORED]

    def _unlisted_places(self, wanted: Iterable[RawFile]) -> dict[str, str]:
        """Return where contents lie among the files that the listing does not name: path by content hash."""
        kinds = {
            (self.media_of_extension.get(extension_of(path)), self._sizes.get(content)) for path, content in wanted
        }
        candidates = [file for file in self._unlisted if kinds & {(file.media, file.size), (file.media, None)}]
        unread = [file.path for file in candidates if file.path not in self._hashes]
        with ThreadPoolExecutor(available_cores()) as threads:
            self._hashes |= dict(zip(unread, threads.map(self._hash, unread), strict=True))
        return {self._hashes[file.path]: file.path for file in reversed(candidates) if self._hashes[file.path]}

    def _hash(self, path: str) -> str:
        """Return a file's content hash; empty where it cannot be read."""
        try:
            return sha256_of_file(self.folder / path)
        except OSError:
            return ""


def where_they_lie(samples: pd.DataFrame, finder: RawFinder) -> pd.DataFrame:
    """Return samples with the path at which their raw file lies now, where it has moved.

    Args:
        samples: with `raw_path` and `content_hash`.
        finder: finds raw files by their content.
    """
    files = list(zip(samples["raw_path"], samples["content_hash"], strict=True))
    places = finder.places(set(files))
    return samples.assign(raw_path=[places.get(file, file[0]) for file in files])
