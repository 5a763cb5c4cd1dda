"""The choice of samples that a command is about."""

import pandas as pd

from curation.core.errors import BaseError
from curation.datapool import store
from curation.inspection.revision import Revision
from curation.raw.finding import RawFinder
from curation.tables.datapool import COMBINED
from curation.tables.files import read_parquet


def chosen_samples(
    start: Revision, *, iteration: int | None, since: Revision | None, exclude_datapool: bool
) -> pd.DataFrame:
    """Return rows of the datapool's samples, in order of selection.

    Args:
        start: whose datapool.
        iteration: only those that this iteration added; None = all.
        since: without those that this revision's datapool holds; None = all.
        exclude_datapool: only those that the last iteration added: without the datapool that it built on.

    Raises:
        BaseError: there is no such iteration.
    """
    samples = start.samples
    numbers = sorted(map(int, start.iterations["iteration"]))
    if exclude_datapool:
        iteration = numbers[-1] if numbers else 0
    elif iteration is not None and iteration not in numbers:
        raise BaseError(f"there is no iteration {iteration}: {start.name} has {', '.join(map(str, numbers)) or 'none'}")
    if iteration is not None:
        samples = samples[samples["iteration"] == iteration]
    if since is not None:
        samples = samples[~samples["filename"].isin(since.samples["filename"])]
    rows: pd.DataFrame = samples.reset_index(drop=True)
    return rows


def with_sizes(start: Revision, samples: pd.DataFrame) -> pd.DataFrame:
    """Add `width` and `height` in pixels, which the datapool keeps beside the embeddings."""
    shards = [name for name in start.datapool_files if name.startswith(f"{store.EMBEDDINGS_FOLDER}/")]
    tables = [read_parquet(start.datapool_file(name), ["filename", "width", "height"]) for name in shards]
    sizes = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["filename", "width", "height"])
    return samples.merge(sizes.drop_duplicates("filename"), on="filename", how="left", validate="one_to_one")


def with_picture(samples: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the samples that have a raw file, and how many were combined from a file of embeddings and have none."""
    has_none = samples["raw_path"].str.startswith(COMBINED)
    return samples[~has_none].reset_index(drop=True), int(has_none.sum())


def where_they_lie(samples: pd.DataFrame, finder: RawFinder) -> pd.DataFrame:
    """Return samples with the path at which their raw file lies now, where it has moved.

    Args:
        samples: with `raw_path` and `content_hash`.
        finder: finds raw files by their content.
    """
    files = list(zip(samples["raw_path"], samples["content_hash"], strict=True))
    places = finder.places(set(files))
    return samples.assign(raw_path=[places.get(file, file[0]) for file in files])
