"""The raw files of samples that a command reads: where they lie, and how they come back."""

import pandas as pd

from curation.history.way_back import way_back
from curation.raw.finding import RawFinder


def where_they_lie(samples: pd.DataFrame, finder: RawFinder) -> pd.DataFrame:
    """Return samples with the path at which their raw file lies now, where it has moved.

    Args:
        samples: with `raw_path` and `content_hash`.
        finder: finds raw files by their content.
    """
    files = list(zip(samples["raw_path"], samples["content_hash"], strict=True))
    places = finder.places(set(files))
    return samples.assign(raw_path=[places.get(file, file[0]) for file in files])


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
