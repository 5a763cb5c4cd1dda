"""Stage `merge_datapool`: the base and the selection become the datapool.

Reads `data/base/`, `data/clean/files.parquet`, `data/train/checkpoint.ckpt`, `data/embed/`, `data/select/`
and `base.json`, and raw files where full-size pictures are to be kept (`merge_datapool.keep_pictures`); writes
`datapool/`. What the base already holds is linked, not copied.
"""

from pathlib import Path

import click
from tqdm import tqdm

from curation.core.atomic import atomic_folder
from curation.core.cores import available_cores
from curation.core.errors import BaseError
from curation.core.words import in_bytes
from curation.datapool import store
from curation.datapool.growth import merge_datapool
from curation.datapool.pictures import read_pictures
from curation.datapool.sources import read_sources
from curation.datapool.value_windows import value_windows
from curation.embeddings.shards import read_metadata
from curation.export.batches import Settings
from curation.export.keeping import estimated_bytes, keep_pictures, planned
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.pipeline.raw_files import raw_finder
from curation.raw.finding import where_they_lie
from curation.raw.pinned import Objects
from curation.tables.embeddings import MARKS, WITHOUT_EMBEDDING
from curation.tables.files import read_csv, read_known_parquet, read_parquet
from curation.tables.samples import FILES
from curation.tables.selection import SELECTION
from curation.workers.outcomes import Limits


def keep(datapool: Path, params: Params) -> str:
    """Keep full-size pictures with the datapool, if that is wanted, and say how many.

    Args:
        datapool: the folder, with all else in it.
        params: of the project.
    """
    form, kept = params.merge_datapool.keep_pictures, read_pictures(datapool)
    if form == "none":
        return ""
    samples, iterations = store.read_samples(datapool), store.read_iterations(datapool)
    windows = value_windows(params.clean.value_window, datapool)
    settings = Settings(form, None, tuple(params.ingest.video_extensions), params.clean.max_pixels, windows=windows)
    lacking = samples[~samples["filename"].isin(kept["filename"])]
    finder = raw_finder(params.ingest, read_sources(datapool))
    places = where_they_lie(lacking, finder)["raw_path"]
    work = planned(lacking, list(places), paths.DATAPOOL, settings)
    by_path = finder.objects_at(zip(work.rows["raw_path"], work.rows["content_hash"], strict=True))
    objects = Objects(by_path, params.ingest.prefetch_mb << 20)
    estimate = estimated_bytes(work, paths.RAW, read_metadata(datapool / store.EMBEDDINGS_FOLDER), objects)
    if estimate:
        click.echo(f"merge_datapool: keeping full-size pictures ({form}), about {in_bytes(estimate)}", err=True)
    limits = Limits(params.clean.decode_timeout_s, params.clean.decode_memory_mb)
    with tqdm(total=len(work.to_make), desc="keep", unit="picture", disable=None, leave=False) as bar:
        failed = keep_pictures(
            datapool,
            work,
            int(iterations["iteration"].max()),
            paths.RAW,
            settings,
            workers=params.clean.workers or available_cores(),
            limits=limits,
            advance=bar.update,
            objects=objects,
        )
    every = read_pictures(datapool)
    return told(
        len(every) - len(kept), int(every["bytes"].sum() - kept["bytes"].sum()), int(every["bytes"].sum()), failed
    )


def told(new: int, new_bytes: float, all_bytes: float, failed: dict[str, str]) -> str:
    """Say what was kept, and what could not be."""
    words = f"; {new} full-size pictures kept ({in_bytes(new_bytes)}, {in_bytes(all_bytes)} in all)"
    if failed:
        name, reason = next(iter(failed.items()))
        words += f"; {len(failed)} samples have none, {name!r} for one: {reason}"
    return words


def run(params: Params) -> str:
    r"""Merge the selection into the datapool.

    \b
    Reads   data/base/, data/clean/files.parquet, data/train/checkpoint.ckpt, data/embed/,
            data/select/selection.csv, data/select/candidates.parquet, base.json;
            data/raw/ for the full-size pictures that are to be kept
    Writes  datapool/
    """
    resolved = paths.BASE_JSON.read_bytes()
    tables = {
        "files": read_known_parquet(paths.FILES, FILES),
        "selection": read_csv(paths.SELECTION, SELECTION),
        "candidates": read_parquet(paths.CANDIDATES),
    }
    marks = read_csv(paths.MARKS, MARKS)
    with atomic_folder(paths.DATAPOOL) as folder:
        lost = set(marks["filename"][marks["mark"] == WITHOUT_EMBEDDING])
        summary = merge_datapool(
            folder, paths.BASE, paths.CHECKPOINT, paths.EMBEDDINGS, tables, lost, paths.OBJECT_EMBEDDINGS
        )
        summary += keep(folder, params)
        # A killed `dvc repro` leaves its stage running: it must not overwrite what a later run has decided.
        if paths.BASE_JSON.read_bytes() != resolved:
            raise BaseError("another run has chosen another base since; nothing was written: run `dvc repro` again")
    return summary


main = stage_command(run)

if __name__ == "__main__":
    main()
