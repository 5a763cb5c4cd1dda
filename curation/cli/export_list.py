"""What `export` writes into a list: classes, places and predictions."""

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path, PurePosixPath

import click
import pandas as pd

from curation.export.classes import read_class_list, unlisted
from curation.export.format import Listing
from curation.export.formats.registry import FORMATS
from curation.export.location import Location, parse_location
from curation.export.predictions import predictions_of
from curation.selection.given import ranked_predictions

CLASS_LIST = Path("lists/classes.txt")
"""The user's own list of classes, if there is one: exports alone read it."""


def place_for(what: str, images: str) -> Location:
    """Read `--images`, as far as a format can name such a place.

    Raises:
        OutputError: it is no place.
        UsageError: the format cannot.
    """
    place = parse_location(images)
    if place.kind not in FORMATS[what].locations:
        others = [name for name, each in FORMATS.items() if place.kind in each.locations]
        raise click.UsageError(
            f"--images {images}: {what} cannot name such a place"
            + (f"; {', '.join(others)} can" if others else "")
            + ("" if FORMATS[what].locations else f". The pictures of {what} are beside its list: leave --images away")
        )
    return place


def classes_for(
    samples: pd.DataFrame, of_datapool: Callable[[], tuple[str, ...]], *, of_videos: bool
) -> tuple[str, ...]:
    """Return the classes of every list: the user's own, or those of the whole datapool.

    Args:
        samples: that are exported; what the user's list does not name of them is told.
        of_datapool: returns the datapool's classes.
        of_videos: whether the folder of a video is a class.
    """
    own = read_class_list(CLASS_LIST)
    if own is None:
        return of_datapool()
    others = unlisted(samples, own, of_videos=of_videos)
    if others:
        named = ", ".join(f"{name} ({count})" for name, count in list(others.items())[:10])
        more = f" and {len(others) - 10} more" if len(others) > 10 else ""
        click.echo(f"export: {CLASS_LIST} does not name {named}{more}: these samples have no class in the list")
    return own


def with_predictions(listing: Listing, samples: pd.DataFrame, path: str, every: Collection[str]) -> Listing:
    """Add what a model predicts of the samples.

    Args:
        listing: of them.
        samples: with `width` and `height` in full size.
        path: of the predictions.
        every: names of all samples that names in there may mean.
    """
    known = samples.dropna(subset=["width", "height"])
    sizes = {
        str(name): (int(width), int(height))
        for name, width, height in zip(known["filename"], known["width"], known["height"], strict=True)
    }
    key = "select.predictions_file"
    predictions = predictions_of(ranked_predictions(path, key, every), sizes, f"{key}: {path}")
    click.echo(f"export: {len(predictions)} of {len(samples)} samples have predictions in {path}")
    return replace(listing, predictions=predictions, model=PurePosixPath(path).stem)
