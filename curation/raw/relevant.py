"""The list of relevant raw files: a text file with one path or gitignore pattern a line.

Everything that a line matches is relevant. Lines with `!` in front leave something out again, the last line that
matches a file decides, and a list that begins with such a line begins with everything. A list without a pattern means
that every file is relevant.

The patterns are those of https://git-scm.com/docs/gitignore, read from `data/raw`: a line with a slash that is not its
last character stands for a path, one without for a name at any depth, a folder for all that is below it. Besides, a
line that is exactly a file's path means that file, even if brackets or stars in it could be read as a pattern; a
leading `./` means the same as `/`; and a line that matches nothing as it stands is read as it may have been meant, with
slashes for backslashes, without quotes, or without data/raw/ before it, say.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from curation.core.errors import ParamsError
from curation.tables.given_lists import NotTextError, in_one_form, lines_of, read_text, spellings

_FOLDER_OF_WINDOWS = re.compile(r"[^/*?\[]+\\")
_SPECIAL = re.compile(r"[*?\[\\]")


@dataclass(frozen=True)
class Pattern:
    """One line of the list that is neither empty nor a comment.

    Attributes:
        line: its number, from 1.
        text: as it stands there, without the line's end.
        body: the pattern without `!`, with `/` for a leading `./`.
        leaves_out: whether `!` stands in front.
    """

    line: int
    text: str
    body: str
    leaves_out: bool


def read_patterns(path: Path) -> list[Pattern]:
    """Read a list of relevant files.

    Raises:
        ParamsError: there is no such file, it is not text, or a line of it is not a valid pattern.
    """
    key = "ingest.relevant_filenames_file"
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise ParamsError(f"{key}: there is no file {path}; make it (empty = every file is relevant)") from None
    except IsADirectoryError:
        raise ParamsError(f"{key}: {path} is a folder; give a text file with one path or pattern a line") from None
    except NotTextError as error:
        raise ParamsError(f"{key}: {path} is {error}") from None
    patterns = [_with_folder(pattern) for pattern in parse_patterns(text)]
    for pattern in patterns:
        try:
            _compiled(pattern.body)
        except GitIgnorePatternError:
            raise ParamsError(f"{key}: {path}, line {pattern.line}: {pattern.text!r} is not a valid pattern") from None
    return patterns


def _with_folder(pattern: Pattern) -> Pattern:
    """Take a backslash at the end, which has nothing to escape, for the slash of a folder."""
    is_folder = _FOLDER_OF_WINDOWS.fullmatch(pattern.body)
    return replace(pattern, body=pattern.body.replace("\\", "/")) if is_folder else pattern


def parse_patterns(text: str) -> Iterator[Pattern]:
    """Yield the patterns of a list; spaces at a line's end count only after a backslash."""
    for number, line in enumerate(lines_of(text), start=1):
        shown = line.rstrip()
        if shown.endswith("\\") and line.startswith(f"{shown} "):
            shown += " "
        if not shown or shown.startswith("#"):
            continue
        leaves_out = shown.startswith("!")
        body = shown.removeprefix("!")
        if body.startswith("./"):
            body = body[1:]
        if body:
            yield Pattern(number, shown, body, leaves_out)


def relevance(paths: Sequence[str], patterns: Sequence[Pattern]) -> tuple[list[bool], list[Pattern]]:
    """Decide which files are relevant.

    Lists of very many plain paths are looked up, not searched: only patterns with `*`, `?` or brackets are held against
    every file.

    Args:
        paths: of the files, as in the table of raw files.
        patterns: of the list; none = every file is relevant.

    Returns:
        For each file whether it is relevant; and the patterns that match no file at all.
    """
    if not patterns:
        return [True] * len(paths), []
    names = [path.removeprefix("./") for path in paths]
    deciding = [-1] * len(names)
    matched = [False] * len(patterns)
    for number, file in _matches(names, patterns):
        deciding[file] = max(deciding[file], number)
        matched[number] = True
    lost = [number for number, found in enumerate(matched) if not found]
    tried = [patterns[number] for number in lost]
    for place, file in (*_respelled(names, tried), *_in_one_form(names, tried)):
        deciding[file] = max(deciding[file], lost[place])
        matched[lost[place]] = True
    by_default = patterns[0].leaves_out
    relevant = [by_default if number < 0 else not patterns[number].leaves_out for number in deciding]
    return relevant, [pattern for pattern, found in zip(patterns, matched, strict=True) if not found]


