"""Tables of the user's own: which row speaks about a sample, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.core.errors import ParamsError
from curation.params.select import SelectParams
from curation.selection.described import Described, described, tell_names
from curation.selection.given import read_scores
from curation.selection.metadata import Metadata, folders, read_metadata
from curation.selection.numbers import numbers
from tests.selection.test_strategies import item, metadata

SAMPLES = pd.DataFrame(
    {
        "filename": ["a/b/v-0-mp4.png", "a/b/v-1-mp4.png", "a/b/v-2-mp4.png", "a/i.jpg", "j.jpg"],
        "raw_path": ["a/b/v.mp4", "a/b/v.mp4", "a/b/v.mp4", "a/i.jpg", "j.jpg"],
        "time_s": [0.0, 1.0, 2.0, np.nan, np.nan],
        "sharpness": [5.0, 4, 3, 2, 1],
    }
)


def read(path: Path, text: str, tolerance: float | None = 1.0) -> Metadata:
    path.write_text(text)
    return read_metadata(str(path), SAMPLES, tolerance)


def test_the_row_that_names_a_sample_most_exactly_counts(tmp_path: Path) -> None:
    text = (
        "filename,time_s,weather,speed\n"
        "a,,sun,1\n"
        "a/b/,,rain,2\n"
        "a/b/v.mp4,,,3\n"
        "a/b/v.mp4,0.9,fog,\n"
        "a/b/v-1-mp4.png,1.0,snow,\n"
        "a/i.jpg,,,4\n"
    )
    table = read(tmp_path / "m.csv", text, tolerance=0.9)
    assert table.categories("weather").to_dict() == {
        "a/b/v-0-mp4.png": "fog",  # 0.9 s away
        "a/b/v-1-mp4.png": "snow",  # its own row, whose time does not matter
        "a/b/v-2-mp4.png": "rain",  # 1.1 s away: its raw file says nothing of the weather, the folder does
        "a/i.jpg": "sun",
    }
    assert table.numbers("speed").tolist()[:4] == [3, 3, 3, 4]
    assert np.isnan(table.numbers("speed").iloc[4])
    assert table.columns == ["weather", "speed"]
    assert table.unmatched is None


@pytest.mark.parametrize(
    ("times", "tolerance", "expected"),
    [
        ({0: "x", 2: "y"}, 1.0, ["x", "x", "y"]),  # as near to either: the earlier
        ({0: "x", 1.5: "y"}, 0.5, ["x", "y", "y"]),
        ({0: "x", 1.5: "y"}, 0.4, ["x", None, None]),
    ],
)
def test_the_nearest_row_in_time_counts(
    tmp_path: Path, times: dict[float, str], tolerance: float, expected: list[str | None]
) -> None:
    rows = "".join(f"a/b/v.mp4,{time},{value}\n" for time, value in times.items())
    table = read(tmp_path / "m.csv", f"filename,time_s,k\n{rows}", tolerance)
    found = table.categories("k").reindex(SAMPLES["filename"][:3])
    assert [None if pd.isna(value) else value for value in found] == expected


def test_without_a_limit_the_nearest_row_counts_however_far_it_is(tmp_path: Path) -> None:
    table = read(tmp_path / "m.csv", "filename,time_s,k\na/b/v.mp4,99,x\n", None)
    assert table.categories("k").tolist() == ["x"] * 3


def test_parquet_and_tables_of_office_programs_say_the_same(tmp_path: Path) -> None:
    columns = {
        "filename": ["a/b/v-0-mp4.png", "a/b/v-1-mp4.png", "a/b/v-2-mp4.png"],
        "speed": [1.5, 2.0, None],
        "lane": [1, 2, 3],
        "night": [True, False, None],
        "tags": [["x"], [], None],
    }
    pq.write_table(pa.table(columns), tmp_path / "m.parquet")
    table = read_metadata(str(tmp_path / "m.parquet"), SAMPLES, None)
    assert table.columns == ["speed", "lane", "night"]
    assert table.categories("speed").tolist() == ["1.5", "2"]
    assert table.categories("night").tolist() == ["true", "false"]
    text = "filename;speed;lane;night\na\\b\\v-0-mp4.png;1,5;1;true\na/b/v-1-mp4.png;2;2;false\na/b/v-2-mp4.png;;3;\n"
    german = read(tmp_path / "m.csv", text)
    for column in ("speed", "lane"):
        np.testing.assert_array_equal(german.numbers(column), table.numbers(column))


def test_scores_may_be_parquet_too(tmp_path: Path) -> None:
    file = tmp_path / "scores.parquet"
    pq.write_table(pa.table({"filename": ["./j.jpg"], "score": pa.array([0.1], pa.float32())}), file)
    assert read_scores(str(file), "score", {"j.jpg"}).to_dict() == {"j.jpg": 0.1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"m\.csv cannot be read \(there is no such file\)"),
        ("name,k\na,1\n", "has no column 'filename', which names samples, raw files or folders; it has 'name', 'k'"),
        ("filename,k\nx,1\ny,2\n", r"none of its names \('x', 'y'\) is a sample \(such as 'a/b/v-0-mp4\.png'\), a raw"),
        ("filename,k\na,1\na/,2\n", "there are two rows about 'a': leave one"),
        ("filename,time_s,k\na/b/v.mp4,1,1\na/b/v.mp4,1.0,2\n", r"two rows about 'a/b/v\.mp4' at 1 s"),
        ("filename,time_s,k\na,1,1\n", "the row about the folder 'a' has a time_s"),
        ("filename,time_s,k\na/b/v.mp4,soon,1\n", r"time_s of 'a/b/v\.mp4' is not a finite number \('soon'\)"),
        ("filename,k\n", "m.csv has no rows"),
        ("filename,k,k\na,1,2\n", r"two of its columns are called 'k'"),
        ("filename;k; k;;\na;1;2;;\n", r"two of its columns are called 'k'"),
        ("filename,k\na,fast\n", r"k of 'a' is not a finite number \('fast'\)"),
        ("filename,k\na,inf\n", r"k of 'a' is not a finite number \('inf'\)"),
    ],
)
def test_a_table_that_does_not_fit(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "m.csv"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ParamsError, match=message):
        read_metadata(str(file), SAMPLES, 1.0).numbers("k")


def test_a_damaged_parquet_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "m.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(ParamsError, match=r"m\.parquet cannot be read"):
        read_metadata(str(tmp_path / "m.parquet"), SAMPLES, None)


def test_names_that_are_nothing_are_told(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    file.write_text("filename,k\na,1\nlost,2\n")
    assert list(tell_names(Described(SAMPLES, str(file)), SelectParams())) == [
        f"warning: {file}: 1 of 2 names are no sample: 'lost'"
    ]


def test_keys_that_are_nowhere_or_twice_and_values_that_are_missing(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    file.write_text("filename,speed,sharpness\na,1,2\n")
    known = described(SAMPLES, SelectParams(metadata_file=str(file)))

    def of(key: str) -> None:
        numbers(item(metadata(key), type="WEIGHTS"), 0, list(SAMPLES["filename"]), known)

    with pytest.raises(ParamsError, match=r"no metadata 'sped': .*m\.csv has 'speed', 'sharpness', and stage clean"):
        of("sped")
    with pytest.raises(ParamsError, match=r"'sharpness' are measured by stage clean, and a column of .*m\.csv, too"):
        of("sharpness")
    with pytest.raises(ParamsError, match=r"m\.csv: speed has no value for 1 of 5 candidates, 'j\.jpg' for one"):
        of("speed")


def test_a_key_without_a_table_is_told_before_anything_runs() -> None:
    weights = {"input": {"type": "METADATA", "key": "speed"}, "strategy": {"type": "WEIGHTS"}}
    with pytest.raises(ValueError, match=r"no metadata 'speed': stage clean measures luma_mean.*metadata_file"):
        SelectParams.model_validate({"strategies": [weights]})


def test_folders_of_raw_files() -> None:
    assert list(folders("a/b/c.jpg")) == ["a/b", "a"]
    assert list(folders("c.jpg")) == list(folders("./ c.jpg")) == []
