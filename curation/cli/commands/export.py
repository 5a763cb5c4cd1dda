"""`export`: the selected samples in full size, or as a list in the format of a labelling tool."""

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import click
import pandas as pd
from tqdm import tqdm

from curation.cli.samples import chosen_samples, where_they_lie, with_picture, with_sizes
from curation.core.atomic import atomic_file
from curation.core.cores import available_cores
from curation.core.errors import OutputError
from curation.export.format import TextFile
from curation.export.formats.registry import FORMATS
from curation.export.images import PictureFormat, Settings, export_images, targets_of
from curation.history.dvc_cache import open_cache
from curation.history.way_back import way_back
from curation.inspection.revision import revision
from curation.params.load import load_params
from curation.pipeline import paths
from curation.pipeline.raw_files import raw_finder
from curation.raw.finding import RawFinder
from curation.workers.processes import Limits

IMAGES = "images"
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
@click.option("--size", type=click.IntRange(1), help="Short side in pixels to scale larger pictures down to.")
def command(
    what: str,
    target: Path,
    rev: str | None,
    iteration: int | None,
    since: str | None,
    exclude_datapool: bool,
    picture_format: str,
    size: int | None,
) -> None:
    """Write the selected samples."""
    chosen_format = cast(PictureFormat, picture_format)
    if size is not None and chosen_format == "original":
        raise click.UsageError("--size needs --format png or jpg, since original files stay as they are")
    params = load_params(paths.PARAMS)
    with open_cache() as cache:
        start = revision(rev, cache)
        former = revision(since, cache) if since else None
        samples = chosen_samples(start, iteration=iteration, since=former, exclude_datapool=exclude_datapool)
        samples, pictureless = with_picture(samples)
        sized = with_sizes(start, samples) if what != IMAGES and needs_sizes(what) else samples
    if pictureless:
        click.echo(f"export: left out are {pictureless} samples that were combined from embeddings: no picture is here")
    if what != IMAGES:
        names = targets_of(sized, chosen_format, params.ingest.video_extensions)
        chosen = FORMATS[what]
        write_files(chosen.files(sized.assign(filename=names)[list(chosen.columns)], target))
        click.echo(f"export: {len(sized)} samples listed in {target}")
        return
    settings = Settings(chosen_format, size, tuple(params.ingest.video_extensions), params.clean.max_pixels)
    limits = Limits(params.clean.decode_timeout_s, params.clean.decode_memory_mb)
    workers = params.clean.workers or available_cores()
    with tqdm(total=len(samples), desc="exporting", unit="sample", disable=None, leave=False) as bar:
        finder = raw_finder(params.ingest)
        present = where_they_lie(samples, finder)
        failed = export_images(present, paths.RAW, target, settings, workers=workers, limits=limits, advance=bar.update)
    if failed:
        listed = "".join(f"\n  {name}: {reason}" for name, reason in list(failed.items())[:20])
        more = f"\n  and {len(failed) - 20} more" if len(failed) > 20 else ""
        raise OutputError(
            f"{len(failed)} of {len(samples)} samples could not be exported to {target}; the others are there:"
            f"{listed}{more}\n{_way_back(present[present['filename'].isin(failed)], finder)}"
        )
    click.echo(f"export: {len(samples)} samples are in {target}")


def _way_back(failed: pd.DataFrame, finder: RawFinder) -> str:
    """Say how the raw files of samples that could not be exported can come back."""
    files = dict(zip(failed["raw_path"], failed["content_hash"], strict=True))
    gone = sorted(path for path in files if not (paths.RAW / path).is_file())
    changed = sorted(files.keys() - set(gone))
    last_listed = finder.last_listed((path, files[path]) for path in gone)
    ways = [f"{len(gone)} raw files are gone. {way_back(gone, last_listed)}"] if gone else []
    ways += [f"{len(changed)} have other content. {way_back(changed, are_changed=True)}"] if changed else []
    return "\n".join([*ways, "Then run it again"])


def needs_sizes(what: str) -> bool:
    """Tell whether a list names the width and height of pictures, which have to be read from the datapool's tables."""
    return not {"width", "height"}.isdisjoint(FORMATS[what].columns)


def write_files(files: Iterable[TextFile]) -> None:
    """Write files, each complete or not at all; what people have edited since the last time stays."""
    for file in files:
        if file.is_edited and file.path.exists():
            continue
        with atomic_file(file.path) as temporary:
            temporary.write_text(file.text, encoding="utf-8")
