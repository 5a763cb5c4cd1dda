"""`export`: the selected samples in full size, or as a list in the format of a labelling tool."""

import textwrap
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import cast

import click
import pandas as pd
from tqdm import tqdm

from curation.cli.samples import chosen_samples, with_picture, with_sizes
from curation.core.atomic import atomic_file
from curation.core.cores import available_cores
from curation.core.errors import OutputError
from curation.export.classes import datapool_classes, read_class_list, unlisted
from curation.export.format import Listing, TextFile
from curation.export.formats.registry import FORMATS
from curation.export.images import PictureFormat, Settings, export_images, targets_of
from curation.export.listing import listing_of
from curation.export.location import Location, parse_location
from curation.export.predictions import predictions_of
from curation.history.dvc_cache import open_cache
from curation.inspection.revision import Revision, revision
from curation.params.clean import CleanParams
from curation.params.load import load_params
from curation.pipeline import paths
from curation.selection.given import ranked_predictions
from curation.workers.processes import Limits

IMAGES = "images"
CLASS_LIST = Path("lists/classes.txt")
"""The user's own list of classes, if there is one: exports alone read it."""
_NAME_WIDTH, _LINE_WIDTH = 14, 78


def command_help() -> str:
    """Return the help of the command, with a line for each format."""
    pictures = "each sample in full size, taken from data/raw, under its name in the datapool"
    sentences = {IMAGES: pictures, **{name: each.sentence for name, each in FORMATS.items()}}
    lines = [
        textwrap.fill(
            sentence,
            _LINE_WIDTH,
            initial_indent=name.ljust(_NAME_WIDTH),
            subsequent_indent=" " * _NAME_WIDTH,
            break_on_hyphens=False,
        )
        for name, sentence in sentences.items()
    ]
    return (
        "Write the selected samples: as images to the folder TARGET, or as a list for a labelling tool to the file or "
        "folder TARGET.\n\n\b\n" + "\n".join(lines) + "\n\n"
        "Samples that were combined from a file of embeddings have no picture here, and are left out. "
        "Images that are in TARGET already stay: run an interrupted export again, and it goes on."
    )


@click.command(name="export", help=command_help())
@click.argument("what", type=click.Choice([IMAGES, *FORMATS]))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--rev", metavar="REV", help="A commit, branch or tag; default: the workspace.")
@click.option("--iteration", type=click.IntRange(1), help="Only the samples that this iteration added.")
@click.option("--since", metavar="REV", help="Only the samples that came after this revision.")
@click.option("--exclude-datapool", is_flag=True, help="Only the samples that the last iteration added.")
@click.option(
    "--format",
    "picture_format",
    type=click.Choice(["original", "png", "jpg"]),
    default="original",
    show_default=True,
    help="original: images as they are, frames as PNG. A list has to name the format that the images have.",
)
@click.option(
    "--size",
    type=click.IntRange(1),
    help="Short side in pixels to scale larger pictures down to. A list has to name the size that the images have.",
)
@click.option(
    "--images",
    metavar="PLACE",
    help="Where the tool finds the images, for a list: local-files:FOLDER, s3://BUCKET/PREFIX, https://HOST/PREFIX or "
    "/ABSOLUTE/FOLDER; default: beside the list.",
)
@click.option("--video-classes", is_flag=True, help="Take the folder of a video for its frames' class, in a list.")
def command(
    what: str,
    target: Path,
    rev: str | None,
    iteration: int | None,
    since: str | None,
    exclude_datapool: bool,
    picture_format: str,
    size: int | None,
    images: str | None,
    video_classes: bool,
) -> None:
    """Write the selected samples."""
    chosen_format = cast(PictureFormat, picture_format)
    if size is not None and chosen_format == "original":
        raise click.UsageError("--size needs --format png or jpg, since original files stay as they are")
    if what == IMAGES and (images or video_classes):
        raise click.UsageError("--images and --video-classes are for lists, not for the images themselves")
    place = place_for(what, images) if images else None
    params = load_params(paths.PARAMS)
    with open_cache() as cache:
        start = revision(rev, cache)
        former = revision(since, cache) if since else None
        samples = chosen_samples(start, iteration=iteration, since=former, exclude_datapool=exclude_datapool)
        samples, pictureless = with_picture(samples)
        if what != IMAGES:
            classes = classes_of(start, samples, of_videos=video_classes)
            samples = with_sizes(start, samples)
    if pictureless:
        click.echo(f"export: left out are {pictureless} samples that were combined from embeddings: no picture is here")
    if what == IMAGES:
        settings = Settings(chosen_format, size, tuple(params.ingest.video_extensions), params.clean.max_pixels)
        write_pictures(samples, target, settings, params.clean)
        return
    names = targets_of(samples, chosen_format, params.ingest.video_extensions)
    chosen = FORMATS[what]
    listing = listing_of(samples, names, classes, of_videos=video_classes, images=place, size=size)
    if chosen.reads_predictions and params.select.predictions_file is not None:
        listing = with_predictions(listing, samples, params.select.predictions_file)
    write_files(chosen.files(replace(listing, samples=listing.samples[list(chosen.columns)]), target))
    click.echo(f"export: {len(samples)} samples listed in {target}")
    if place is None and chosen.without_images:
        click.echo(f"export: {chosen.without_images}")


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


