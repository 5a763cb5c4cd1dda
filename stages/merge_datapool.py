"""Stage `merge_datapool`: the base and the selection become the datapool.

Reads `data/base/`, `data/clean/files.parquet`, `data/train/checkpoint.ckpt`, `data/embed/`, `data/select/`
and `base.json`; writes `datapool/`. What the base already holds is linked, not copied.
"""

from curation.core.atomic import atomic_folder
from curation.core.errors import BaseError
from curation.datapool.growth import merge_datapool
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.tables.embeddings import MARKS, WITHOUT_EMBEDDING
from curation.tables.files import read_csv, read_parquet
from curation.tables.selection import SELECTION


def run(params: Params) -> str:
    r"""Merge the selection into the datapool.

    \b
    Reads   data/base/, data/clean/files.parquet, data/train/checkpoint.ckpt, data/embed/,
            data/select/selection.csv, data/select/candidates.parquet, base.json
    Writes  datapool/
    """
    resolved = paths.BASE_JSON.read_bytes()
    tables = {
        "files": read_parquet(paths.FILES),
        "selection": read_csv(paths.SELECTION, SELECTION),
        "candidates": read_parquet(paths.CANDIDATES),
    }
    marks = read_csv(paths.MARKS, MARKS)
    with atomic_folder(paths.DATAPOOL) as folder:
        lost = set(marks["filename"][marks["mark"] == WITHOUT_EMBEDDING])
        summary = merge_datapool(folder, paths.BASE, paths.CHECKPOINT, paths.EMBEDDINGS, tables, lost)
        # A killed `dvc repro` leaves its stage running: it must not overwrite what a later run has decided.
        if paths.BASE_JSON.read_bytes() != resolved:
            raise BaseError("another run has chosen another base since; nothing was written: run `dvc repro` again")
    return summary


main = stage_command(run)

if __name__ == "__main__":
    main()
