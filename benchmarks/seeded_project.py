"""A project whose raw media are imagined: tables made from a seed, in the form in which the stages write them.

A million pictures cannot be decoded for every measurement. So blocks of rows stand for them, by turns a video of
`BLOCK` frames and a folder with as many images, each with a name, hashes and figures made from its number. What the
stages do with the rows from there on is their own work.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.select_speed import video_like
from curation.cleaning.decode_file import DecodedFile
from curation.core.kinds import IMAGE, VIDEO
from curation.datapool import store
from curation.embeddings.given_files import hash_of
from curation.image.decoded_sample import DecodedSample
from curation.image.proxies import ShardWriter, member_name, store_shard
from curation.image.quality import Quality
from curation.pipeline import paths
from curation.tables.files import read_parquet, write_parquet
from curation.tables.samples import OBJECT_COLUMNS, RAW_FILES

BLOCK = 500
GIVEN = "given.npy"
_SHARD = "seeded"


def raw_files(start: int, stop: int) -> pd.DataFrame:
    """Return the raw files of rows, columns `RAW_FILES`.

    Args:
        start: the first row, at the beginning of a block.
        stop: the row after the last.
    """
    rows: list[tuple[str, str, int]] = []
    for first in range(start, stop, BLOCK):
        block, count = first // BLOCK, min(BLOCK, stop - first)
        if block % 2 == 0:
            rows.append((f"city{block % 14}/cam{block % 40:02}/drive_{block:07}.mp4", VIDEO, count))
        else:
            folder = f"photos{block % 14}/day_{block:07}"
            rows += [(f"{folder}/{number:09}.jpg", IMAGE, 1) for number in range(first, first + count)]
    table = pd.DataFrame(rows, columns=["path", "media", "frames"])
    hashes = [_hash(path) for path in table["path"]]
    known: dict[str, Any] = {"reason": "", "size": 100_000, "content_hash": hashes, **dict.fromkeys(OBJECT_COLUMNS, "")}
    listed: pd.DataFrame = table.assign(**known)[RAW_FILES.names]
    return listed


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def decoded_file(path: str, media: str, frames: int) -> DecodedFile:
    """Return what decoding an imagined file gives."""
    samples = [_decoded_sample(path, media, frame) for frame in range(frames)]
    return DecodedFile(path, media, samples, 0, False, "", _SHARD, decoded=frames)


def _decoded_sample(path: str, media: str, frame: int) -> DecodedSample:
    digest = _hash(f"{path} {frame}")
    values = [int(digest[place : place + 4], 16) / 256 for place in range(0, 28, 4)]
    luma, contrast, sharpness, rows, red, green, blue = values
    quality = Quality(20 + luma * 0.8, 20 + contrast / 3, sharpness, rows / 1024, red, green, blue, digest[32:48])
    seconds = frame / 30 if media == VIDEO else float("nan")
    return DecodedSample(frame, seconds, 1280, 720, digest[:32], "", member_name(0), quality)


def with_one_shard(samples: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Let all samples share one proxy: their pictures are imagined."""
    picture = folder / "picture.jpg"
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(picture)
    with ShardWriter(folder / _SHARD) as writer:
        writer.add(member_name(0), picture.read_bytes())
    picture.unlink()
    return samples.assign(shard=store_shard(folder / _SHARD, folder, [member_name(0)]))


def make_project(folder: Path, template: Path, rows: int, picks: int) -> None:
    """Make a project with the raw files of its first iteration, and an empty base.

    Args:
        folder: where it goes; the current folder from then on is to be this one.
        template: the folder with `dvc.yaml` and `params.yaml`.
        rows: samples of the iteration.
        picks: samples to select.
    """
    folder.mkdir(parents=True)
    text = (template / paths.PARAMS).read_text(encoding="utf-8")
    (folder / paths.DVC_YAML).write_text((template / paths.DVC_YAML).read_text(encoding="utf-8"), encoding="utf-8")
    text = re.sub(r"(?m)^  embeddings_file: .*$", f"  embeddings_file: {GIVEN}", text)
    (folder / paths.PARAMS).write_text(_with_picks(text, picks), encoding="utf-8")
    (folder / paths.BASE_JSON).write_text('{"commits": [], "datapools": [], "fingerprint": {}}', encoding="utf-8")
    (folder / paths.BASE).mkdir(parents=True)
    store.write_empty_datapool(folder / paths.BASE)
    write_parquet(raw_files(0, rows).sort_values("path"), RAW_FILES, folder / paths.RAW_FILES)


def begin_next(folder: Path, rows: int, new: int, picks: int) -> None:
    """Let the datapool be the base, and list as many more raw files.

    Args:
        folder: the project after an iteration.
        rows: samples of that.
        new: samples that come.
        picks: samples to select.
    """
    (folder / paths.BASE).rename(folder / "former_base")
    (folder / paths.DATAPOOL).rename(folder / paths.BASE)
    params = folder / paths.PARAMS
    params.write_text(_with_picks(params.read_text(encoding="utf-8"), picks), encoding="utf-8")
    every = pd.concat([read_parquet(folder / paths.RAW_FILES), raw_files(rows, rows + new)])
    write_parquet(every.sort_values("path"), RAW_FILES, folder / paths.RAW_FILES)


def _with_picks(params: str, picks: int) -> str:
    return re.sub(r"(?m)^  n_samples: .*$", f"  n_samples: {picks}", params)


def give_embeddings(folder: Path, dimension: int, seed: int) -> None:
    """Write the file of embeddings of the new samples, as another program would, and its hash, as stage `base` does.

    Args:
        folder: the project after stage `clean`.
        dimension: of an embedding.
        seed: of the embeddings, which drift as the frames of videos do.
    """
    names: Sequence[str] = read_parquet(folder / paths.SAMPLES, ["filename"])["filename"].tolist()
    np.save(folder / GIVEN, video_like(len(names), dimension, seed))
    (folder / GIVEN).with_suffix(".txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    (folder / paths.GIVEN_EMBEDDINGS).write_text(f"{hash_of(str(folder / GIVEN))}\n", encoding="utf-8")
    (folder / paths.GIVEN_WEIGHTS).write_text("", encoding="utf-8")
    (folder / paths.GIVEN_PREDICTIONS).write_text("", encoding="utf-8")
