"""Files appear complete or not at all, and equal content gives equal bytes."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from curation.core.atomic import atomic_file, atomic_folder, link_or_copy, write_json
from curation.core.regular import open_regular
from curation.tables.files import read_csv, read_parquet, write_csv, write_parquet

SCHEMA = pa.schema({"name": pa.string(), "count": pa.int64(), "distance": pa.float64()})
NAMES = ["plain", 'comma, "quote"', "", "zwölf 東京", "NA"]


def _frame() -> pd.DataFrame:
    return pd.DataFrame({"name": NAMES, "count": range(5), "distance": [0.1, np.nan, 2**0.5, 0.0, 1e-300]})


def _write_half(writing: AbstractContextManager[Path]) -> None:
    with writing as temporary:
        ((temporary / "half") if temporary.is_dir() else temporary).write_text("half")
        raise RuntimeError("interrupted")


def test_an_error_while_writing_leaves_the_former_file(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("former")
    with pytest.raises(RuntimeError):
        _write_half(atomic_file(target))
    assert target.read_text() == "former"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_writing_never_changes_a_hard_linked_file_in_place(tmp_path: Path) -> None:
    cached, output = tmp_path / "cached", tmp_path / "output"
    cached.write_text("first")
    link_or_copy(cached, output)
    assert cached.stat().st_ino == output.stat().st_ino
    write_json(output, {"b": 1, "a": 2})
    assert cached.read_text() == "first"
    assert output.read_text() == '{\n  "a": 2,\n  "b": 1\n}\n'


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    for content in ("first", "second"):
        with atomic_folder(target) as folder:
            (folder / content).write_text(content)
    assert [path.name for path in target.iterdir()] == ["second"]
    with pytest.raises(RuntimeError):
        _write_half(atomic_folder(target))
    assert [path.name for path in target.iterdir()] == ["second"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_unfinished_files_of_a_killed_process_are_cleared_by_the_next_file(tmp_path: Path) -> None:
    for name in (".writing-999999999-file.csv", ".writing-1-file.csv", ".writing-union"):
        (tmp_path / name).touch()
    write_json(tmp_path / "other.json", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".writing-1-file.csv", ".writing-union", "other.json"]


@pytest.mark.parametrize(
    ("name", "suffix"),
    [(f"{'n' * 251}.png", ".png"), (f"{'ä' * 123}.parquet", ".parquet"), ("n" * 255, ""), (f"n.{'s' * 253}", "")],
)
def test_a_file_and_a_folder_may_have_the_longest_name(tmp_path: Path, name: str, suffix: str) -> None:
    with atomic_file(tmp_path / "1" / name) as temporary:
        temporary.touch()
    with atomic_folder(tmp_path / "2" / name):
        pass
    assert temporary.suffix == suffix
    assert [path.name for path in tmp_path.rglob("*") if path.parent != tmp_path] == [name, name]


def test_leftovers_of_a_killed_process_are_cleared(tmp_path: Path) -> None:
    (tmp_path / ".writing-999999999-folder").mkdir()
    (tmp_path / ".writing-1-folder").mkdir()
    with atomic_folder(tmp_path / "folder"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".writing-1-folder", "folder"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables_come_back_as_they_were_and_with_equal_bytes(tmp_path: Path, kind: str) -> None:
    paths = [tmp_path / f"{number}.{kind}" for number in (1, 2)]
    for path in paths:
        if kind == "csv":
            write_csv(_frame(), SCHEMA, path)
        else:
            write_parquet(_frame(), SCHEMA, path)
    back = read_csv(paths[0], SCHEMA) if kind == "csv" else read_parquet(paths[0])
    pd.testing.assert_frame_equal(back, _frame(), check_dtype=False)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"content"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to_pipe").symlink_to("pipe")
    for path in (tmp_path / "pipe", tmp_path / "to_pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "absent")


def test_a_folder_that_another_process_puts_there_meanwhile_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    real = os.rename

    def renamed(source: Path, place: Path) -> None:
        real(source, place)
        if source == target and not target.exists() and not (tmp_path / "other").exists():
            target.mkdir()
            (target / "theirs").touch()
            (tmp_path / "other").touch()

    monkeypatch.setattr(os, "rename", renamed)
    with atomic_folder(target) as folder:
        (folder / "ours").touch()
    assert [path.name for path in target.iterdir()] == ["ours"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "other"]
