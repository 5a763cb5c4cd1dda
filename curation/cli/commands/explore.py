"""`explore`: one table of all samples, and a page that shows a million of them."""

import tempfile
import webbrowser
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from pathlib import Path

import click
import pandas as pd
from tqdm import tqdm

from curation.core.errors import CurationError, OutputError
from curation.core.words import in_bytes
from curation.explore import atlas, viewers
from curation.explore.build import Outputs, build_table
from curation.explore.server import Site, open_database, start_server
from curation.explore.thumbnails import SIDE
from curation.history.dvc_cache import open_cache
from curation.inspection.given_file import given_file
from curation.inspection.revision import Revision, revision
from curation.pipeline import paths
from curation.selection.given import read_predictions

KEY = "select.predictions_file"
ATLAS = "embedding-atlas"
STATIC_PICTURES = 200_000
"""Pictures in a static folder at most, where nothing else is asked: the browser holds them all in memory."""

_OUTPUTS = Outputs(
    candidates=paths.CANDIDATES,
    dropped=paths.DROPPED,
    samples=paths.SAMPLES,
    proxies=paths.PROXIES,
    plots=paths.REPORTS / "plots",
)


@click.command(name="explore")
@click.argument("table", type=click.Path(path_type=Path, dir_okay=False), default=Path("explore.parquet"))
@click.option("--rev", metavar="REV", help="A commit, branch or tag; default: the workspace.")
@click.option(
    "--with",
    "tool",
    type=click.Choice([ATLAS, *viewers.VIEWERS]),
    default=ATLAS,
    show_default=True,
    help="The tool that shows the samples.",
)
@click.option(
    "--static", metavar="DIR", type=click.Path(path_type=Path), help="Write a folder for a web server instead."
)
@click.option("--write-only", is_flag=True, help="Write the table, and show nothing.")
@click.option("--show-only", is_flag=True, help="Show a table that was written before.")
@click.option(
    "--thumbnail-size",
    type=click.IntRange(0, 512),
    help=f"Longer side of the pictures in pixels, 0 for none; default: {SIDE}, or {viewers.SIDE} for other tools.",
)
@click.option(
    "--pictures",
    type=click.IntRange(0),
    help=f"Samples that get a picture at most, selected ones first; default: all, or {STATIC_PICTURES} with --static.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=5055, show_default=True, help="Of the page; 0: any.")
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
def command(
    table: Path,
    rev: str | None,
    tool: str,
    static: Path | None,
    write_only: bool,
    show_only: bool,
    thumbnail_size: int | None,
    pictures: int | None,
    port: int,
    open_browser: bool,
) -> None:
    """Write TABLE (explore.parquet), a Parquet file of all samples with their pictures, and show it until Ctrl-C.

    Embedding Atlas shows millions of samples: on the map, by state, iteration, weak label, distance and quality, each
    with its picture. Everything stays on this machine. docs/guides/explore.md says how to install it.
    """
    if sum(map(bool, (static, write_only, show_only))) > 1:
        raise click.UsageError("--static, --write-only and --show-only exclude each other")
    if static and tool != ATLAS:
        raise click.UsageError(f"--static writes a page of {ATLAS}: leave --with out")
    require(tool, write_only)
    side = thumbnail_size if thumbnail_size is not None else SIDE if tool == ATLAS else viewers.SIDE
    if static:
        write_page(static, rev, side, STATIC_PICTURES if pictures is None else pictures)
        return
    if not show_only:
        click.echo(f"explore: {write(table, rev, side, pictures)}, in {table}")
    elif not table.is_file():
        raise OutputError(f"explore: there is no {table}: leave --show-only out to write it")
    if write_only:
        return
    if tool == ATLAS:
        serve(table, port, open_browser)
    else:
        show_with(tool, table)


def require(tool: str, write_only: bool) -> None:
    """Make sure that a tool is installed before minutes of work."""
    if write_only:
        return
    if tool == ATLAS:
        atlas.page_folder()
        atlas.require_database()
    else:
        viewers.find_program(tool)


def write(table: Path, rev: str | None, side: int, pictures: int | None) -> str:
    """Write the Parquet file, and return what is in it, in words."""
    with open_cache() as cache:
        start = revision(rev, cache)
        with tqdm(desc="exploring", unit="sample", disable=None, leave=False) as bar:

            def advance(done: int, total: int) -> None:
                bar.total = total
                bar.update(done)

            built = build_table(table, start, _OUTPUTS, partial(predictions_of, start), side, pictures, advance)
    return f"{built.sentence()}, {in_bytes(table.stat().st_size)}"


def write_page(folder: Path, rev: str | None, side: int, pictures: int) -> None:
    """Write a static folder."""
    contents: list[str] = []
    atlas.write_static(folder, atlas.page_folder(), lambda table: contents.append(write(table, rev, side, pictures)))
    click.echo(f"explore: {contents[0]}, in {folder}; `python -m http.server --directory {folder}` shows it here")


def serve(table: Path, port: int, open_browser: bool) -> None:
    """Show a table until Ctrl-C."""
    metadata = atlas.metadata_of(table, is_static=False)
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(table, Path(folder))
        site = Site(database, table, atlas.page_folder(), metadata)
        server = start_server(site, port)
        click.echo(f"explore: {server.url} shows {table}; Ctrl-C ends it")
        if open_browser:
            webbrowser.open(server.url)
        with server, suppress(KeyboardInterrupt):
            server.serve_forever()
        database.close()


def show_with(tool: str, table: Path) -> None:
    """Show a table with another tool."""
    folder = table.with_suffix("")
    count = viewers.write_folder(folder, table)
    click.echo(f"explore: {count} pictures are in {folder}")
    with suppress(KeyboardInterrupt):
        viewers.show(tool, folder)


def predictions_of(start: Revision, known: Collection[str]) -> "pd.Series[str] | None":
    """Return the classes that the revision's `select.predictions_file` predicts.

    A look at samples goes without them: where they cannot be read, a line says so.

    Args:
        start: the revision.
        known: names of its samples.

    Returns:
        Classes by filename; None without any.
    """
    given = (start.params.get("select") or {}).get(KEY.removeprefix("select."))
    if not given:
        return None
    with tempfile.TemporaryDirectory() as folder:
        try:
            place = given_file(start, str(given), Path(folder))

            def tell(line: str) -> None:
                click.echo(f"explore: {line.replace(str(place), str(given))}", err=True)

            return read_predictions(str(place), KEY, known, tell)
        except CurationError as error:
            said = error.message.removeprefix(f"{KEY}: ").replace(str(Path(folder) / str(given)), str(given))
            click.echo(f"explore: warning: {KEY}: {said}; no class is shown", err=True)
            return None
