"""Objects of a datapool: they grow with it, and a datapool without objects is as it was before there were any."""

from pathlib import Path

import pytest

from curation.datapool import store
from curation.datapool.removal import take_out, tombstones
from curation.embeddings.shards import read_metadata, read_shards, shard_checkpoint, shard_files
from curation.history.union import unite
from curation.tables.objects import OBJECT_METADATA
from tests.datapools import empty_datapool, grow, processed


@pytest.fixture
def first(tmp_path: Path) -> Path:
    names = ["a.png", "b.png"]
    return grow(
        tmp_path / "1", empty_datapool(tmp_path / "empty"), names, ["a.png"], objects=["a.png", "a.png", "b.png"]
    )


def objects_in(datapool: Path) -> list[str]:
    return list(read_metadata(datapool / store.OBJECTS_FOLDER, OBJECT_METADATA)["filename"])


def test_a_datapool_holds_the_objects_of_all_that_was_processed(first: Path, tmp_path: Path) -> None:
    second = grow(tmp_path / "2", first, ["c.png", "d.png"], ["d.png"], objects=["d.png"])
    assert objects_in(second) == ["a.png", "a.png", "b.png", "d.png"]
    (former,) = shard_files(first / store.OBJECTS_FOLDER)
    assert former.name in {file.name for file in shard_files(second / store.OBJECTS_FOLDER)}
    without = grow(tmp_path / "3", second, ["e.png"], ["e.png"])
    assert objects_in(without) == objects_in(second)


def test_a_datapool_without_objects_has_no_folder_for_them(tmp_path: Path) -> None:
    datapool = grow(tmp_path / "1", empty_datapool(tmp_path / "empty"), ["a.png"], ["a.png"])
    assert not (datapool / store.OBJECTS_FOLDER).exists()


def test_another_model_leaves_the_former_objects_behind(first: Path, tmp_path: Path) -> None:
    names = ["a.png", "b.png", "c.png"]
    again = grow(tmp_path / "2", first, names, ["c.png"], b"other weights", objects=["b.png"])
    assert objects_in(again) == ["b.png"]


def test_what_is_taken_out_takes_its_objects_along(first: Path) -> None:
    take_out(first, tombstones(processed(["a.png"]), set(), "no consent"))
    assert objects_in(first) == ["b.png"]
    (shard,) = shard_files(first / store.OBJECTS_FOLDER)
    assert shard_checkpoint(shard) == "hash"
    assert read_shards(shard, OBJECT_METADATA)[1].shape == (1, 3)
    take_out(first, tombstones(processed(["b.png"]), set(), "no consent"))
    assert objects_in(first) == []


def test_a_union_has_the_objects_of_either_side_once(first: Path, tmp_path: Path) -> None:
    alice = grow(tmp_path / "alice", first, ["c.png", "d.png"], ["d.png"], objects=["c.png", "c.png", "d.png"])
    bob = grow(tmp_path / "bob", first, ["d.png", "e.png"], ["e.png"], objects=["d.png", "d.png", "e.png"])
    (target := tmp_path / "union").mkdir()
    unite([alice, bob], target, embeddings_are_replaced=False)
    assert objects_in(target) == ["a.png", "a.png", "b.png", "c.png", "c.png", "d.png", "e.png"]
    (target := tmp_path / "same").mkdir()
    unite([alice, alice], target, embeddings_are_replaced=False)
    assert objects_in(target) == objects_in(alice)