def in_other_form(paths: Sequence[str], patterns: Sequence[Pattern]) -> list[Pattern]:
    """Return the patterns that match files in another Unicode form alone: accents are part of a letter, or follow it.

    Args:
        paths: of the files, as in the table of raw files.
        patterns: of the list.
    """
    strange = [pattern for pattern in patterns if not pattern.body.isascii()]
    if not strange:
        return []
    names = [path.removeprefix("./") for path in paths]
    as_they_stand = {number for number, _ in _matches(names, strange)}
    lost = [pattern for number, pattern in enumerate(strange) if number not in as_they_stand]
    found = {number for number, _ in _in_one_form(names, lost)}
    return [pattern for number, pattern in enumerate(lost) if number in found]


def _in_one_form(names: Sequence[str], patterns: Sequence[Pattern]) -> Iterator[tuple[int, int]]:
    """Yield index and file of matches of patterns, whatever Unicode forms both are in."""
    strange = {number: pattern for number, pattern in enumerate(patterns) if not pattern.body.isascii()}
    if strange:
        tried = [replace(pattern, body=in_one_form(pattern.body)) for pattern in strange.values()]
        numbers = list(strange)
        for place, file in _matches([in_one_form(name) for name in names], tried):
            yield numbers[place], file


def _respelled(names: Sequence[str], patterns: Sequence[Pattern]) -> Iterator[tuple[int, int]]:
    """Yield index and file of matches of patterns that match nothing as they stand, as they may have been meant."""
    others = {number: _other_bodies(pattern.body) for number, pattern in enumerate(patterns)}
    while others := {number: bodies for number, bodies in others.items() if bodies}:
        tried = list(others)
        found = set[int]()
        for place, file in _matches(names, [replace(patterns[number], body=others[number][0]) for number in tried]):
            found.add(tried[place])
            yield tried[place], file
        others = {number: others[number][1:] for number in tried if number not in found}


def _other_bodies(body: str) -> list[str]:
    """Return what may have been meant by a pattern, the nearest first."""
    bodies = [f"/{other[2:]}" if other.startswith("./") else other for other in spellings(body, top=("/",))]
    return [other for other in dict.fromkeys(bodies) if other != body and other.strip("/") and _is_valid(other)]


def _is_valid(body: str) -> bool:
    try:
        _compiled(body)
    except GitIgnorePatternError:
        return False
    return True


def _matches(names: Sequence[str], patterns: Sequence[Pattern]) -> Iterator[tuple[int, int]]:
    """Yield index of pattern and file of each match."""
    exact: dict[str, list[int]] = {}
    folders: dict[str, list[int]] = {}
    parts: dict[str, list[int]] = {}
    parts_of_folders: dict[str, list[int]] = {}
    for number, pattern in enumerate(patterns):
        plain = pattern.body.strip("/")
        if _SPECIAL.search(pattern.body) or not plain:
            search = _compiled(pattern.body).search
            yield from ((number, file) for file, name in enumerate(names) if search(name))
            exact.setdefault(pattern.body.removeprefix("/"), []).append(number)
        elif "/" in pattern.body.removesuffix("/"):
            folders.setdefault(plain, []).append(number)
            if not pattern.body.endswith("/"):
                exact.setdefault(plain, []).append(number)
        else:
            parts_of_folders.setdefault(plain, []).append(number)
            if not pattern.body.endswith("/"):
                parts.setdefault(plain, []).append(number)
    for file, name in enumerate(names):
        steps = name.split("/")
        found = [*exact.get(name, ()), *parts.get(steps[-1], ())]
        for depth, step in enumerate(steps[:-1], start=1):
            found += [*folders.get("/".join(steps[:depth]), ()), *parts_of_folders.get(step, ())]
        yield from ((number, file) for number in found)


def _compiled(body: str) -> "re.Pattern[str]":
    """Return the regular expression of a gitignore pattern.

    Raises:
        GitIgnorePatternError: it is none.
    """
    # The pattern is told apart from a comment or negation before it gets here.
    expression, _ = GitIgnoreSpecPattern.pattern_to_regex(f"\\{body}" if body[0] in "#!" else body)
    return re.compile(expression or r"(?!)")
