"""The list of the pictures that a datapool keeps: carried on, united, and without what was taken out."""

from pathlib import Path

import pandas as pd

from curation.datapool.pictures import PICTURES_CSV, folder_name, read_pictures, write_pictures
from curation.datapool.removal import take_out, tombstones
from curation.history.combine import leave_out_absent_pictures
from curation.history.union import unite
from curation.tables.datapool import PICTURES
from tests.datapools import empty_datapool, grow, processed


def with_pictures(pool: Path, folder: str, *names: str) -> None:
    """Add pictures to a datapool, as its own iteration keeps them."""
    rows = [(name, folder, f"{number}.jpg", "jpg", f"md5 {name}", 10) for number, name in enumerate(names)]
    for row in rows:
        path = pool / "pictures" / folder / row[2]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(row[0])
    write_pictures(pool, pd.concat([read_pictures(pool), pd.DataFrame(rows, columns=PICTURES.names)]))


def test_the_next_datapool_lists_former_pictures_and_does_not_hold_them(tmp_path: Path) -> None:
    first = grow(tmp_path / "1", empty_datapool(tmp_path / "empty"), ["a.png", "b.png"], ["a.png", "b.png"])
    assert not (first / PICTURES_CSV).exists()
    with_pictures(first, "00001-x", "a.png")
    second = grow(tmp_path / "2", first, ["c.png"], ["c.png"])
    assert read_pictures(second)["filename"].tolist() == ["a.png"]
    assert (second / PICTURES_CSV).stat().st_ino == (first / PICTURES_CSV).stat().st_ino
    assert not (second / "pictures").exists()


def test_pictures_of_what_is_taken_out_go_with_it(tmp_path: Path) -> None:
    pool = grow(tmp_path / "1", empty_datapool(tmp_path / "empty"), ["a.png", "b.png"], ["a.png", "b.png"])
    with_pictures(pool, "00001-x", "a.png", "b.png")
    take_out(pool, tombstones(processed(["a.png"]), set(), ""))
    assert read_pictures(pool)["filename"].tolist() == ["b.png"]
    assert [path.read_text() for path in (pool / "pictures").rglob("*.jpg")] == ["b.png"]
    take_out(pool, tombstones(processed(["b.png"]), set(), ""))
    assert not (pool / PICTURES_CSV).exists()


def test_a_union_lists_the_pictures_of_both_sides(tmp_path: Path) -> None:
    common = grow(tmp_path / "common", empty_datapool(tmp_path / "empty"), ["a.png"], ["a.png"])
    with_pictures(common, "00001-x", "a.png")
    alice = grow(tmp_path / "alice", common, ["c.png"], ["c.png"])
    bob = grow(tmp_path / "bob", common, ["c.png", "d.png"], ["c.png", "d.png"])
    with_pictures(alice, "00002-a", "c.png")
    with_pictures(bob, "00002-b", "c.png", "d.png")
    (tmp_path / "union").mkdir()
    unite([alice, bob], tmp_path / "union", embeddings_are_replaced=False)
    rows = read_pictures(tmp_path / "union")
    assert list(zip(rows["filename"], rows["folder"], strict=True)) == [
        ("a.png", "00001-x"),
        ("c.png", "00002-a"),
        ("d.png", "00002-b"),
    ]


def test_another_projects_former_pictures_do_not_come_along(tmp_path: Path) -> None:
    pool = grow(tmp_path / "1", empty_datapool(tmp_path / "empty"), ["a.png", "b.png"], ["a.png", "b.png"])
    with_pictures(pool, "00001-x", "a.png")
    (pool / "pictures/00001-x/0.jpg").unlink()
    with_pictures(pool, "00002-y", "b.png")
    leave_out_absent_pictures(pool)
    assert read_pictures(pool)["filename"].tolist() == ["b.png"]


def test_a_folder_is_named_by_what_it_holds() -> None:
    assert folder_name(3, ["b", "a"]) == folder_name(3, ["a", "b"])
    assert folder_name(3, ["b", "a"]).startswith("00003-")
    assert folder_name(3, ["a"]) != folder_name(3, ["b"])
