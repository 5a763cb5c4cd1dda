"""Lists and tables as editors and office programs write them, at every place that reads one."""

import unicodedata
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curation.core.errors import ParamsError
from curation.datapool.removal import read_removal_list
from curation.embeddings.by_name import NamedEmbeddings
from curation.embeddings.given import NAMES, given_for, read_given
from curation.embeddings.given_files import hash_of
from curation.export.classes import read_class_list
from curation.history.removal_list import removal_list_hash
from curation.raw.relevant import read_patterns, relevance
from curation.selection.given import (
    read_dropped,
    read_filenames,
    read_predictions,
    read_scores,
    unmatched_names,
)
from curation.selection.holdout import read_holdout
from curation.tables.datapool import REMOVED
from curation.tables.given import as_numbers, read_table
from curation.tables.given_lists import NotTextError, as_known, decoded, lines_of, unmatched

SAMPLES = ["city/c.png", "city/ä b.png", "hat/d.png"]
KNOWN = frozenset(SAMPLES)

Write = Callable[[str], bytes]
ENCODINGS: dict[str, Write] = {
    "plain": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16, little end first": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "UTF-16, big end first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "lines of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "lines of old Macs": lambda text: text.replace("\n", "\r").encode(),
    "empty lines at the end": lambda text: f"{text}\n  \n".encode() if "," not in text else f"{text}\n\n".encode(),
}
SPELLINGS: dict[str, Callable[[str], str]] = {
    "backslashes": lambda name: name.replace("/", "\\"),
    "quotes": lambda name: f'"{name}"',
    "spaces": lambda name: f"{name}  ",
    "a leading ./": lambda name: f"./{name}",
    "both of Windows": lambda name: '".\\' + name.replace("/", "\\") + '"',
    "the folder of raw files": lambda name: f"data/raw/{name}",
    "the folder of raw files on Windows": lambda name: ".\\data\\raw\\" + name.replace("/", "\\"),
    "the Unicode form of macOS": lambda name: unicodedata.normalize("NFD", name),
}


def test_parts_of_a_name_may_have_different_unicode_forms() -> None:
    composed, decomposed = "\u00e9", "e\u0301"
    known = {f"{composed}/{decomposed}.png", "a.png", f"{composed}{decomposed}"}
    others = [f"{composed}/{composed}.png", f"{decomposed}\\{decomposed}.png", f"{decomposed}/{composed}.png"]
    names = [*others, "a.png", "\u00fc"]
    meant = as_known(names, known)
    assert list(meant) == names
    assert list(meant.values()) == [f"{composed}/{decomposed}.png"] * 3 + ["a.png", "\u00fc"]


def _holdout(path: Path) -> list[str]:
    return read_holdout(str(path), NamedEmbeddings(SAMPLES, np.eye(3, dtype=np.float32))).names


def _relevant(path: Path) -> list[str]:
    keep, lost = relevance([*SAMPLES, "other.png"], read_patterns(path))
    assert not lost
    return [name for name, is_kept in zip(SAMPLES, keep, strict=False) if is_kept]


def _classes(path: Path) -> list[str]:
    return list(read_class_list(path) or ())


LISTS: dict[str, Callable[[Path], list[str]]] = {
    "queries": lambda path: read_filenames(str(path), KNOWN),
    "held-out samples": _holdout,
    "relevant files": _relevant,
}


@pytest.mark.parametrize("reader", [*LISTS, "classes"])
def test_lists(reader: str, tmp_path: Path) -> None:
    for encoding, encode in ENCODINGS.items():
        (tmp_path / "list.txt").write_bytes(encode("".join(f"{name}\n" for name in SAMPLES)))
        read = LISTS.get(reader, _classes)
        assert read(tmp_path / "list.txt") == SAMPLES, encoding


@pytest.mark.parametrize("reader", LISTS)
def test_names_in_lists_as_they_were_meant(reader: str, tmp_path: Path) -> None:
    for spelling, spelled in SPELLINGS.items():
        (tmp_path / "list.txt").write_text("".join(f"{spelled(name)}\n" for name in SAMPLES))
        assert LISTS[reader](tmp_path / "list.txt") == SAMPLES, spelling


@pytest.mark.parametrize("reader", [*LISTS, "classes"])
def test_comments_in_lists(reader: str, tmp_path: Path) -> None:
    text = "# chosen on Monday\n#\n" + "\n".join(SAMPLES) + "\n# the end\n"
    (tmp_path / "list.txt").write_text(text)
    assert LISTS.get(reader, _classes)(tmp_path / "list.txt") == SAMPLES


