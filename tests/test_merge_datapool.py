"""Merging a selection into the datapool, on tables of a few rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.core.errors import BaseError
from curation.datapool import store
from curation.datapool.growth import ledger_part, merged_samples
from curation.embeddings.shards import read_shards
from curation.params.schema import Params
from curation.tables.datapool import LEDGER, SAMPLES
from curation.tables.files import empty_frame
from stages.merge_datapool import keep, told
from tests.datapools import empty_datapool, files_of, grow, processed, selection_of

NAMES = ["c.png", "a.png", 'b, "c".png', "=d.png"]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return empty_datapool(tmp_path / "empty")


def test_two_iterations(tmp_path: Path, empty: Path) -> None:
    first = grow(tmp_path / "1", empty, NAMES, ["c.png", "a.png"])
    second = grow(tmp_path / "2", first, ["e.png", "f.png"], ["f.png"])
    samples = store.read_samples(second)
    assert samples["filename"].tolist() == ["c.png", "a.png", "f.png"]
    assert samples["iteration"].tolist() == [1, 1, 2]
    assert samples["nearest"].tolist() == ["", "c.png", ""]
    log = store.read_iterations(second)
    assert log["size_after"].tolist() == [2, 3]
    assert log["candidates"].tolist() == [4, 2]
    assert log["coverage_radius"].tolist() == [0.25, 0.25]
    assert sorted(store.read_ledger(second)["path"]) == sorted([*NAMES, "e.png", "f.png"])
    assert len(list((second / "ledger").iterdir())) == 2


def test_what_the_base_holds_is_linked_not_copied(tmp_path: Path, empty: Path) -> None:
    first = grow(tmp_path / "1", empty, NAMES, ["c.png"])
    second = grow(tmp_path / "2", first, ["e.png"], ["e.png"])
    for file in [*(first / "embeddings").iterdir(), *(first / "ledger").iterdir()]:
        assert (second / file.relative_to(first)).stat().st_ino == file.stat().st_ino


def test_latest_csv_is_what_lightly_reads(tmp_path: Path, empty: Path) -> None:
    from lightly.utils.io import load_embeddings

    datapool = grow(tmp_path / "1", empty, NAMES, NAMES)
    embeddings, labels, filenames = load_embeddings(str(datapool / store.LATEST_CSV))
    assert filenames == NAMES
    assert labels == [0] * 4
    wanted = store.embeddings_of(pd.Series(NAMES), *read_shards(datapool / "embeddings"))
    np.testing.assert_array_equal(embeddings.astype(np.float32), wanted)


def test_another_checkpoint_replaces_all_embeddings(tmp_path: Path, empty: Path) -> None:
    first = grow(tmp_path / "1", empty, ["a.png", "b.png"], ["a.png"])
    second = grow(tmp_path / "2", first, ["a.png", "b.png", "c.png"], ["c.png"], checkpoint=b"other weights")
    metadata, _ = read_shards(second / "embeddings")
    assert metadata["filename"].tolist() == ["a.png", "b.png", "c.png"]
    assert store.read_samples(second)["filename"].tolist() == ["a.png", "c.png"]


def test_a_lost_embedding_is_told(tmp_path: Path, empty: Path) -> None:
    first = grow(tmp_path / "1", empty, ["a.png", "b.png"], ["a.png"])
    for shard in (first / "embeddings").iterdir():
        shard.unlink()
    with pytest.raises(BaseError, match=r"'a\.png'"):
        grow(tmp_path / "2", first, ["c.png"], ["c.png"])


def test_a_sample_never_comes_in_twice() -> None:
    base = empty_frame(SAMPLES)
    once = merged_samples(base, selection_of(["a.png"]), processed(["a.png"]), 1)
    with pytest.raises(RuntimeError, match="already"):
        merged_samples(once, selection_of(["a.png"]), processed(["a.png"]), 2)


def test_ledger_holds_what_was_processed_once() -> None:
    base = ledger_part(empty_frame(LEDGER), files_of(["a.png"]), 1)
    files = pd.concat([files_of(["a.png", "b.png"]), files_of(["x.png"], "corrupt"), files_of(["n.txt"], "ignored")])
    part = ledger_part(base, files, 2)
    assert part["path"].tolist() == ["b.png", "x.png"]
    assert part["corrupt"].tolist() == [0, 1]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefghijklmnop"), min_size=1, unique=True), min_size=1, max_size=4))
def test_samples_are_kept_in_order_and_unique(batches: list[list[str]]) -> None:
    samples = empty_frame(SAMPLES)
    seen: list[str] = []
    for iteration, batch in enumerate(batches, start=1):
        new = [name for name in batch if name not in seen]
        samples = merged_samples(samples, selection_of(new), processed(new), iteration)
        seen += new
        assert samples["filename"].tolist() == seen
        assert samples.dtypes.to_dict() == empty_frame(SAMPLES).dtypes.to_dict()


def test_what_was_kept_and_what_could_not_be_is_told() -> None:
    assert told(2, 3_100_000, 5e6, {}) == "; 2 full-size pictures kept (3.1 MB, 5.0 MB in all)"
    assert told(0, 0, 0, {"=a.png": "gone", "b.png": "gone"}) == (
        "; 0 full-size pictures kept (0 bytes, 0 bytes in all); 2 samples have none, '=a.png' for one: gone"
    )


def test_by_default_no_picture_is_looked_for(tmp_path: Path, empty: Path) -> None:
    pool = grow(tmp_path / "1", empty, NAMES, NAMES)
    before = {path: path.read_bytes() for path in pool.rglob("*") if path.is_file()}
    assert keep(pool, Params()) == ""
    assert {path: path.read_bytes() for path in pool.rglob("*") if path.is_file()} == before
