"""The choice of samples that a command is about."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import click
import pandas as pd

from curation.core.errors import BaseError
from curation.datapool import store
from curation.export.classes import datapool_classes
from curation.history import git
from curation.inspection.candidates import candidates_in
from curation.inspection.revision import Revision
from curation.tables.datapool import COMBINED
from curation.tables.files import read_parquet


def say_what_is_missing(command: str) -> None:
    """Say on stderr that a shallow clone cannot know which commit an iteration came with."""
    if missing := git.missing_history():
        click.echo(f"{command}: commits may be later than those of the iterations: {missing}", err=True)


def chosen_samples(
    start: Revision,
    *,
    iteration: int | None,
    since: Revision | None,
    exclude_datapool: bool,
    labelled: Collection[str] = frozenset(),
) -> pd.DataFrame:
    """Return rows of the datapool's samples, in order of selection.

    Args:
        start: whose datapool.
        iteration: only those that this iteration added; None = all.
        since: without those that this revision's datapool holds; None = all.
        exclude_datapool: only those that the last iteration added: without the datapool that it built on.
        labelled: names of samples to leave out.

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
    samples = samples[~samples["filename"].isin(labelled)]
    rows: pd.DataFrame = samples.reset_index(drop=True)
    return rows


def require_unlabelled(task: str | None, *, unlabelled: bool) -> None:
    """Refuse `--task` without the option that it is about.

    Raises:
        UsageError: it is there alone.
    """
    if task is not None and not unlabelled:
        raise click.UsageError("--task says which labels --unlabelled (or `list --labels`) is about: give that, too")


@dataclass(frozen=True)
class Chosen:
    """Samples with a picture, and the classes that they are numbered by.

    Attributes:
        samples: rows of the datapool's samples, or of candidates.
        noun: what to call them.
        with_sizes: returns them with `width` and `height` in pixels.
        classes: returns all classes of the datapool in the order of their numbers, with or without `of_videos`.
        known: returns the names of all samples that names in other files may mean.
    """

    samples: pd.DataFrame
    noun: str
    with_sizes: Callable[[], pd.DataFrame]
    classes: Callable[..., tuple[str, ...]]
    known: Callable[[], frozenset[str]]


def chosen_selection(
    start: Revision,
    *,
    iteration: int | None,
    since: Revision | None,
    exclude_datapool: bool,
    labelled: Collection[str] = frozenset(),
) -> Chosen:
    """Choose selected samples as `chosen_samples` does, those with a picture; the others are told."""
    chosen = chosen_samples(
        start, iteration=iteration, since=since, exclude_datapool=exclude_datapool, labelled=labelled
    )
    samples, pictureless = with_picture(chosen)
    if pictureless:
        click.echo(f"export: left out are {pictureless} samples that were combined from embeddings: no picture is here")
    return Chosen(
        samples,
        "samples",
        lambda: with_sizes(start, samples),
        lambda *, of_videos: datapool_classes(start.ledger, with_picture(start.samples)[0], of_videos=of_videos),
        lambda: frozenset(start.processed["filename"]) | frozenset(start.samples["filename"]),
    )


def chosen_candidates(start: Revision) -> Chosen:
    """Choose all samples that an iteration may select."""
    found = candidates_in(start)
    samples, _ = with_picture(found.samples)
    known, _ = with_picture(found.known)
    return Chosen(
        samples,
        f"candidates of iteration {found.iteration}",
        lambda: samples,
        lambda *, of_videos: datapool_classes(found.ledger, known, of_videos=of_videos),
        lambda: frozenset(found.samples["filename"]) | frozenset(found.known["filename"]),
    )


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
