"""`review`: a page to look through the new selection with, and to mark what is not to be selected."""

from pathlib import Path

import click

from curation.core.atomic import write_text
from curation.core.errors import BaseError
from curation.history.dvc_cache import open_cache
from curation.image.proxies import ProxyReader
from curation.inspection.review import REVIEW_CSV, review_page
from curation.inspection.revision import revision
from curation.params.load import load_params
from curation.pipeline import paths
from curation.reporting.draw.pictures import as_data_uri
from curation.selection.given import read_dropped
from curation.tables.files import read_parquet


@click.command(name="review")
@click.argument("page", type=click.Path(path_type=Path), default=Path("review.html"))
def command(page: Path) -> None:
    """Write PAGE (review.html): the samples that the last run selected, each with a box to drop it.

    The page saves review.csv. Named in select.review_file, it keeps the dropped samples out of the selection, and the
    next best take their places. Reviewing is for before the commit: what is committed stays.
    """
    with open_cache() as cache:
        start = revision(None, cache)
        selection, numbers = start.selection, start.iterations["iteration"]
    if selection.empty:
        raise BaseError("the last run selected nothing: there is nothing to review")
    if not paths.SAMPLES.is_file() or not paths.PROXIES.is_dir():
        raise BaseError(f"{paths.SAMPLES} or {paths.PROXIES} is missing: `dvc checkout` brings them back")
    places = read_parquet(paths.SAMPLES, ["filename", "shard", "member"])
    places = places[places["filename"].isin(selection["filename"])]
    with ProxyReader(paths.PROXIES) as proxies:
        pictures = {
            name: as_data_uri(proxies.jpeg(shard, member), "image/jpeg")
            for name, shard, member in zip(places["filename"], places["shard"], places["member"], strict=True)
        }
    given = load_params(paths.PARAMS).select.review_file
    dropped = read_dropped(given) if given is not None else []
    write_text(page, review_page(selection, pictures, int(numbers.max()), dropped))
    click.echo(f"review: {len(selection)} samples in {page}. Open it, save {REVIEW_CSV}, set select.review_file")
