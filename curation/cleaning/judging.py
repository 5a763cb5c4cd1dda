"""What becomes of each new sample: whether it is dropped although it decodes, and what stays in its place."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.cleaning.near_duplicates import near_duplicates
from curation.cleaning.quality_limits import QualityLimit, beyond_limits
from curation.cleaning.removed import is_removed
from curation.raw.naming import shortlex
from curation.tables.membership import is_among
from curation.tables.samples import CORRUPT, DUPLICATE, KEPT, LOW_QUALITY, NEAR_DUPLICATE


@dataclass(frozen=True)
class Rules:
    """The rules by which samples are dropped although they decode.

    Attributes:
        limits: of the quality figures, the most telling first.
        near_duplicate_bits: bits by which the perceptual hashes of near duplicates may differ; None = they stay.
        removed: what was taken out for good, columns of `curation.tables.datapool.REMOVED`; None for nothing.
    """

    limits: tuple[QualityLimit, ...] = ()
    near_duplicate_bits: int | None = None
    removed: pd.DataFrame | None = None


def judged(samples: pd.DataFrame, base: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Decide what becomes of each sample: the first of `DROPPED_STATUSES` that holds, else it is kept.

    So samples of low quality stand for no others, and a duplicate always names a sample that stays.

    Args:
        samples: new ones, of `sample_table`.
        base: processed ones, `filename`, `pixel_hash` and `perceptual_hash`.
        rules: what is dropped although it decodes.

    Returns:
        `samples` with the columns `status`, `reason`, `duplicate_of` and `figure` of `DROPPED`.
    """
    found = beyond_limits(samples, rules.limits).assign(status=KEPT, duplicate_of="")
    found.loc[found["reason"] != "", "status"] = LOW_QUALITY
    damaged = samples["fault"] != ""
    found.loc[damaged, "status"] = CORRUPT
    found.loc[damaged, "reason"] = samples.loc[damaged, "fault"]
    found.loc[damaged, "figure"] = np.nan
    if rules.removed is not None:
        _drop_removed(found, samples, rules.removed)
    sound = samples[found["status"] == KEPT]
    same = originals(sound, base)
    copies = same[same != ""].index
    found.loc[copies, "status"] = DUPLICATE
    found.loc[copies, "reason"] = "equal pixels"
    found.loc[copies, "duplicate_of"] = same[copies]
    if rules.near_duplicate_bits is not None:
        near = _near_originals(samples[found["status"] == KEPT], base, rules.near_duplicate_bits)
        _drop_near_duplicates(found, samples["filename"], near, rules.near_duplicate_bits)
    return pd.concat([samples, found], axis=1)


def _drop_removed(found: pd.DataFrame, samples: pd.DataFrame, removed: pd.DataFrame) -> None:
    """Note in `found` which samples were taken out of the datapool for good: no other stays in their place."""
    rows = found.index[(found["status"] == KEPT) & is_removed(samples, removed)]
    found.loc[rows, "status"] = DUPLICATE
    found.loc[rows, "reason"] = "taken out of the datapool for good (base.removed_file)"


def _near_originals(samples: pd.DataFrame, base: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Find near duplicates, the base first, then in shortlex order.

    Returns:
        Index as in `samples`, those with a near duplicate that stays: `duplicate_of` and `figure` (differing bits).
    """
    known = base[base["perceptual_hash"] != ""].sort_values("filename", key=shortlex_keys, kind="stable")
    new = samples.sort_values("filename", key=shortlex_keys, kind="stable")
    found = near_duplicates(_bits(known["perceptual_hash"]), _bits(new["perceptual_hash"]), limit)
    names = pd.concat([known["filename"], new["filename"]]).to_numpy(dtype=object)
    table = pd.DataFrame({"duplicate_of": names[found.keeper], "figure": found.bits.astype(float)}, index=new.index)
    return table[found.keeper >= 0]


def _drop_near_duplicates(found: pd.DataFrame, filenames: "pd.Series[str]", near: pd.DataFrame, limit: int) -> None:
    """Note near duplicates in `found`, and with them the exact duplicates of what is now dropped."""
    names = filenames[near.index]
    stand_ins = pd.DataFrame(near.to_numpy(), index=names, columns=near.columns)
    copies = found.index[(found["status"] == DUPLICATE) & found["duplicate_of"].isin(names)]
    of_copies = stand_ins.loc[found.loc[copies, "duplicate_of"]]
    for rows, origin in ((near.index, near), (copies, of_copies)):
        found.loc[rows, "status"] = NEAR_DUPLICATE
        found.loc[rows, "reason"] = f"perceptual hash within clean.near_duplicate_bits ({limit})"
        found.loc[rows, "duplicate_of"] = origin["duplicate_of"].to_numpy()
        found.loc[rows, "figure"] = origin["figure"].to_numpy(dtype=float)


def _bits(hashes: "pd.Series[str]") -> NDArray[np.uint64]:
    return np.array([int(str(value), 16) for value in hashes], dtype=np.uint64)


def originals(samples: pd.DataFrame, base: pd.DataFrame) -> "pd.Series[str]":
    """Find exact duplicates: what the base has processed stays before all, then the first in shortlex order.

    Args:
        samples: new ones, `filename` and `pixel_hash` (empty for damaged frames, which are no duplicates).
        base: processed ones, likewise.

    Returns:
        For each new sample the filename that stays in its place; empty if it stays itself. Index as in `samples`.
    """
    sound = samples.loc[samples["pixel_hash"] != "", ["filename", "pixel_hash"]]
    sound = sound.sort_values("filename", key=shortlex_keys, kind="stable")
    in_base = base.loc[is_among(base["pixel_hash"], sound["pixel_hash"]), ["filename", "pixel_hash"]].sort_values(
        "filename", key=shortlex_keys, kind="stable"
    )
    everything = pd.concat([in_base, sound], ignore_index=True)
    first = everything.drop_duplicates("pixel_hash").set_index("pixel_hash")["filename"]
    staying = samples["pixel_hash"].map(first).fillna("").astype(str)
    return staying.where(staying != samples["filename"], "")


def shortlex_keys(names: "pd.Series[str]") -> "pd.Series[Any]":
    """Return the key of each name in shortlex order, with the index of `names`."""
    return pd.Series([shortlex(str(name)) for name in names], index=names.index, dtype=object)
