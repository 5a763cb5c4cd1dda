"""The objects of all listings, beside the files of the folder."""

from pathlib import Path

import pandas as pd
import pytest

from curation.buckets.found import as_raw_files, besides, listed_objects, listings_in, with_present_addresses
from curation.buckets.listing import LISTING, Origin, write_listing
from curation.core.errors import RawDataError
from curation.tables.samples import RAW_FILES


def listing(*paths: str, reason: str = "") -> pd.DataFrame:
    """Return a listing of objects."""
    rows = [(path, 5, f"etag of {path}", "", f"s3://b/{path}", reason) for path in paths]
    return pd.DataFrame(rows, columns=LISTING.names)


def write(folder: Path, name: str, *paths: str) -> None:
    """Write a listing."""
    write_listing(listing(*paths), folder / f"{name}.listing.parquet", Origin(("s3://b/",)))


def test_all_listings_count(tmp_path: Path) -> None:
    assert listed_objects(tmp_path).empty
    assert besides(listed_objects(tmp_path), []).columns.tolist() == LISTING.names
    write(tmp_path, "z", "a.png", "c.png")
    write(tmp_path, "x", "b.png")
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub", "y", "d.png")
    assert [path.name for path in listings_in(tmp_path)] == ["x.listing.parquet", "z.listing.parquet"]
    objects = listed_objects(tmp_path)
    assert objects["path"].tolist() == ["a.png", "b.png", "c.png"]
    assert besides(objects, ["b.png", "other"])["path"].tolist() == ["a.png", "c.png"]


def test_one_path_in_two_listings_is_an_error_that_names_both(tmp_path: Path) -> None:
    write(tmp_path, "one", "a.png", "b.png")
    write(tmp_path, "two", "b.png")
    words = r"1 object.* b\.png, for one, in one\.listing\.parquet and two\.listing\.parquet .*--into FOLDER"
    with pytest.raises(RawDataError, match=words):
        listed_objects(tmp_path)


def test_objects_are_raw_files_of_unknown_content() -> None:
    objects = pd.concat([listing("a.PNG", "v.mp4", "notes.txt"), listing("cold.mp4", reason="in the archive")])
    table = as_raw_files(objects, {"png": "image", "mp4": "video"})
    assert table.columns.tolist() == RAW_FILES.names
    assert table["media"].tolist() == ["image", "video", "ignored", "ignored"]
    assert "ending txt" in table["reason"].iloc[2]
    assert table["reason"].iloc[3] == "in the archive"
    assert set(table["content_hash"]) == {""}
    assert set(table["frames"]) == {0}
    assert table["address"].iloc[0] == "s3://b/a.PNG"


def test_unchanged_objects_have_the_address_that_they_have_now(tmp_path: Path) -> None:
    table = as_raw_files(listing("a.png", "b.png", "c.png"), {"png": "image"})
    local = table.iloc[2:].assign(etag="", address="")
    table = pd.concat([table.iloc[:2], local], ignore_index=True)
    addresses = ["remote://new/a.png", "remote://new/b.png"]
    present = listing("a.png", "b.png").assign(address=addresses, etag=["etag of a.png", "2"])
    write_listing(present, tmp_path / "x.listing.parquet", Origin())
    found = with_present_addresses(table, tmp_path)
    assert found["address"].tolist() == ["remote://new/a.png", "s3://b/b.png", ""]
