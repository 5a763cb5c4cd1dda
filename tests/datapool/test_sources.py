"""The objects whose content a datapool knows: noted beside all else, which stays as it is without them."""

from pathlib import Path

import pandas as pd
import pytest

from curation.datapool.sources import SOURCES_FOLDER, carry_sources, new_sources, read_sources, sources_parts
from curation.history.union import unite
from curation.tables.datapool import SOURCES
from curation.tables.files import empty_frame
from tests import datapools
from tests.datapools import empty_datapool, files_of, grow

NOTHING = empty_frame(SOURCES)


def as_objects(files: pd.DataFrame, etag: str = "1") -> pd.DataFrame:
    """Return accounts of files that are objects."""
    return files.assign(size=3, etag=etag, version="v", address="s3://bucket/" + files["path"])


@pytest.fixture
def of_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all files be objects."""
    monkeypatch.setattr(datapools, "files_of", lambda names: as_objects(files_of(names)))


def everything_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_only_what_was_read_and_is_not_noted_yet_is_new() -> None:
    files = pd.concat(
        [
            as_objects(files_of(["a.png"])),
            as_objects(files_of(["b.png"], "processed")),
            as_objects(files_of(["c.png"], "over_limit")),
            as_objects(files_of(["d.png"], "unreachable")),
            as_objects(files_of(["e.png"], "ignored")),
            as_objects(files_of(["f.png"])).assign(content_hash=""),
            files_of(["local.png"]),
        ],
        ignore_index=True,
    )
    found = new_sources(NOTHING, files)
    assert found.columns.tolist() == SOURCES.names
    assert found["path"].tolist() == ["a.png", "b.png"]
    assert new_sources(found, files).empty
    assert new_sources(found, as_objects(files, "2"))["path"].tolist() == ["a.png", "b.png", "local.png"]


def test_a_datapool_notes_each_object_once_and_is_else_that_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = {}
    for kind in ("folder", "bucket"):
        if kind == "bucket":
            monkeypatch.setattr(datapools, "files_of", lambda names: as_objects(files_of(names)))
        (tmp_path / kind).mkdir()
        first = grow(tmp_path / kind / "1", empty_datapool(tmp_path / kind / "0"), ["a.png", "b.png"], ["a.png"])
        pools[kind] = grow(tmp_path / kind / "2", first, ["c.png"], ["c.png"])
    of_bucket, of_folder = (everything_in(pools[kind]) for kind in ("bucket", "folder"))
    parts = sources_parts(of_bucket)
    assert [part[: len("sources/00001-")] for part in parts] == ["sources/00001-", "sources/00002-"]
    assert {name: content for name, content in of_bucket.items() if name not in parts} == of_folder
    assert read_sources(pools["bucket"])["path"].tolist() == ["a.png", "b.png", "c.png"]
    assert read_sources(pools["folder"]).empty


@pytest.mark.usefixtures("of_objects")
def test_a_union_knows_the_objects_of_either_side(tmp_path: Path) -> None:
    base = grow(tmp_path / "1", empty_datapool(tmp_path / "0"), ["a.png"], ["a.png"])
    alice = grow(tmp_path / "alice", base, ["b.png"], ["b.png"])
    bob = grow(tmp_path / "bob", base, ["c.png"], ["c.png"])
    (target := tmp_path / "union").mkdir()
    unite([alice, bob], target, embeddings_are_replaced=False)
    assert read_sources(target)["path"].tolist() == ["a.png", "b.png", "c.png"]
    parts = sources_parts(everything_in(target))
    assert [part[: len("sources/00001-")] for part in parts] == ["sources/00001-", *["sources/00002-"] * 2]
    (renumbered := tmp_path / "renumbered").mkdir()
    carry_sources(bob, renumbered, {1: 1, 2: 3})
    numbers = [name.partition("-")[0] for name in sources_parts(everything_in(renumbered))]
    assert numbers == ["sources/00001", "sources/00003"]
    assert {path.read_bytes() for path in (renumbered / SOURCES_FOLDER).iterdir()} <= {
        path.read_bytes() for path in (target / SOURCES_FOLDER).iterdir()
    }
