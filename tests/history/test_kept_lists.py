"""The `.dvc` files by which DVC holds the pictures of former iterations."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from curation.core.hashing import md5_of_file
from curation.datapool.pictures import write_pictures
from curation.history.dvc_cache import open_cache
from curation.history.kept_lists import write_lists
from curation.inspection.kept_pictures import kept_pictures
from curation.inspection.revision import Revision, revision
from curation.pipeline import paths
from curation.tables.datapool import PICTURES
from stages import resolve_base
from tests.history.repositories import commit, git

BASE, FOLDER = Path("base"), Path("pictures")


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    (tmp_path / ".gitignore").write_text("/base\n/pictures/?*/\n/made\n")
    BASE.mkdir()


def table(*rows: tuple[str, str, bytes]) -> pd.DataFrame:
    """Put pictures into the cache, and return the list of them: name of the sample, folder, content."""
    lines = []
    for name, folder, content in rows:
        path = Path("made") / folder / f"{content.hex()}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        lines.append((name, folder, path.name, "jpg", md5_of_file(path), len(content)))
    with open_cache() as cache:
        for folder in {folder for _, folder, _ in rows}:
            cache.add_folder(Path("made") / folder)
    return pd.DataFrame(lines, columns=PICTURES.names)


def outs(name: str) -> dict[str, object]:
    content = YAML(typ="safe").load((FOLDER / f"{name}.dvc").read_text())
    (out,) = content["outs"]
    return dict(out)


def test_each_folder_is_named_to_dvc_whether_its_files_are_here_or_not() -> None:
    assert write_lists(BASE, FOLDER) == []
    assert not FOLDER.exists(), "nothing is kept"
    kept = table(("a.png", "00001-x", b"a"), ("b.png", "00001-x", b"bb"), ("c.png", "00002-y", b"c"))
    write_pictures(BASE, kept)
    assert write_lists(BASE, FOLDER) == ["00001-x", "00002-y"]
    assert write_lists(BASE, FOLDER) == []
    # What DVC itself says of the same folder.
    with open_cache() as cache:
        assert outs("00001-x") == {
            "md5": cache.add_folder(Path("made/00001-x")), "size": 3, "nfiles": 2, "hash": "md5", "path": "00001-x"
        }  # fmt: skip
        listing = cache.listing(str(outs("00001-x")["md5"]))
        assert sorted(listing.values()) == sorted(kept["md5"][:2])
        assert {
            name: one.path.read_bytes() for name, one in kept_pictures(kept, ["b.png", "z.png"], cache).items()
        } == {"b.png": b"bb"}
        # What is nowhere is left out.
        cache.path(kept["md5"][1]).unlink()
        assert list(kept_pictures(kept, ["a.png", "b.png"], cache)) == ["a.png"]
        first = commit()
        assert [out["path"] for out in Revision("HEAD", first, cache).picture_outputs] == [
            "pictures/00001-x",
            "pictures/00002-y",
        ]
        assert revision(None, cache).picture_outputs == Revision("HEAD", first, cache).picture_outputs
    subprocess.run(["dvc", "checkout", "--quiet", "pictures/00002-y.dvc"], check=True)
    assert [path.read_bytes() for path in (FOLDER / "00002-y").iterdir()] == [b"c"]
    assert git("status", "--short") == ""


def test_lists_that_an_experiment_left_behind_are_made_anew() -> None:
    resolve_base.hold_pictures()
    assert not FOLDER.exists()
    paths.BASE.mkdir(parents=True)
    write_pictures(paths.BASE, table(("a.png", "00001-x", b"a")))
    resolve_base.hold_pictures()
    assert outs("00001-x")["nfiles"] == 1


def test_what_is_not_kept_any_more_leaves_lists_and_folders() -> None:
    kept = table(("a.png", "00001-x", b"a"), ("b.png", "00001-x", b"bb"), ("c.png", "00002-y", b"c"))
    write_pictures(BASE, kept)
    write_lists(BASE, FOLDER)
    for folder, content in (("00001-x", b"a"), ("00001-x", b"bb"), ("00002-y", b"c")):
        (FOLDER / folder).mkdir(exist_ok=True)
        (FOLDER / folder / f"{content.hex()}.jpg").write_bytes(content)
    write_pictures(BASE, kept[:1])
    assert write_lists(BASE, FOLDER) == ["00001-x"]
    assert sorted(path.as_posix() for path in FOLDER.rglob("*")) == [
        "pictures/00001-x",
        "pictures/00001-x.dvc",
        "pictures/00001-x/61.jpg",
    ]
    assert outs("00001-x")["nfiles"] == 1
    write_pictures(BASE, kept[:0])
    write_lists(BASE, FOLDER)
    assert list(FOLDER.rglob("*")) == []
