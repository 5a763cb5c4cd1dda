"""Stage `clean`: decodes every new raw file once, drops what is damaged or seen before, keeps a proxy of the rest.

Reads `data/ingest/raw_files.parquet`, the raw files it names, and `data/base/`; writes
`data/clean/samples.parquet` (kept samples), `dropped.parquet` (what was dropped, and why), `files.parquet` (what became
of each raw file) and `proxies/` (shards of small JPEG images).
"""

from curation.cleaning.base import BaseTables, as_they_lie
from curation.cleaning.clean import clean
from curation.cleaning.decode_file import Settings
from curation.cleaning.judging import Rules
from curation.cleaning.quality_limits import quality_limits
from curation.cleaning.summary import require_something_new, summary
from curation.core.atomic import atomic_folder
from curation.core.cores import available_cores
from curation.core.errors import RawFilesError
from curation.datapool import store
from curation.embeddings.shards import read_metadata
from curation.history.way_back import with_way_back
from curation.image.jpeg_warnings import require as require_turbojpeg
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.pipeline.raw_files import raw_finder
from curation.tables.files import read_parquet, write_parquet
from curation.tables.samples import DROPPED, FILES, RAW_FILES, SAMPLES


def run(params: Params) -> str:
    r"""Decode the new raw files: drop what is damaged or known, keep a proxy of the rest.

    \b
    Reads   data/ingest/raw_files.parquet, data/raw/, data/base/
    Writes  data/clean/: samples.parquet, dropped.parquet, files.parquet, proxies/
    """
    base = BaseTables(
        store.read_ledger(paths.BASE),
        read_metadata(paths.BASE / store.EMBEDDINGS_FOLDER),
        store.read_samples(paths.BASE),
    )
    finder = raw_finder()
    raw = as_they_lie(read_parquet(paths.RAW_FILES)[RAW_FILES.names], base.ledger, finder)
    limits = quality_limits(
        min_luma=params.clean.min_luma,
        max_luma=params.clean.max_luma,
        min_contrast=params.clean.min_contrast,
        min_sharpness=params.clean.min_sharpness,
        max_uniform_rows=params.clean.max_uniform_rows,
    )
    rules = Rules(tuple(limits), params.clean.near_duplicate_bits, store.read_removed(paths.BASE))
    settings = Settings.of(params.clean, params.ingest.fps, params.ingest.max_frames_per_video)
    workers = params.clean.workers or available_cores()
    require_turbojpeg()
    with atomic_folder(paths.PROXIES) as folder:
        retrain = params.train.retrain
        may_lack = params.train.migrate_missing == "drop_embeddings"
        try:
            cleaned = clean(
                raw, base, paths.RAW, folder, settings, rules, workers=workers, retrain=retrain, may_lack=may_lack
            )
        except RawFilesError as error:
            known = base.ledger.loc[base.ledger["path"].isin(error.raw_paths), ["path", "content_hash"]]
            raise with_way_back(error, finder.last_listed(known.itertuples(index=False, name=None))) from None
        may_be_empty = params.select.process_all or params.train.retrain or store.may_lack_new_data(paths.BASE)
        require_something_new(cleaned, base, may_be_empty=may_be_empty)
    write_parquet(cleaned.samples, SAMPLES, paths.SAMPLES)
    write_parquet(cleaned.dropped, DROPPED, paths.DROPPED)
    write_parquet(cleaned.files, FILES, paths.FILES)
    return summary(cleaned)


main = stage_command(run)

if __name__ == "__main__":
    main()
