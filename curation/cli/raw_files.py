"""The raw files of samples that a command reads: where they lie, and how they come back."""

from collections.abc import Mapping

import pandas as pd

from curation.core.words import counted
from curation.export.images import NOT_WRITTEN
from curation.history.way_back import way_back
from curation.inspection.revision import Revision
from curation.pipeline import paths
from curation.raw.finding import RawFinder
from curation.raw.listing import safe_path
from curation.raw.tracks import file_on_disk

_RAW = f"{paths.RAW}/"
_LISTED = 20


def processed_as(start: Revision, name: str, finder: RawFinder) -> str:
    """Return the path that a raw file was processed under; names of samples, and of nothing, as they stand in tables.

    Args:
        start: knows which raw files were processed.
        name: as it stands in tables or on the disk, with or without data/raw before it; where the file lies now, if it
            has moved since.
        finder: says what content lies there.
    """
    ledger = start.ledger
    known = set(ledger["path"]) | set(start.samples["filename"])
    if name not in known:
        name = safe_path(name.removeprefix("./").removeprefix(_RAW).removeprefix("./"))
    content = finder.content_at(name) if name not in known else None
    former = sorted(ledger.loc[ledger["content_hash"] == content, "path"]) if content else []
    objects = finder.objects_at((path, str(content)) for path in former)
    gone = [path for path in former if path not in objects and not file_on_disk(paths.RAW / path).is_file()]
    return gone[0] if gone else name


def ways_back(failed: pd.DataFrame, finder: RawFinder) -> str:
    """Say how the raw files of samples that could not be read can come back.

    Args:
        failed: `raw_path`, as `where_they_lie` gives it, and `content_hash`.
        finder: knows where their content lay last.
    """
    files = dict(zip(failed["raw_path"], failed["content_hash"], strict=True))
    objects = finder.objects_at(files.items())
    gone = sorted(path for path in files if path not in objects and not file_on_disk(finder.folder / path).is_file())
    changed = sorted(files.keys() - objects.keys() - set(gone))
    last_listed = finder.last_listed((path, files[path]) for path in gone)
    ways = [f"{len(gone)} raw files are gone. {way_back(gone, last_listed)}"] if gone else []
    ways += [f"{len(changed)} have other content. {way_back(changed, are_changed=True)}"] if changed else []
    if objects:
        ways.append(
            f"{counted(len(objects), 'object')} could not be read from the bucket: it may be out of reach for now"
        )
    return "\n".join([*ways, "Then run it again"])


def why_not(failed: Mapping[str, str], samples: pd.DataFrame, finder: RawFinder) -> str:
    """Say why samples were not exported, and what to do.

    Args:
        failed: why, by filename.
        samples: `filename`, `raw_path`, as `where_they_lie` gives it, and `content_hash`, of these and others.
        finder: knows where their content lay last.
    """
    unread = [name for name, reason in failed.items() if not reason.startswith(NOT_WRITTEN)]
    ways = [ways_back(samples[samples["filename"].isin(unread)], finder)] if unread else []
    if len(unread) < len(failed):
        ways.append(
            "Names that cannot be written here are too long for the folder, or its file system lacks a character"
        )
    return "\n".join([listed_reasons(failed), *ways])


def listed_reasons(failed: Mapping[str, str]) -> str:
    """Return lines with the first samples that failed, and why; each begins with a line break."""
    listed = "".join(f"\n  {name}: {reason}" for name, reason in list(failed.items())[:_LISTED])
    return listed + (f"\n  and {len(failed) - _LISTED} more" if len(failed) > _LISTED else "")