def classes_of(start: Revision, samples: pd.DataFrame, *, of_videos: bool) -> tuple[str, ...]:
    """Return the classes of every list: the user's own, or those of the revision's whole datapool.

    Args:
        start: the revision.
        samples: that are exported; what the user's list does not name of them is told.
        of_videos: whether the folder of a video is a class.
    """
    own = read_class_list(CLASS_LIST)
    if own is None:
        return datapool_classes(start.ledger, with_picture(start.samples)[0], of_videos=of_videos)
    others = unlisted(samples, own, of_videos=of_videos)
    if others:
        named = ", ".join(f"{name} ({count})" for name, count in list(others.items())[:10])
        more = f" and {len(others) - 10} more" if len(others) > 10 else ""
        click.echo(f"export: {CLASS_LIST} does not name {named}{more}: these samples have no class in the list")
    return own


def with_predictions(listing: Listing, samples: pd.DataFrame, path: str) -> Listing:
    """Add what a model predicts of the samples.

    Args:
        listing: of them.
        samples: with `width` and `height` in full size.
        path: of the predictions.
    """
    known = samples.dropna(subset=["width", "height"])
    sizes = {
        str(name): (int(width), int(height))
        for name, width, height in zip(known["filename"], known["width"], known["height"], strict=True)
    }
    key = "select.predictions_file"
    predictions = predictions_of(ranked_predictions(path, key), sizes, f"{key}: {path}")
    click.echo(f"export: {len(predictions)} of {len(samples)} samples have predictions in {path}")
    return replace(listing, predictions=predictions, model=PurePosixPath(path).stem)


def write_pictures(samples: pd.DataFrame, target: Path, settings: Settings, clean: CleanParams) -> None:
    """Write samples as files below TARGET, and say what could not be written.

    Raises:
        OutputError: something could not.
    """
    limits = Limits(clean.decode_timeout_s, clean.decode_memory_mb)
    workers = clean.workers or available_cores()
    with tqdm(total=len(samples), desc="exporting", unit="sample", disable=None, leave=False) as bar:
        failed = export_images(samples, paths.RAW, target, settings, workers=workers, limits=limits, advance=bar.update)
    if failed:
        listed = "".join(f"\n  {name}: {reason}" for name, reason in list(failed.items())[:20])
        more = f"\n  and {len(failed) - 20} more" if len(failed) > 20 else ""
        raise OutputError(
            f"{len(failed)} of {len(samples)} samples could not be exported to {target}; the others are there. Bring "
            f"their raw files back (`dvc checkout`, `dvc pull`), then run it again:{listed}{more}"
        )
    click.echo(f"export: {len(samples)} samples are in {target}")


def write_files(files: Iterable[TextFile]) -> None:
    """Write files, each complete or not at all; what people have edited since the last time stays."""
    for file in files:
        if file.is_edited and file.path.exists():
            continue
        with atomic_file(file.path) as temporary:
            temporary.write_text(file.text, encoding="utf-8")
