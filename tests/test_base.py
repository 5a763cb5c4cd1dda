"""The base: empty before the first iteration, a union where two datapools come together."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curation.core.errors import BaseError
from curation.datapool import store
from curation.datapool.store import Pair
from curation.embeddings.shards import read_metadata
from curation.history.base_rule import Base
from curation.history.overlap import NearRule, exact_pairs, near_pairs
from curation.history.union import unite, united_labels
from stages.base import base
from tests.datapools import empty_datapool, grow


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return empty_datapool(tmp_path / "empty")


def test_the_first_iteration_builds_on_an_empty_datapool(tmp_path: Path) -> None:
    assert "first iteration" in base(Base((), {}), None, tmp_path / "base", None, embeddings_are_replaced=False)
    assert len(store.read_samples(tmp_path / "base")) == 0
    assert store.checkpoint_hash(tmp_path / "base") is None


def test_given_weights_are_the_checkpoint_of_an_empty_base(tmp_path: Path) -> None:
    (tmp_path / "given.ckpt").write_bytes(b"weights")
    base(Base((), {}), None, tmp_path / "base", tmp_path / "given.ckpt", embeddings_are_replaced=False)
    assert (tmp_path / "base" / store.CHECKPOINT).read_bytes() == b"weights"


def _two_branches(tmp_path: Path, empty: Path) -> tuple[Path, Path]:
    common = grow(tmp_path / "common", empty, ["a.png", "b.png"], ["a.png"])
    alice = grow(tmp_path / "alice", common, ["c.png", "d.png"], ["d.png"])
    bob = grow(tmp_path / "bob", common, ["d.png", "e.png", "f.png"], ["d.png", "f.png"])
    return alice, bob


def test_a_union_holds_what_either_side_holds(tmp_path: Path, empty: Path) -> None:
    alice, bob = _two_branches(tmp_path, empty)
    target = tmp_path / "union"
    target.mkdir()
    unite([alice, bob], target, embeddings_are_replaced=False)
    samples = store.read_samples(target)
    assert samples["filename"].tolist() == ["a.png", "d.png", "f.png"]
    assert samples["iteration"].tolist() == [1, 2, 3]
    assert store.read_iterations(target)["iteration"].tolist() == [1, 2, 3]
    assert sorted(read_metadata(target / "embeddings")["filename"]) == [f"{name}.png" for name in "abcdef"]
    assert sorted(store.read_ledger(target)["path"]) == [f"{name}.png" for name in "abcdef"]
    latest = pd.read_csv(target / store.LATEST_CSV)
    assert latest["filenames"].tolist() == samples["filename"].tolist()


def test_a_union_with_itself_is_itself(tmp_path: Path, empty: Path) -> None:
    alice, _ = _two_branches(tmp_path, empty)
    target = tmp_path / "union"
    target.mkdir()
    unite([alice, alice], target, embeddings_are_replaced=False)
    for name in (store.SAMPLES_CSV, store.ITERATIONS_CSV, store.LATEST_CSV):
        assert (target / name).read_bytes() == (alice / name).read_bytes()


def test_different_checkpoints_are_refused_unless_all_is_embedded_again(tmp_path: Path, empty: Path) -> None:
    one = grow(tmp_path / "one", empty, ["a.png"], ["a.png"])
    other = grow(tmp_path / "other", empty, ["b.png"], ["b.png"], checkpoint=b"other weights")
    for name in ("union", "retrained"):
        (tmp_path / name).mkdir()
    with pytest.raises(BaseError, match="retrain"):
        unite([one, other], tmp_path / "union", embeddings_are_replaced=False)
    unite([one, other], tmp_path / "retrained", embeddings_are_replaced=True)
    assert store.read_samples(tmp_path / "retrained")["filename"].tolist() == ["a.png", "b.png"]


def test_one_name_with_two_contents_is_refused(tmp_path: Path, empty: Path) -> None:
    one = grow(tmp_path / "one", empty, ["a.png"], ["a.png"])
    other = grow(tmp_path / "other", empty, ["a.png"], ["a.png"])
    part = next((other / "ledger").iterdir())
    changed = part.read_text().replace("content a.png", "different")
    part.unlink()
    part.write_text(changed)
    (tmp_path / "union").mkdir()
    with pytest.raises(BaseError, match=r"a\.png"):
        unite([one, other], tmp_path / "union", embeddings_are_replaced=False)


def test_labels_of_the_first_side_keep_their_index() -> None:
    first = pd.DataFrame({"label_name": ["", "city", "rain"], "label": [0, 0, 1]})
    second = pd.DataFrame({"label_name": ["city", "night", "snow"], "label": [0, 1, 2]})
    assert united_labels(first, second) == {"city": 0, "night": 2, "snow": 3}
    assert np.unique(list(united_labels(first, second).values())).size == 3


@pytest.mark.parametrize("choice", ["keep", "drop"])
def test_near_duplicates_across_datapools_are_told_and_stay_or_go(choice: str, tmp_path: Path, empty: Path) -> None:
    alice, bob = _two_branches(tmp_path, empty)
    target = tmp_path / "union"
    target.mkdir()
    rule = NearRule(3.0, "drop" if choice == "drop" else "keep")  # everything is near
    pairs = unite([alice, bob], target, embeddings_are_replaced=False, near=rule)
    assert [(pair.filename, pair.other) for pair in pairs if pair.filename == "f.png"]
    assert all(pair.distance is not None and 0 < pair.distance < 3 for pair in pairs)
    expected = ["a.png", "d.png"] + ["f.png"] * (choice == "keep")
    assert store.read_samples(target)["filename"].tolist() == expected
    assert "f.png" in set(read_metadata(target / "embeddings")["filename"])
    store.mark_as_union(target, ["1.dir", "2.dir"], pairs, choice)
    assert store.read_union(target) == (pairs, choice)


def test_near_is_nearer_than_the_smallest_distance_allowed() -> None:
    metadata = pd.DataFrame({"filename": ["a", "b", "c"]})
    embeddings = np.array([[0, 0], [0.5, 0], [0.25, 0]], np.float32)
    known, new = metadata.iloc[:1], metadata.iloc[1:]
    assert near_pairs(known, new, (metadata, embeddings), 0.5) == [Pair("c", "a", 0.25)]
    assert near_pairs(known, new, (metadata, embeddings), None) == []
    assert near_pairs(known, new, (metadata.iloc[1:], embeddings[1:]), 0.5) == []


def test_equal_pixels_under_two_names_are_a_pair() -> None:
    known = pd.DataFrame({"filename": ["a", "b"], "pixel_hash": ["1", "2"]})
    later = pd.DataFrame({"filename": ["a", "x", "y"], "pixel_hash": ["1", "2", "3"]})
    assert exact_pairs(known, later) == [Pair("x", "b", None)]
