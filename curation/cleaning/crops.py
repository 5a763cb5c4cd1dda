"""What was cut out of the pictures of samples, as one table, and its shards under their final names."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from curation.cleaning.crop_shards import crop_shard, is_crop_shard
from curation.cleaning.decode_file import DecodedFile
from curation.image.proxies import store_shards

_FROM_SAMPLES = ["filename", "content_hash", "frame", "pixel_hash"]
_FROM_CROPS = ["content_hash", "frame", "key", "left", "top", "width", "height", "shard", "member"]
CROPS = [*_FROM_SAMPLES, *_FROM_CROPS[2:]]
"""Columns: `key` is that of the box, `shard` a temporary name."""


def crops_of(samples: pd.DataFrame, decoded: Sequence[DecodedFile], content_hashes: Mapping[str, str]) -> pd.DataFrame:
    """Return the crops of samples, columns of `CROPS`, sorted by filename and key.

    Args:
        samples: those that stay, `filename`, `content_hash`, `frame` and `pixel_hash`.
        decoded: files.
        content_hashes: by raw path.
    """
    rows = [
        (
            content_hashes[file.path],
            *(getattr(crop, name) for name in _FROM_CROPS[1:-2]),
            crop_shard(file.shard),
            crop.member,
        )
        for file in decoded
        for crop in file.crops
    ]
    crops = pd.DataFrame(rows, columns=_FROM_CROPS).astype({"frame": "int64", "key": "int64"})
    found = samples[_FROM_SAMPLES].merge(crops, on=["content_hash", "frame"], how="inner")
    table: pd.DataFrame = found.sort_values(["filename", "key"], kind="stable", ignore_index=True)[CROPS]
    return table


def move_crops(crops: pd.DataFrame, source: Path, target: Path) -> pd.DataFrame:
    """Bring the shards of crops into a folder of their own, without the crops that are not wanted.

    Args:
        crops: the wanted ones, with the temporary names in `shard`, and `member`.
        source: folder with the shards under temporary names, all of which are gone afterwards.
        target: an existing folder in the same file system.

    Returns:
        `crops`, with the final names in `shard`.
    """
    shards = [file for file in source.iterdir() if is_crop_shard(file.name)]
    names = store_shards(shards, target, dict(iter(crops.groupby("shard", sort=True)["member"])))
    return crops.assign(shard=crops["shard"].map(names).astype(str))
