"""What a cleaning found, in words."""

import pandas as pd

from curation.cleaning.accounting import named
from curation.cleaning.base import BaseTables
from curation.cleaning.clean import Cleaned
from curation.core.errors import NothingToSelectError, RawDataError
from curation.core.words import counted
from curation.tables.samples import (
    COMING_AGAIN,
    CORRUPT,
    DROPPED_STATUSES,
    DUPLICATE,
    IGNORED,
    LOW_QUALITY,
    NEAR_DUPLICATE,
    OVER_LIMIT,
    PROCESSED,
    SKIPPED,
    TAKEN_IN,
    UNREACHABLE,
    UNSUPPORTED,
)

_DROPPED_FILES = (
    (DUPLICATE, "duplicates of what is known"),
    (NEAR_DUPLICATE, "near duplicates (clean.near_duplicate_bits)"),
    (LOW_QUALITY, "of low quality (the limits in section clean)"),
    (OVER_LIMIT, "over a limit (clean.max_pixels)"),
)


_RARER_COUNTS = (
    (LOW_QUALITY, "of low quality"),
    (NEAR_DUPLICATE, "near duplicates"),
    (OVER_LIMIT, "over a limit"),
    (UNSUPPORTED, "unsupported"),
    (SKIPPED, "frames skipped"),
)


def require_something_new(cleaned: Cleaned, base: BaseTables, *, may_be_empty: bool) -> None:
    """Make sure that there is something to go on with.

    Args:
        cleaned: what this iteration found.
        base: what was processed before.
        may_be_empty: whether the run makes sense without a new sample.

    Raises:
        RawDataError: there has never been a sound sample, or objects in a bucket could not be read.
        NothingToSelectError: nothing new was found.
    """
    if cleaned.samples["is_new"].any() or (may_be_empty and len(base.processed)):
        return
    files = cleaned.files
    lost = files[files["status"] == UNREACHABLE]
    if len(lost):
        raise RawDataError(
            f"{counted(len(lost), 'object')} in a bucket could not be read, and there is no new sample without them: "
            f"{_reasons(lost)}. Run `dvc repro` again when they can be"
        )
    if not len(base.processed):
        reasons = _reasons(files[files["status"].isin(DROPPED_STATUSES)])
        raise RawDataError(
            f"none of the {int((files['media'] != IGNORED).sum())} images and videos in data/raw can be used: "
            f"{reasons}. Replace them with sound files, and run `dvc repro` again"
        )
    of_status = files["status"].value_counts()
    found = [f"{of_status[status]} {words}" for status, words in _DROPPED_FILES if status in of_status]
    for status in (CORRUPT, UNSUPPORTED):
        refused = files[files["status"] == status]
        found += [f"{len(refused)} {status}: {_reasons(refused)}"] if len(refused) else []
    what = f"the new files give no new sample ({'; '.join(found)})" if found else "there is no new file in data/raw"
    raise NothingToSelectError(what)


def _reasons(files: pd.DataFrame) -> str:
    return named([f"{path} ({reason})" for path, reason in zip(files["path"], files["reason"], strict=True)])


def summary(cleaned: Cleaned) -> str:
    """Return the stage's closing line."""
    files, samples = cleaned.files, cleaned.samples
    status = files["status"]
    decoded = status.isin([*TAKEN_IN, *COMING_AGAIN])
    again, lost = int((~samples["is_new"]).sum()), int((status == UNREACHABLE).sum())
    parts = [
        f"{int(samples['is_new'].sum())} kept",
        f"{int(files['duplicate'].sum())} duplicates",
        f"{int(files['corrupt'].sum())} corrupt",
    ]
    parts += [f"{int(files[count].sum())} {words}" for count, words in _RARER_COUNTS if files[count].any()]
    parts += [f"{again} earlier samples decoded again"] if again else []
    return (
        f"{int(decoded.sum())} new files, {int((status == CORRUPT).sum())} of them corrupt as a whole"
        + (f", {lost} unreachable in their bucket, which come again with the next iteration" if lost else "")
        + " "
        f"({int((status == PROCESSED).sum())} reused from the base); of {int(files.loc[decoded, 'samples'].sum())} "
        f"samples in them: {', '.join(parts)}"
    )
