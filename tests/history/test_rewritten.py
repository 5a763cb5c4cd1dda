"""Raw files that were overwritten in place through a link to the DVC cache are noticed."""

import os
from pathlib import Path

import pandas as pd
import pytest

from curation.core.errors import RawDataError
from curation.core.hashing import md5_of_file
from curation.history import rewritten as module
from curation.history.rewritten import changed_paths, require_cache_untouched
from tests.history.repositories import FakeCache, git, opened, track

RAW = Path("data/raw")


@pytest.fixture
def linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """Three raw files, hard links to objects of a cache; ingest has seen them."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    RAW.mkdir(parents=True)
    Path("cache").mkdir()
    hashes = {}
    for name in "abc":
        (RAW / name).write_text(name)
        hashes[name] = md5_of_file(RAW / name)
        os.link(RAW / name, Path("cache") / hashes[name])
    Path("dvc.lock").write_text("stages:\n  ingest:\n    cmd: x\n    deps:\n    - {path: data/raw, md5: then.dir}\n")
    listings = {"then.dir": hashes}
    track("then.dir")
    monkeypatch.setattr(module, "open_cache", opened(FakeCache(listings, Path("cache"))))
    return listings


def test_a_file_that_was_overwritten_in_place_is_named_with_its_object(linked: dict[str, dict[str, str]]) -> None:
    require_cache_untouched(RAW, "abc", ())
    with (RAW / "b").open("r+") as file:
        file.write("other")
    with pytest.raises(RawDataError, match=r"1 raw files were overwritten in place") as caught:
        require_cache_untouched(RAW, "abc", {"b"})
    stored = f"cache/{linked['then.dir']['b']}"
    assert f"data/raw/b was {stored}" in caught.value.message
    assert f"`rm -f data/raw/b {stored}`" in caught.value.message
    assert "`dvc config --local cache.type reflink,copy`" in caught.value.message


def test_dvc_may_have_linked_it_to_an_object_of_its_new_bytes(linked: dict[str, dict[str, str]]) -> None:
    with (RAW / "b").open("r+") as file:
        file.write("other")
    (RAW / "b").unlink()
    (RAW / "b").write_text("other")
    linked["now.dir"] = linked["then.dir"] | {"b": md5_of_file(RAW / "b")}
    track("now.dir")
    with pytest.raises(RawDataError, match="data/raw/b was cache/"):
        require_cache_untouched(RAW, "abc", ())


def test_a_file_that_was_replaced_has_left_the_cache_alone(linked: dict[str, dict[str, str]]) -> None:
    (RAW / "b").unlink()
    (RAW / "b").write_text("other")
    require_cache_untouched(RAW, "abc", {"b"})
    Path("cache", linked["then.dir"]["b"]).unlink()
    require_cache_untouched(RAW, "abc", {"b"})


def test_without_links_and_changes_the_cache_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").touch()
    monkeypatch.setattr(module, "open_cache", lambda: pytest.fail("opened"))
    require_cache_untouched(tmp_path, ["a", "gone"], ())


def test_which_files_have_other_content_than_any_former_listing_says() -> None:
    def table(**contents: str) -> pd.DataFrame:
        return pd.DataFrame({"path": list(contents), "content_hash": list(contents.values())})

    now = table(a="1", b="2", c="", new="5")
    assert changed_paths([table(a="1", b="1", c="3", gone="4"), table(a="0")], now) == {"a", "b"}
    assert changed_paths([], now) == set()
