"""Stage `clean`: decodes every new raw file once, drops what is damaged or seen before, keeps a proxy of the rest.

Reads `data/ingest/raw_files.parquet`, the raw files it names, in `data/raw/` or in a bucket, and `data/base/`; writes
`data/clean/samples.parquet` (kept samples), `dropped.parquet` (what was dropped, and why), `files.parquet` (what became
of each raw file) and `proxies/` (shards of small JPEG images). Where the selection compares objects, it also reads
their predictions, cuts the objects out of the pictures while these are decoded, and writes `objects/`: shards of such
crops, and `objects.parquet`, which says what they show. What becomes of each file is kept in `.dvc/tmp/clean/`, too, so
that a run which was killed goes on where it was; that folder may be deleted at any time.
"""

from pathlib import Path

import click
import pandas as pd

from curation.cleaning.base import BaseTables, as_they_lie
from curation.cleaning.clean import Cleaned, clean
from curation.cleaning.crops import move_crops
from curation.cleaning.decode_file import Settings
from curation.cleaning.judging import Rules
from curation.cleaning.objects import way_back_in_bucket
from curation.cleaning.quality_limits import quality_limits
from curation.cleaning.summary import require_something_new, summary
from curation.core.atomic import atomic_folder
from curation.core.cores import available_cores
from curation.core.errors import RawDataError, RawFilesError
from curation.datapool import store
from curation.datapool.sources import read_sources
from curation.datapool.value_windows import as_windows
from curation.embeddings.shards import read_metadata
from curation.execution.choice import engine_of
from curation.history.way_back import with_way_back
from curation.image.jpeg_warnings import require as require_turbojpeg
from curation.labels.crop_plan import Task
from curation.labels.given_files import read_object_tasks
from curation.labels.objects import ObjectCrops, cut_in_words
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.clean_results import clean_results
from curation.pipeline.command import stage_command
from curation.pipeline.raw_files import raw_finder
from curation.raw.pages import as_processed
from curation.selection.given import predicted_by
from curation.tables.files import write_parquet
from curation.tables.objects import OBJECT_METADATA, OBJECTS
from curation.tables.raw_files import read_raw_files
from curation.tables.samples import DROPPED, FILES, SAMPLES


def run(params: Params) -> str:
    r"""Decode the new raw files: drop what is damaged or known, keep a proxy of the rest.

    \b
    Reads   data/ingest/raw_files.parquet, data/raw/, data/base/, data/given_predictions.txt,
            and the predictions that this names
    Writes  data/clean/: samples.parquet, dropped.parquet, files.parquet, proxies/, objects/
    """
    base = BaseTables(
        store.read_ledger(paths.BASE),
        read_metadata(paths.BASE / store.EMBEDDINGS_FOLDER),
        store.read_samples(paths.BASE),
        read_sources(paths.BASE),
    )
    finder = raw_finder()
    raw = as_they_lie(read_raw_files(paths.RAW_FILES), base.ledger, finder)
    raw = as_processed(raw, base.ledger)
    limits = quality_limits(
        min_luma=params.clean.min_luma,
        max_luma=params.clean.max_luma,
        min_contrast=params.clean.min_contrast,
        min_sharpness=params.clean.min_sharpness,
        max_uniform_rows=params.clean.max_uniform_rows,
    )
    rules = Rules(tuple(limits), params.clean.near_duplicate_bits, store.read_removed(paths.BASE))
    windows = as_windows(store.read_value_windows(paths.BASE))
    settings = Settings.of(params.clean, params.ingest.fps, params.ingest.max_frames_per_video, windows)
    workers = params.clean.workers or available_cores()
    require_turbojpeg()
    results = clean_results(raw, params.clean.resume_mb)
    objects = object_crops(base.processed, retrain=params.train.retrain)
    with (
        engine_of(params.execution) as engine,
        atomic_folder(paths.PROXIES) as folder,
        atomic_folder(paths.OBJECTS) as crop_folder,
    ):
        retrain = params.train.retrain
        may_lack = params.train.migrate_missing == "drop_embeddings"
        try:
            cleaned = clean(
                *(raw, base, paths.RAW, folder, settings, rules),
                workers=workers,
                retrain=retrain,
                may_lack=may_lack,
                what_to_cut=objects,
                engine=engine,
                prefetch_bytes=params.ingest.prefetch_mb << 20,
                results=results,
            )
        except RawFilesError as error:
            known = base.ledger.loc[base.ledger["path"].isin(error.raw_paths), ["path", "content_hash"]]
            if words := way_back_in_bucket(error.raw_paths, raw, base.sources):
                raise RawDataError(f"{error.message}. {words}") from None
            raise with_way_back(error, finder.last_listed(known.itertuples(index=False, name=None))) from None
        may_be_empty = params.select.process_all or params.train.retrain or store.may_lack_new_data(paths.BASE)
        require_something_new(cleaned, base, may_be_empty=may_be_empty)
        words = keep_objects(objects, cleaned, folder, crop_folder)
    write_parquet(cleaned.samples, SAMPLES, paths.SAMPLES)
    write_parquet(cleaned.dropped, DROPPED, paths.DROPPED)
    write_parquet(cleaned.files, FILES, paths.FILES)
    return summary(cleaned) + words + (results.finish() if results is not None else "")


def object_crops(processed: pd.DataFrame, *, retrain: bool) -> ObjectCrops:
    """Read the predictions of the tasks whose objects are embedded.

    Args:
        processed: samples of the base.
        retrain: whether these are decoded again, with the boxes that the base knows.
    """
    given = paths.GIVEN_PREDICTIONS.read_text(encoding="utf-8") if paths.GIVEN_PREDICTIONS.exists() else ""
    tasks = [
        Task(name, path, predicted_by(path, "select.predictions", ())[0])
        for name, path in read_object_tasks(given).items()
    ]
    recorded = read_metadata(paths.BASE / store.OBJECTS_FOLDER if retrain else [], OBJECT_METADATA)
    return ObjectCrops(tasks, processed, recorded)


def keep_objects(objects: ObjectCrops, cleaned: Cleaned, proxy_folder: Path, crop_folder: Path) -> str:
    """Keep the crops that show objects of samples, and say how many there are.

    Args:
        objects: what was to be cut out.
        cleaned: what came of the pictures.
        proxy_folder: where the shards of crops are, under temporary names.
        crop_folder: an existing folder for them, and for the table of the objects.
    """
    found = objects.found(cleaned.crops, set(cleaned.samples["filename"]))
    table = move_crops(found.table, proxy_folder, crop_folder)
    write_parquet(table, OBJECTS, crop_folder / paths.OBJECTS_TABLE.name)
    for line in objects.told(found):
        click.echo(f"clean: {line}", err=True)
    return cut_in_words(table)


main = stage_command(run)

if __name__ == "__main__":
    main()
