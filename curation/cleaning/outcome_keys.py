"""Keys of outcomes: each names all that the outcome of decoding a file depends on, so that equal keys give equal bytes.

What is decided once all files are decoded (limits of the figures, duplicates, near duplicates) is in no key, so another
limit needs no file decoded again. Nor are time and memory that a decoder may take: a pack's name has those, since what
was decoded within them holds for all that are larger.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from curation.cleaning.decode_file import Settings
from curation.cleaning.tasks import RawFile
from curation.core.kinds import IMAGE
from curation.raw.naming import label_name
from curation.raw.tracks import number_of

APART = frozenset({"decode_timeout_s", "decode_memory_mb", "windows"})
"""Settings that are looked at otherwise: the limits of decoders, and the windows, of which those of a folder count."""

NOT_OF_IMAGES = frozenset({"corruption_threshold", "fps", "max_frames_per_video"})
"""Settings that images of one picture do not depend on."""

ContentOf = Callable[[RawFile], str]
"""Returns what tells a file's content from every other; empty where that is not known."""


def contents_listed(listing: Iterable[tuple[str, str, int]], raw_folder: Path) -> ContentOf:
    """Return what knows the content of files from their listing.

    Args:
        listing: path, content hash and bytes of each file; 0 bytes for a further track of a video.
        raw_folder: where the raw files are. A file of another size is not the one that was listed. Objects in a bucket
            are told by their address, size, etag and version.
    """
    listed = {path: (content, size) for path, content, size in listing}

    def content_of(file: RawFile) -> str:
        if file.source is not None:  # no content hash before it is fetched, but a version that never changes
            return f"{file.source.address} {file.source.source_id}" if file.source.etag else ""
        content, size = listed.get(file.path, ("", 0))
        try:
            is_it = not size or os.stat(f"{raw_folder}/{file.path}").st_size == size  # noqa: PTH116
        except OSError:
            return ""
        return content if is_it else ""

    return content_of


@dataclass(frozen=True)
class OutcomeKeys:
    """Names outcomes of one code under one set of settings.

    Attributes:
        code: digest of all code and libraries that decode.
        settings: of the decoders.
        content_of: see there.
    """

    code: str
    settings: Settings
    content_of: ContentOf

    def key(self, file: RawFile) -> str:
        """Return the key of a file's outcome, 64 hexadecimal digits; empty where its content is not known."""
        content = self.content_of(file)
        if not content:
            return ""
        known = None if file.known is None else sorted(file.known.items())
        boxes = [(frame, [asdict(box) for box in wanted]) for frame, wanted in sorted(file.boxes.items())]
        ending = os.path.splitext(file.path)[1]  # noqa: PTH122  (quicker, and there are many)
        track = number_of(PurePosixPath(file.path)) if "/track-" in file.path else 0
        # Of its path a decoder sees the ending and which track is meant, besides the folder whose window it has.
        of_file = [content, file.media, file.declared, ending, track, known, boxes]
        of_run = self._of_images if file.media == IMAGE else self._of_several
        return _digest([of_run, of_file, self._windows.get(label_name(file.path))])

    @cached_property
    def _of_several(self) -> str:
        return self._digest_without(APART)

    @cached_property
    def _of_images(self) -> str:
        return self._digest_without(APART | NOT_OF_IMAGES)

    def _digest_without(self, names: frozenset[str]) -> str:
        settings = {name: value for name, value in vars(self.settings).items() if name not in names}
        return _digest([self.code, settings, self.settings.windows.choice])

    @cached_property
    def _windows(self) -> Mapping[str, list[Any]]:
        """The windows of each folder, by the kind of values."""
        of_folders: dict[str, list[Any]] = {}
        for (folder, kind), window in sorted(self.settings.windows.known.items()):
            of_folders.setdefault(folder, []).append((kind, window))
        return of_folders


def _digest(value: object) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
