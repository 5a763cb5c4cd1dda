"""The raw files of samples that a command reads: where they lie, and how they come back."""

import pandas as pd

from curation.history.way_back import way_back
from curation.raw.finding import RawFinder


def ways_back(failed: pd.DataFrame, finder: RawFinder) -> str:
    """Say how the raw files of samples that could not be read can come back.

    Args:
        failed: `raw_path`, as `where_they_lie` gives it, and `content_hash`.
        finder: knows where their content lay last.
    """
    files = dict(zip(failed["raw_path"], failed["content_hash"], strict=True))
    gone = sorted(path for path in files if not (finder.folder / path).is_file())
    changed = sorted(files.keys() - set(gone))
    last_listed = finder.last_listed((path, files[path]) for path in gone)
    ways = [f"{len(gone)} raw files are gone. {way_back(gone, last_listed)}"] if gone else []
    ways += [f"{len(changed)} have other content. {way_back(changed, are_changed=True)}"] if changed else []
    return "\n".join([*ways, "Then run it again"])
