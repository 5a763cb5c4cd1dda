"""`export`: the selected samples in full size, or as a list in the format of a labelling tool."""

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import pandas as pd
from tqdm import tqdm

from curation.cli.export_form import Form, form_of, scale_of
from curation.cli.export_list import classes_for, place_for, with_predictions
from curation.cli.export_target import refuse_other_kind, refuse_target
from curation.cli.raw_files import listed_reasons, why_not
from curation.cli.samples import Chosen, chosen_candidates, chosen_selection, require_unlabelled
from curation.core.atomic import atomic_file
from curation.core.cores import available_cores
from curation.core.errors import OutputError
from curation.core.regular import is_file
from curation.datapool.value_windows import as_windows
from curation.export.batches import Kept, Settings
from curation.export.format import TextFile
from curation.export.formats.registry import FORMATS
from curation.export.images import export_images, targets_of, write_sample
from curation.export.listing import listing_of
from curation.export.location import Location
from curation.export.present import refuse_other_sizes
from curation.history.dvc_cache import open_cache
from curation.image.window import ValueWindows
from curation.inspection.candidates import proxies_in
from curation.inspection.kept_pictures import kept_pictures
from curation.inspection.labels import labelled_samples
from curation.inspection.revision import Revision, revision
from curation.params.load import load_params
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.raw_files import raw_finder
from curation.raw.finding import where_they_lie
from curation.raw.pinned import Objects
from curation.workers.outcomes import Limits

IMAGES = "images"
_NOT_SELECTED = (
    "--candidates are not selected yet: leave --iteration, --since, --exclude-datapool and --unlabelled away"
)
_NAME_WIDTH, _LINE_WIDTH = 14, 78


def command_help() -> str:
    """Return the help of the command, with a line for each format."""
    pictures = "each sample in full size, from data/raw or kept with the datapool, under its name there"
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
@click.option("--unlabelled", is_flag=True, help="Only the samples that have no imported labels yet.")
@click.option("--task", help="With --unlabelled: no labels of this task; default: of any.")
@click.option(
    "--candidates",
    is_flag=True,
    help="All samples that the iteration may select, in place of the selected ones: after `dvc repro embed`.",
)
@click.option(
    "--format",
    "picture_format",
    type=click.Choice(["original", "png", "jpg"]),
    help="original: images as they are, frames as PNG. A list has to name the format that the images have.  "
    "[default: original]",
)
@click.option(
    "--size",
    type=click.IntRange(1),
    help="Short side in pixels to scale larger pictures down to. A list has to name the size that the images have.",
)
@click.option(
    "--proxies",
    is_flag=True,
    help="The small JPEG files that the pipeline keeps, in place of full size; needs no raw file. For a list likewise.",
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
    unlabelled: bool,
    task: str | None,
    candidates: bool,
    picture_format: str | None,
    size: int | None,
    proxies: bool,
    images: str | None,
    video_classes: bool,
) -> None:
    """Write the selected samples."""
    if candidates and (iteration or since or exclude_datapool or unlabelled):
        raise click.UsageError(_NOT_SELECTED)
    require_unlabelled(task, unlabelled=unlabelled)
    if what == IMAGES and (images or video_classes):
        raise click.UsageError("--images and --video-classes are for lists, not for the images themselves")
    form = form_of(picture_format, size, proxies=proxies)
    place = place_for(what, images) if images else None
    params = load_params(paths.PARAMS)
    refuse_target(target, is_folder=what == IMAGES)
    with open_cache() as cache:
        start = revision(rev, cache)
        chosen = (
            chosen_candidates(start)
            if candidates
            else chosen_selection(
                start,
                iteration=iteration,
                since=revision(since, cache) if since else None,
                exclude_datapool=exclude_datapool,
                labelled=labelled_samples(start, task) if unlabelled else frozenset(),
            )
        )
        if what == IMAGES:
            refuse_present(chosen, target, form, params)
        if what == IMAGES and proxies:
            write_proxies(start, chosen, target, params)
            return
        if what != IMAGES:
            write_list(what, target, chosen, form, params, place, of_videos=video_classes)
            return
        kept = {} if candidates else kept_pictures(start.pictures, chosen.samples["filename"], cache)
        windows = ValueWindows.chosen(params.clean.value_window, as_windows(start.value_windows))
    write_pictures(chosen, target, form, params, kept, windows, start.sources)


def refuse_present(chosen: Chosen, target: Path, form: Form, params: Params) -> None:
    """Refuse a folder in which pictures of another size would stay.

    Raises:
        OutputError: there are some.
    """
    if target.is_dir() and any(target.iterdir()):
        samples = chosen.with_sizes()
        names = targets_of(samples, form.picture_format, params.ingest.video_extensions)
        refuse_other_sizes(samples, names, target, scale_of(form, params))


