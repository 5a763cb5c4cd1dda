"""Taking samples out of a datapool: three rows, tombstones, and what comes back under another name."""

from pathlib import Path

import pandas as pd
import pytest

from curation.cleaning.removed import is_removed
from curation.core.errors import ParamsError
from curation.datapool import store
from curation.datapool.removal import by_samples, read_removal_list, take_out, tombstones
from curation.embeddings.shards import read_metadata
from curation.history.removal_list import removal_list_hash
from curation.tables.datapool import REMOVED
from curation.tables.files import empty_frame, write_csv
from tests.datapools import empty_datapool, grow, processed


@pytest.fixture
def datapool(tmp_path: Path) -> Path:
    return grow(tmp_path / "pool", empty_datapool(tmp_path / "empty"), ["a.png", "b.png", "c.png"], ["c.png", "a.png"])


def _listed(*names: str, whole: bool = False) -> pd.DataFrame:
    return tombstones(processed(list(names)), set(names) if whole else set(), "no consent")


def test_what_is_taken_out_leaves_a_tombstone_and_nothing_else(datapool: Path) -> None:
    assert take_out(datapool, _listed("c.png", "b.png")) == ["c.png"]
    assert store.read_samples(datapool)["filename"].tolist() == ["a.png"]
    assert read_metadata(datapool / "embeddings")["filename"].tolist() == ["a.png"]
    assert pd.read_csv(datapool / store.LATEST_CSV)["filenames"].tolist() == ["a.png"]
    assert store.read_removed(datapool)["filename"].tolist() == ["c.png", "b.png"]
    assert store.read_ledger(datapool)["path"].tolist() == ["a.png", "b.png", "c.png"]
    assert store.may_lack_new_data(datapool)


def test_taking_out_again_changes_nothing(datapool: Path) -> None:
    take_out(datapool, _listed("c.png"))
    (datapool / store.TAKEN_OUT_JSON).unlink()
    before = {path: path.read_bytes() for path in datapool.rglob("*") if path.is_file()}
    assert take_out(datapool, _listed("c.png")) == []
    assert take_out(datapool, empty_frame(REMOVED)) == []
    assert {path: path.read_bytes() for path in datapool.rglob("*") if path.is_file()} == before
    assert not store.may_lack_new_data(datapool)


def test_without_a_list_a_datapool_is_as_it_was(datapool: Path) -> None:
    before = sorted(datapool.rglob("*"))
    assert take_out(datapool, empty_frame(REMOVED)) == []
    assert sorted(datapool.rglob("*")) == before


def test_all_samples_may_go(datapool: Path) -> None:
    assert take_out(datapool, _listed("a.png", "b.png", "c.png")) == ["c.png", "a.png"]
    assert len(store.read_samples(datapool)) == 0
    assert len(read_metadata(datapool / "embeddings")) == 0


def test_the_next_datapool_inherits_the_tombstones(datapool: Path, tmp_path: Path) -> None:
    take_out(datapool, _listed("c.png"))
    later = grow(tmp_path / "later", datapool, ["d.png"], ["d.png"])
    assert store.read_removed(later)["filename"].tolist() == ["c.png"]
    assert store.read_samples(later)["filename"].tolist() == ["a.png", "d.png"]
    assert not store.may_lack_new_data(later)


def test_a_sample_is_known_by_name_by_pixels_and_by_its_whole_file() -> None:
    samples = processed(["a.png", "b.png", "c.png", "d.png"])
    samples.loc[1, "pixel_hash"] = "pixels a.png"
    samples.loc[2, "content_hash"] = "content a.png"
    assert is_removed(samples, _listed("a.png")).tolist() == [True, True, False, False]
    assert is_removed(samples, _listed("a.png", whole=True)).tolist() == [True, True, True, False]
    by_hand = pd.DataFrame([["d.png", "", "", "", ""]], columns=REMOVED.names)
    assert is_removed(samples, by_hand).tolist() == [False, False, False, True]
    tracks = samples.assign(filename=["x.mp4/track-2-0-mp4.png", "a.png/track-2-0-png.png", "a.png/b.png", "c.png"])
    whole = _listed("a.png", whole=True).assign(filename="", pixel_hash="", content_hash="0" * 64)
    assert is_removed(tracks, whole).tolist() == [False, True, False, False]
    assert is_removed(samples.assign(pixel_hash=""), by_hand).tolist() == [False, False, False, True]


def test_names_by_hand_are_those_of_samples_and_what_stands_for_nothing_is_told(datapool: Path) -> None:
    by_hand = pd.DataFrame(
        [[name, "", "", "", ""] for name in (".\\a.png ", "lost.png", "c.png")], columns=REMOVED.names
    )
    listed, lost = by_samples(by_hand, datapool)
    assert listed["filename"].tolist() == ["a.png", "lost.png", "c.png"]
    assert lost == {"lost.png"}
    take_out(datapool, listed)
    assert by_samples(by_hand, datapool)[1] == set()  # as tombstones they are known
    renamed = _listed("b.png").assign(filename="other name.png")
    assert by_samples(renamed, datapool)[1] == set()  # known by its pixels


def test_the_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "removed.csv"
    table = _listed('=cmd,"x"\n.png', "-b.png")
    write_csv(table, REMOVED, path)
    pd.testing.assert_frame_equal(read_removal_list(str(path)), table)
    assert removal_list_hash(str(path)) is not None
    write_csv(empty_frame(REMOVED), REMOVED, path)
    assert removal_list_hash(str(path)) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        (b"filename\na.png\n", "no column"),
        (b"", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"filename,raw_path,content_hash,pixel_hash,reason\n,,,,why\n", "without a filename"),
    ],
)
def test_a_wrong_list_is_told(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "removed.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ParamsError, match=message):
        read_removal_list(str(path))
