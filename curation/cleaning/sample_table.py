"""All samples that were decoded, in one table, each with a name of its own."""

import math
from collections.abc import Sequence
from dataclasses import fields
from itertools import islice
from operator import attrgetter

import numpy as np
import pandas as pd

from curation.cleaning.accounting import named
from curation.cleaning.decode_file import DecodedFile
from curation.core.errors import RawDataError
from curation.image.quality import Quality
from curation.raw.naming import label_name, sample_name
from curation.tables.membership import is_among
from curation.tables.samples import SAMPLES

_FIGURES = [field.name for field in fields(Quality) if field.type is float]


_figures_of = attrgetter(*(field.name for field in fields(Quality)))


_ROWS_AT_ONCE = 50_000

_NO_QUALITY = (*[math.nan] * len(_FIGURES), "")


def sample_table(decoded: Sequence[DecodedFile], content_hashes: dict[str, str]) -> pd.DataFrame:
    """Put all that was decoded into one table.

    Args:
        decoded: files, in any order.
        content_hashes: by raw path.

    Returns:
        A row for each sample of the files that are not refused, sorted by filename: the columns of `SAMPLES` but
        `label` and `is_new`, and `fault`. `shard` is the temporary name; `member` is empty where there is no proxy. A
        damaged frame has no figures (NaN) and an empty `pixel_hash` and `perceptual_hash`.
    """
    rows = (
        (
            sample_name(file.path, file.media, sample.frame, max(file.decoded, len(file.samples))),
            file.path,
            content_hashes[file.path],
            sample.frame,
            sample.time_s,
            sample.width,
            sample.height,
            sample.pixel_hash,
            *(_figures_of(sample.quality) if sample.quality else _NO_QUALITY),
            label_name(file.path),
            file.shard,
            sample.member,
            sample.fault,
        )
        for file in decoded
        if not file.is_corrupt
        for sample in file.samples
    )
    columns = [*(name for name in SAMPLES.names if name not in ("label", "is_new")), "fault"]
    # In pieces, since a table takes a fifth of the memory of its rows as objects.
    pieces = [pd.DataFrame(piece, columns=columns) for piece in iter(lambda: list(islice(rows, _ROWS_AT_ONCE)), [])]
    table = pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame([], columns=columns)
    table = table.astype(dict.fromkeys(_FIGURES, np.float32))  # as they are stored, so that limits hold alike
    return table.sort_values("filename", kind="stable", ignore_index=True)


def require_unique_names(samples: pd.DataFrame, base: pd.DataFrame) -> None:
    """Make sure that each sample's name stands for one sample.

    Args:
        samples: new ones, `filename` and `raw_path`.
        base: those of the base.

    Raises:
        RawDataError: naming two raw files that give the same name.
    """
    if not samples["filename"].duplicated().any() and not is_among(samples["filename"], base["filename"]).any():
        return
    names = pd.concat([base[["filename", "raw_path"]], samples[["filename", "raw_path"]]], ignore_index=True)
    clashing = names[names["filename"].duplicated(keep=False)]
    pairs = clashing.groupby("filename", sort=True)["raw_path"].agg(lambda paths: " and ".join(sorted(paths)))
    shown = named([f"{name} from {files}" for name, files in pairs.items()], 5)
    raise RawDataError(f"raw files whose samples would have the same name: {shown}. Rename one file of each pair")
