"""Raw files that changed under their names."""

from collections.abc import Iterator

import pandas as pd

from curation.core.errors import RawFilesChangedError
from curation.tables.membership import are_together, is_among

_PAIR = ("path", "content_hash")


def require_unchanged(raw: pd.DataFrame, ledger: pd.DataFrame) -> None:
    """Make sure that no raw file which the base knows has another content now.

    Args:
        raw: columns of `RAW_FILES`.
        ledger: of the base.

    Raises:
        RawFilesChangedError: naming each such file with both hashes.
    """
    has_content, is_named = (raw["content_hash"] != "").to_numpy(bool), is_among(raw["path"], ledger["path"])
    is_other = has_content & is_named & ~are_together(raw, ledger, _PAIR)
    other = dict(_pairs(raw[is_other]))
    before: dict[str, set[str]] = {path: set() for path in other}
    for path, content in _pairs(ledger) if other else ():
        before.get(path, set()).add(content)
    changed = {
        path: f"  {path}: {' or '.join(sorted(before[path]))} before, {content} now" for path, content in other.items()
    }
    if changed:
        raise RawFilesChangedError(
            f"{len(changed)} raw files have changed under their names, so the datapool's record of them is no longer "
            "true (SHA-256 of the contents):\n"
            + "\n".join(changed.values())
            + "\nGive the new content a new name, and restore the former file or leave it out; or begin a new datapool "
            "with base.datapool: none",
            list(changed),
        )


def _pairs(rows: pd.DataFrame) -> Iterator[tuple[str, str]]:
    return zip(rows["path"].tolist(), rows["content_hash"].tolist(), strict=True)