def test_a_name_or_class_may_begin_with_the_sign_of_comments(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("#1\n# 2\n")
    assert _classes(tmp_path / "list.txt") == ["#1"]
    assert read_filenames(str(tmp_path / "list.txt"), {"#1", "# 2"}) == ["# 2", "#1"]
    (tmp_path / "list.txt").write_text("# 2\n")
    with pytest.raises(ParamsError, match="names no sample"):
        read_filenames(str(tmp_path / "list.txt"), {"#1"})
    with pytest.raises(ParamsError, match="is empty"):
        _holdout(tmp_path / "list.txt")


def test_the_folder_of_raw_files_before_a_name(tmp_path: Path) -> None:
    known = {"a.png", "data/raw/b.png", "./-c.png"}
    given = (
        "data/raw/a.png",
        "data/raw/b.png",
        "data/raw/-c.png",
        "data/raw/lost.png",
        "x/data/raw/a.png",
        "data/raw/",
    )
    assert [as_known([name], known)[name] for name in given] == ["a.png", "data/raw/b.png", "./-c.png", *given[3:]]
    files = ["a.png", "sub/a.png", "day 1/b.png"]
    (tmp_path / "list.txt").write_text("data/raw/a.png\ndata/raw/day*/\n")
    assert relevance(files, read_patterns(tmp_path / "list.txt")) == ([True, False, True], [])
    (tmp_path / "list.txt").write_text("data/raw/b.png\n")
    assert relevance(files, read_patterns(tmp_path / "list.txt"))[0] == [False] * 3, "not at any depth"


def _table(columns: dict[str, list[str]], separator: str) -> str:
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    return "".join(separator.join(row) + "\n" for row in rows)


def _removed(path: Path) -> list[str]:
    return list(read_removal_list(str(path))["filename"])


GIVEN: dict[str, tuple[dict[str, list[str]], Callable[[Path], Collection[str]]]] = {
    "scores": (
        {"filename": SAMPLES, "uncertainty": ["0.5", "1", "2"]},
        lambda path: read_scores(str(path), "uncertainty", KNOWN).index,
    ),
    "predictions": (
        {"filename": SAMPLES, "class": ["a", "b", "c"], "score": ["0.5", "1", "2"]},
        lambda path: read_predictions(str(path), known=KNOWN).index,
    ),
    "review": ({"filename": SAMPLES, "decision": ["drop"] * 3}, lambda path: read_dropped(str(path), KNOWN)),
    "removed": (
        {"filename": SAMPLES, **{name: ["", "", ""] for name in REMOVED.names[1:]}},
        _removed,
    ),
    "embeddings": (
        {NAMES: SAMPLES, "embedding_0": ["1", "0.5", "-2e-3"], "embedding_1": ["0", "0.25", "3"]},
        lambda path: read_given(str(path), "k").names,
    ),
    "held-out embeddings": (
        {NAMES: SAMPLES, **{f"embedding_{n}": ["1", "0.5", "-2e-3"] for n in range(3)}},
        _holdout,
    ),
}


@pytest.mark.parametrize("reader", GIVEN)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables(reader: str, separator: str, tmp_path: Path) -> None:
    columns, read = GIVEN[reader]
    for encoding, encode in ENCODINGS.items():
        if "embeddings" in reader and encoding == "empty lines at the end":
            continue  # the number of a row tells its line
        (tmp_path / "given.csv").write_bytes(encode(_table(columns, separator)))
        assert list(read(tmp_path / "given.csv")) == SAMPLES, encoding


@pytest.mark.parametrize("reader", ["scores", "predictions", "review"])
def test_names_in_tables_as_they_were_meant(reader: str, tmp_path: Path) -> None:
    columns, read = GIVEN[reader]
    for spelling, spelled in SPELLINGS.items():
        (tmp_path / "given.csv").write_text(_table({**columns, "filename": list(map(spelled, SAMPLES))}, ";"))
        assert list(read(tmp_path / "given.csv")) == SAMPLES, spelling


def test_a_name_that_is_known_as_it_stands_wins() -> None:
    assert as_known(["a\\b", "c\\d", " e", "x"], {"a\\b", "a/b", "c/d", " e", "e"}) == {
        "a\\b": "a\\b",
        "c\\d": "c/d",
        " e": " e",
        "x": "x",
    }
    lines = ["a\u2028b.png", "c\x85.png"]  # at which only Python ends lines
    assert lines_of("\n".join([*lines, ""])) == lines


def test_a_pattern_that_matches_as_it_stands_is_no_path_of_windows(tmp_path: Path) -> None:
    # The first is an escaped star, the others a path and a folder.
    (tmp_path / "list.txt").write_text("a\\*.png\ncity\\*.jpg\nhat\\\n")
    keep, lost = relevance(["a*.png", "a/x.png", "city/x.jpg", "hat/y.jpg"], read_patterns(tmp_path / "list.txt"))
    assert (keep, lost) == ([True, False, True, True], [])


@pytest.mark.parametrize("content", ["é".encode("cp1252"), "a.png\n".encode("utf-16-le")])
def test_what_is_no_text_says_how_to_save_it(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(NotTextError, match="CSV UTF-8"):
        decoded(content)
    (tmp_path / "given.csv").write_bytes(b"filename,score\n" + content)
    with pytest.raises(ParamsError, match="CSV UTF-8"):
        read_scores(str(tmp_path / "given.csv"), "score")


def test_excels_line_of_the_separator_and_spaces_in_the_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sep=;\nfilename;score\na,b.png;1\n")
    assert read_scores(str(tmp_path / "a.csv"), "score").to_dict() == {"a,b.png": 1}
    (tmp_path / "a.csv").write_text("filename, class, score\na.png, cat, 1\n")
    assert read_predictions(str(tmp_path / "a.csv")).to_dict() == {"a.png": "cat"}
    (tmp_path / "a.csv").write_text("filename,score\na.png,1,2\n")
    with pytest.raises(ValueError, match="more values than its header has names"):
        read_table(tmp_path / "a.csv", ["filename", "score"])


def test_rows_that_hold_nothing_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("filename;score\na.png;0,5\n;\nb.png;1\n;\n;\n")
    assert read_scores(str(tmp_path / "a.csv"), "score").to_dict() == {"a.png": 0.5, "b.png": 1}
    (tmp_path / "a.csv").write_text("filename;score\na.png;1\n;2\n")
    assert len(read_table(tmp_path / "a.csv", ["filename", "score"]).rows) == 2


def test_a_header_in_other_case_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Filename;Score\na.png;0,5\n")
    with pytest.raises(ParamsError, match="has no column 'filename'; it has 'Filename', 'Score'"):
        read_scores(str(tmp_path / "a.csv"), "score")


def test_a_decimal_comma_counts_where_it_can_be_nothing_else(tmp_path: Path) -> None:
    def read(separator: str, *values: str) -> list[float | None]:
        numbers = as_numbers(pd.Series(values), separator)
        return [None if np.isnan(number) else float(number) for number in numbers]

    assert read(";", "0,93", "1", "-2,5e-3") == [0.93, 1, -0.0025]
    assert read(";", "0.93", "1") == [0.93, 1]
    assert read(";", "1,234", "1") == [None, 1]  # 1234 or 1.234?
    assert read(";", "1,234", "0,5") == [1.234, 0.5]
    assert read(";", "1,5", "1.5") == [None, 1.5]
    assert read(",", "1,5") == [None]
    (tmp_path / "a.csv").write_text("filename;score\na.png;1,234\n")
    with pytest.raises(ParamsError, match="'1,234': write a point, not a comma, before decimals"):
        read_scores(str(tmp_path / "a.csv"), "score")


def test_names_that_match_nothing_are_told(tmp_path: Path) -> None:
    assert unmatched("f", ["a"], {"a"}) is None
    assert unmatched("f", ["z", "y", "a", "x", "w"], {"a"}) == "f: 4 of 5 names are no sample: 'w', 'x', 'y', ..."
    file = tmp_path / "scores.csv"
    file.write_text("filename;score\ncity\\c.png;1\nlost.png;2\n")
    assert list(unmatched_names([str(file)], KNOWN)) == [f"{file}: 1 of 2 names are no sample: 'lost.png'"]


def test_given_embeddings_by_names_of_windows(tmp_path: Path) -> None:
    file = tmp_path / "given.csv"
    columns = {NAMES: ["city\\c.png", "lost.png"], "embedding_0": ["3", "1"], "embedding_1": ["4", "0"]}
    file.write_text(_table(columns, ";"))
    samples = pd.DataFrame({"filename": ["city/c.png"]})
    found, embeddings, _, told = given_for(samples, str(file), hash_of(str(file)) or "", [])
    assert told == f"{file}: 1 of 2 names are no sample: 'lost.png'"
    assert found["filename"].tolist() == ["city/c.png"]
    np.testing.assert_allclose(embeddings, [[0.6, 0.8]], rtol=1e-6)


def test_one_sample_by_two_spellings_is_listed_twice(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("filename,score\ncity/c.png,1\ncity\\c.png,2\n")
    with pytest.raises(ParamsError, match=r"'city/c\.png' is listed twice"):
        read_scores(str(tmp_path / "a.csv"), "score", KNOWN)


def test_the_hash_of_a_removal_list_in_utf_16_is_that_of_its_text(tmp_path: Path) -> None:
    text = _table(GIVEN["removed"][0], ",")
    hashes = set()
    for name, content in (("a", text.encode()), ("b", b"\xff\xfe" + text.encode("utf-16-le"))):
        (tmp_path / name).write_bytes(content)
        hashes.add(removal_list_hash(str(tmp_path / name)))
    assert len(hashes) == 1
    (tmp_path / "b").write_bytes(b"\xff\xfe" + text.partition("\n")[0].encode("utf-16-le"))
    assert removal_list_hash(str(tmp_path / "b")) is None
