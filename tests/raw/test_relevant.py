"""The raw files that a list makes relevant, and its lines that match nothing."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathspec import PathSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from curation.core.errors import ParamsError
from curation.raw.relevant import Pattern, in_other_form, parse_patterns, read_patterns, relevance

PATHS = ["a.png", "city/a.png", "city/b.mp4", "city/test/c.mp4", "sea/a.png", "sea/deep/city/d.png", "./=b.png"]


def _relevant(text: str, paths: list[str] = PATHS) -> tuple[list[str], list[int]]:
    """Return the relevant paths and the numbers of the lines that match nothing."""
    relevant, unmatched = relevance(paths, list(parse_patterns(text)))
    return [path for path, keep in zip(paths, relevant, strict=True) if keep], [one.line for one in unmatched]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", PATHS),
        ("# only\n\n   \n# comments\n", PATHS),
        ("city/b.mp4", ["city/b.mp4"]),
        ("city/*", ["city/a.png", "city/b.mp4", "city/test/c.mp4"]),
        ("city/", ["city/a.png", "city/b.mp4", "city/test/c.mp4", "sea/deep/city/d.png"]),
        ("/city", ["city/a.png", "city/b.mp4", "city/test/c.mp4"]),
        ("a.png", ["a.png", "city/a.png", "sea/a.png"]),
        ("/a.png\r\n", ["a.png"]),
        ("./a.png  ", ["a.png"]),
        ("*.mp4", ["city/b.mp4", "city/test/c.mp4"]),
        ("**/test/*\nsea/**/d.png", ["city/test/c.mp4", "sea/deep/city/d.png"]),
        ("city/*\n!city/test/*", ["city/a.png", "city/b.mp4"]),
        ("!city/test/*\ncity/*", ["a.png", *PATHS[1:]]),
        ("!*.png", ["city/b.mp4", "city/test/c.mp4"]),
        ("=b.png", ["./=b.png"]),
        ("./=b.png", ["./=b.png"]),
        ("?.png", ["a.png", "city/a.png", "sea/a.png", "sea/deep/city/d.png"]),
        ("[ab].png\n!/a.png", ["city/a.png", "sea/a.png"]),
    ],
)
def test_patterns_are_those_of_gitignore(text: str, expected: list[str]) -> None:
    assert _relevant(text) == (expected, [])


def test_lines_that_match_nothing_are_told_by_number() -> None:
    text = "# cities\ncity/*\ncity/absent.mp4\n\n*.webm\n!/b.mp4\n"
    assert _relevant(text) == (["city/a.png", "city/b.mp4", "city/test/c.mp4"], [3, 5, 6])
    _, unmatched = relevance(PATHS, list(parse_patterns(text)))
    assert [one.text for one in unmatched] == ["city/absent.mp4", "*.webm", "!/b.mp4"]


def test_a_path_may_hold_what_a_pattern_could_mean() -> None:
    paths = ["clip [1].mp4", "x/#1.png", "!a.png", "end ", "star*.png", "starry.png", "#2.png"]
    assert _relevant("clip [1].mp4", paths)[0] == ["clip [1].mp4"]
    assert _relevant("x/#1.png", paths)[0] == ["x/#1.png"]
    assert _relevant("\\!a.png\n\\#2.png", paths)[0] == ["!a.png", "#2.png"]
    assert _relevant("end\\ ", paths)[0] == ["end "]
    assert _relevant("end ", paths) == ([], [1])
    assert _relevant("star\\*.png", paths)[0] == ["star*.png"]
    assert _relevant("star*.png", paths)[0] == ["star*.png", "starry.png"]


_names = st.sampled_from(["a", "b", "ab", "c.x", "d"])
_paths = st.lists(st.lists(_names, min_size=1, max_size=4).map("/".join), min_size=1, max_size=12, unique=True)
_parts = st.sampled_from(["a", "b", "ab", "c.x", "*", "**", "?", "a*", "[ab]", "d"])
_lines = st.builds(
    lambda negation, slash, parts, end: f"{negation}{slash}{'/'.join(parts)}{end}",
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(_parts, min_size=1, max_size=3),
    st.sampled_from(["", "/"]),
)


@settings(max_examples=300, deadline=None)
@given(_paths, st.lists(_lines, min_size=1, max_size=6))
@pytest.mark.thorough
def test_the_last_matching_line_decides_as_pathspec_says(paths: list[str], lines: list[str]) -> None:
    relevant, unmatched = relevance(paths, list(parse_patterns("\n".join(lines))))
    specs = [PathSpec.from_lines(GitIgnoreSpecPattern, [line.removeprefix("!")]) for line in lines]
    matched = [[spec.match_file(path) for spec in specs] for path in paths]
    for path, found, keep in zip(paths, matched, relevant, strict=True):
        deciding = [line for line, is_match in zip(lines, found, strict=True) if is_match]
        assert keep == (not deciding[-1].startswith("!") if deciding else lines[0].startswith("!")), path
    never = [number for number, column in enumerate(zip(*matched, strict=True), start=1) if not any(column)]
    assert [one.line for one in unmatched] == never


def test_a_long_list_of_paths_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.raw.relevant._compiled", None)
    paths = [f"folder {number % 7}/{number}.png" for number in range(20_000)]
    patterns = [Pattern(number, path, path, leaves_out=False) for number, path in enumerate(paths[::2])]
    relevant, unmatched = relevance(paths, patterns)
    assert relevant == [True, False] * 10_000
    assert not unmatched


def test_a_list_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    with pytest.raises(ParamsError, match=r"relevant_filenames_file: there is no file .*list.txt"):
        read_patterns(path)
    with pytest.raises(ParamsError, match=r"is a folder"):
        read_patterns(tmp_path)
    path.write_bytes(b"a.png\n\xff.png\n")
    with pytest.raises(ParamsError, match=r"list.txt is not text in UTF-8 \(byte 7\)"):
        read_patterns(path)
    path.write_text("a.png\n**a/\\\n")
    with pytest.raises(ParamsError, match=r"list.txt, line 2: .* is not a valid pattern"):
        read_patterns(path)
    path.write_bytes("﻿ä.png\r\n".encode())
    assert [one.body for one in read_patterns(path)] == ["ä.png"]


@pytest.mark.parametrize("line", ["caf\u00e9/\u00fc.png", "caf\u00e9/*", "caf\u00e9", "\u00fc.png"])
def test_another_unicode_form_is_understood_and_told(line: str) -> None:
    composed = "caf\u00e9/\u00fc.png"
    decomposed = unicodedata.normalize("NFD", composed)
    mixed = f"caf\u00e9/{unicodedata.normalize('NFD', chr(0xFC))}.png"
    for name in (decomposed, mixed):
        assert _relevant(line, [name, "other.png"]) == ([name], [])
    assert _relevant(unicodedata.normalize("NFD", line), [composed, "x"]) == ([composed], [])
    told = [one.text for one in in_other_form([decomposed], list(parse_patterns(f"{line}\nother\n")))]
    assert told == [line]
    assert in_other_form([composed], list(parse_patterns(line))) == []
