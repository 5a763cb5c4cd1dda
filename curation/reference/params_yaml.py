"""`params.yaml` with the comments that its fields say; values, and comments at line ends, stay as they are.

Lists have the indentation that DVC gives them when it sets a value (`dvc exp run -S`).

The file is worked on line by line, so whatever a user has written in a value keeps its form. A comment on lines of its
own above a key is replaced, unless its lines begin with `##`.

A blank line separates the parameters, and the line above each key says type and range, which hardly ever change. So git
merges a template's new parameters and reworded descriptions with a project's own values: lines that the two sides have
changed never touch; for the last parameter, the footer sees to that.
"""

import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from curation.core.errors import ParamsError
from curation.params.load import checked
from curation.params.schema import PARAMETERS, SECTIONS, Parameter, Params
from curation.reference.texts import text_of

SCHEMA = "docs/reference/params.schema.json"
WIDTH = 120
HEADER = (
    f"# yaml-language-server: $schema={SCHEMA}",
    "# One section per stage. `dvc exp run -S select.n_samples=20` tries a value without editing this file.",
    "# `python -m curate params --write` renews these comments and adds new parameters; your values stay, and so do",
    "# comments at the end of a line, or that begin with two #.",
)
FOOTER = ("", "# docs/reference/parameters.md says the same on one page.")


def documented(text: str, path: Path) -> str:
    """Return the text of a `params.yaml` with all parameters and their comments.

    Args:
        text: of the file as it is; empty: there is none, and each parameter has its default.
        path: of the file, for messages.

    Raises:
        ParamsError: the file does not hold valid parameters, or several of them on one line.
    """
    content, values = _parsed(text, path), _values(text, path)
    written = own_parts(text, content, path)
    lines = list(HEADER)
    for section in SECTIONS:
        lines += [
            "",
            *written.remarks.get(section, []),
            *(written.lines[section] if content.get(section) else [f"{section}:"]),
        ]
        parameters = [parameter for parameter in PARAMETERS if parameter.section == section]
        indent = _indent(*(written.lines.get(parameter.key, []) for parameter in parameters))
        for place, parameter in enumerate(parameters):
            lines += [""] if place else []
            lines += written.remarks.get(parameter.key, [])
            lines += [f"{indent}# {line}".rstrip() for line in comment(parameter, WIDTH - len(indent) - 2)]
            lines += _own_lines(parameter, written) or _default_lines(parameter, indent)
    after = "\n".join([*lines, *FOOTER, *written.remarks.get("", [])]) + "\n"
    try:
        is_same = _values(after, path) == values
    except (ParamsError, YAMLError):
        is_same = False
    if not is_same:
        raise ParamsError(f"{path}: its comments cannot be renewed; write each parameter as `name: value`")
    return after


def comment(parameter: Parameter, width: int) -> list[str]:
    """Return the text on a parameter, in lines of at most `width` characters."""
    lines: list[str] = []
    for paragraph in text_of(parameter):
        indent = " " * (len(paragraph) - len(paragraph.lstrip()))
        further = f"{indent}  " if indent else ""
        lines += textwrap.wrap(
            paragraph.lstrip(),
            width,
            initial_indent=indent,
            subsequent_indent=further,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


@dataclass(frozen=True)
class OwnParts:
    """What a `params.yaml` holds besides generated comments.

    Attributes:
        lines: of each section (its key) and parameter (key and value), by `section` or `section.name`.
        remarks: comments to be kept above each of them; those at the end of the file by an empty name.
    """

    lines: Mapping[str, list[str]]
    remarks: Mapping[str, list[str]]


def own_parts(text: str, content: CommentedMap, path: Path) -> OwnParts:
    """Take a `params.yaml` apart.

    Args:
        text: of the file.
        content: of the same file, as ruamel reads it.
        path: of the file, for messages.

    Raises:
        ParamsError: several parameters are on one line.
    """
    lines, names = text.splitlines(), _rows(content, path)
    rows = sorted(names)
    kept: dict[str, list[str]] = {}
    remarks: dict[str, list[str]] = {}
    free = lines[: rows[0]] if rows else lines
    for row, end in pairwise([*rows, len(lines)]):
        remarks[names[row]] = [line for line in free if line.lstrip().startswith("##")]
        block = lines[row:end]
        kept[names[row]], free = (block[:1], block[1:]) if names[row] in content else _value_and_rest(block)
    remarks[""] = [line for line in free if line.lstrip().startswith("##")]
    return OwnParts(kept, remarks)


def _rows(content: CommentedMap, path: Path) -> dict[int, str]:
    """Return the line on which each section and each parameter begins, counted from 0."""
    names: dict[int, str] = {}
    for section, values in content.items():
        names[content.lc.key(section)[0]] = section
        if values and values.fa.flow_style():
            raise ParamsError(f"{path}: write each parameter of section {section} on a line of its own")
        for name in values:
            names[values.lc.key(name)[0]] = f"{section}.{name}"
    return names


def _value_and_rest(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separate a key with its value from the blank lines and comments behind it, which belong to the next key."""
    indent = _indent(lines[:1])
    end = len(lines)
    while end > 1:
        line = lines[end - 1]
        is_deeper = line.startswith(f"{indent} ")
        if line.strip() and (is_deeper or not line.lstrip().startswith("#")):
            break
        end -= 1
    return list(lines[:end]), list(lines[end:])


def _indent(*values: Sequence[str]) -> str:
    """Return the indentation of the first line that there is; two spaces without any."""
    first = next((lines[0] for lines in values if lines), "  ")
    return first[: len(first) - len(first.lstrip())]


def _own_lines(parameter: Parameter, written: OwnParts) -> list[str]:
    """Return key and value as they are, but null where there is no value: `dvc exp run -S` takes the word away."""
    first, *rest = written.lines.get(parameter.key) or [""]
    if not rest and (match := re.fullmatch(rf"(\s*{parameter.name}:)(\s*#.*|\s*)", first)):
        return [f"{match[1]} null{match[2].rstrip()}"]
    return [first, *rest] if first else []


def _default_lines(parameter: Parameter, indent: str) -> list[str]:
    """Return key and default of a parameter that the file lacks."""
    if parameter.default is None:
        return [f"{indent}{parameter.name}: null"]
    stream = io.StringIO()
    YAML().dump({parameter.name: parameter.default}, stream)
    return [f"{indent}{line}" for line in stream.getvalue().splitlines()]


def _parsed(text: str, path: Path) -> CommentedMap:
    """Read YAML with the places of its keys."""
    try:
        content = YAML().load(text)
    except YAMLError as error:
        raise ParamsError(f"{path} is not readable as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, CommentedMap | None):
        raise ParamsError(f"{path} holds no sections")
    return content or CommentedMap()


def _values(text: str, path: Path) -> Params:
    """Read and check the parameters in a text."""
    return checked(YAML(typ="safe", pure=True).load(text) or {}, path)