def write_list(
    what: str, target: Path, chosen: Chosen, form: Form, params: Params, place: Location | None, *, of_videos: bool
) -> None:
    """Write a list of samples to TARGET.

    Args:
        what: the format.
        target: file or folder.
        chosen: samples.
        form: of the pictures.
        params: of the project.
        place: where the tool finds the pictures; None = beside the list.
        of_videos: whether the folder of a video is a class.
    """
    layout = FORMATS[what]
    samples = chosen.with_sizes()
    names = targets_of(samples, form.picture_format, params.ingest.video_extensions)
    classes = classes_for(samples, partial(chosen.classes, of_videos=of_videos), of_videos=of_videos)
    scale = scale_of(form, params)
    listing = listing_of(samples, names, classes, of_videos=of_videos, images=place, scale=scale)
    if layout.reads_predictions and params.select.predictions_file is not None:
        listing = with_predictions(listing, samples, params.select.predictions_file, chosen.known())
    write_files(layout.files(replace(listing, samples=listing.samples[list(layout.columns)]), target))
    click.echo(f"export: {len(samples)} {chosen.noun} listed in {target}")
    if place is None and layout.without_images:
        click.echo(f"export: {layout.without_images}")


def write_proxies(start: Revision, chosen: Chosen, target: Path, params: Params) -> None:
    """Write the proxies of samples below TARGET, as far as the cache or the remote holds them.

    Raises:
        OutputError: some are gone, or cannot have their names.
    """
    names = targets_of(chosen.samples, "jpg", params.ingest.video_extensions)
    place = dict(zip(chosen.samples["filename"], names, strict=True))
    failed: dict[str, str] = {}
    missing = {name: path for name, path in place.items() if not is_file(target / path)}
    with tqdm(total=len(missing), desc="exporting", unit="sample", disable=None, leave=False) as bar:
        for name, content in proxies_in(start, chosen.samples[chosen.samples["filename"].isin(missing)]):
            if fault := write_sample(target / missing.pop(name), partial(Path.write_bytes, data=content)):
                failed[name] = fault
            bar.update()
    if failed:
        raise OutputError(f"{len(failed)} of {len(place)} proxies could not be exported:{listed_reasons(failed)}")
    if missing:
        raise OutputError(
            f"{len(missing)} of {len(place)} samples have no proxy in the cache, {next(iter(missing))!r} for one; the "
            f"others are in {target}. Bring them back (`dvc fetch --all-commits`), or export without --proxies"
        )
    click.echo(f"export: {len(place)} {chosen.noun} are in {target}")


def write_pictures(
    chosen: Chosen,
    target: Path,
    form: Form,
    params: Params,
    kept: Mapping[str, Kept],
    windows: ValueWindows,
    sources: pd.DataFrame,
) -> None:
    """Write samples as files below TARGET, and say what could not be written.

    Args:
        chosen: samples.
        target: the folder.
        form: of the pictures.
        params: of the project.
        kept: pictures that stayed with the datapool.
        windows: through which images of more than 8 bits a channel are seen.
        sources: objects in buckets whose content is known.

    Raises:
        OutputError: something could not.
    """
    samples, clean = chosen.samples, params.clean
    settings = Settings(
        form.picture_format, form.size, tuple(params.ingest.video_extensions), clean.max_pixels, windows=windows
    )
    limits = Limits(clean.decode_timeout_s, clean.decode_memory_mb)
    workers = clean.workers or available_cores()
    with tqdm(total=len(samples), desc="exporting", unit="sample", disable=None, leave=False) as bar:
        finder = raw_finder(params.ingest, sources)
        present = where_they_lie(samples, finder)
        by_path = finder.objects_at(zip(present["raw_path"], present["content_hash"], strict=True))
        failed = export_images(
            *(present, paths.RAW, target, settings),
            workers=workers,
            limits=limits,
            advance=bar.update,
            kept=kept,
            objects=Objects(by_path, params.ingest.prefetch_mb << 20),
        )
    if failed:
        raise OutputError(
            f"{len(failed)} of {len(samples)} samples could not be exported to {target}; the others are there:"
            f"{why_not(failed, present, finder)}"
        )
    click.echo(f"export: {len(samples)} {chosen.noun} are in {target}")


def write_files(files: Iterable[TextFile]) -> None:
    """Write files, each complete or not at all; what people have edited since the last time stays.

    Raises:
        OutputError: a folder lies where a file has to be, or the other way round.
    """
    for file in files:
        refuse_other_kind(file.path)
        if file.is_edited and file.path.exists():
            continue
        with atomic_file(file.path) as temporary:
            temporary.write_text(file.text, encoding="utf-8")
