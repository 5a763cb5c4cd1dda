"""The difference between two revisions of a datapool: samples, iterations, coverage, model, parameters."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from curation.inspection.revision import Revision
from curation.reporting.compute.names import visible

_TEMPLATES = Path(__file__).parent / "templates"

_ROWS = 30
"""Raw files and samples that the readable forms list; JSON has all."""

_MARKDOWN = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_{}[]()#+-.!|~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
)
_TURNING = {chr(code): f"<U+{code:04X}>" for code in [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F]}


@dataclass(frozen=True)
class Count:
    """Samples of one raw file or weak label that came and went."""

    name: str
    added: int
    removed: int


@dataclass(frozen=True)
class Difference:
    """The change of a datapool from one revision to another.

    Attributes:
        before: name of the older revision.
        after: name of the newer one.
        size_before: samples.
        size_after: samples.
        added: filenames, in order of selection.
        removed: filenames; a branch that was rebuilt can lack samples.
        raw_files: by raw file, sorted.
        weak_labels: by weak label, sorted.
        iterations: rows of the log that are new, as plain data.
        coverage_before: coverage radius of the older one's last iteration, of its own candidates; None for none.
        coverage_after: of the newer one's.
        checkpoint_changed: whether the embedding space is another one.
        parameters: old and new value of each parameter that changed.
    """

    before: str
    after: str
    size_before: int
    size_after: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    raw_files: tuple[Count, ...]
    weak_labels: tuple[Count, ...]
    iterations: tuple[dict[str, Any], ...]
    coverage_before: float | None
    coverage_after: float | None
    checkpoint_changed: bool
    parameters: dict[str, tuple[Any, Any]]


def difference(before: Revision, after: Revision) -> Difference:
    """Compare two revisions."""
    old, new = before.samples, after.samples
    added, removed = new[~new["filename"].isin(old["filename"])], old[~old["filename"].isin(new["filename"])]
    logs = before.iterations, after.iterations
    fresh = logs[1].merge(logs[0], how="left", indicator=True)
    fresh = fresh[fresh["_merge"] == "left_only"]
    return Difference(
        before=before.name,
        after=after.name,
        size_before=len(old),
        size_after=len(new),
        added=tuple(added["filename"]),
        removed=tuple(removed["filename"]),
        raw_files=_counts(added, removed, "raw_path"),
        weak_labels=_counts(added, removed, "label_name"),
        iterations=tuple(
            {name: int(row[name]) for name in ("iteration", "raw_files", "samples", "candidates", "selected")}
            for row in fresh.to_dict("records")
        ),
        coverage_before=_last(logs[0], "coverage_radius"),
        coverage_after=_last(logs[1], "coverage_radius"),
        checkpoint_changed=bool(len(logs[0]))
        and _last(logs[0], "checkpoint_hash") != _last(logs[1], "checkpoint_hash"),
        parameters=changed_parameters(before.params, after.params),
    )


def _counts(added: pd.DataFrame, removed: pd.DataFrame, column: str) -> tuple[Count, ...]:
    came, went = added[column].value_counts(), removed[column].value_counts()
    names = sorted({*map(str, came.index), *map(str, went.index)})
    return tuple(Count(name, int(came.get(name, 0)), int(went.get(name, 0))) for name in names)


def _last(log: pd.DataFrame, column: str) -> Any:
    """Return a value of the last iteration; None where there is none."""
    if not len(log):
        return None
    value = log[column].iloc[-1]
    return None if isinstance(value, float) and np.isnan(value) else value


def changed_parameters(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return old and new value of the parameters that differ; None for one that is not there."""
    old, new = (
        {f"{section}.{key}": value for section, values in params.items() for key, value in values.items()}
        for params in (before, after)
    )
    return {key: (old.get(key), new.get(key)) for key in sorted({*old, *new}) if old.get(key) != new.get(key)}


def as_text(found: Difference) -> str:
    """Return the difference for a terminal."""
    lines = [_headline(found), *_facts(found)]
    for title, counts in (("By raw file", found.raw_files), ("By weak label", found.weak_labels)):
        if counts:
            lines += ["", f"{title}:", *(f"  {_signed(count)}  {count.name or '(none)'}" for count in counts[:_ROWS])]
            lines += _more(counts)
    for title, names in (("Added", found.added), ("Removed", found.removed)):
        if names:
            lines += ["", f"{title}:", *(f"  {name}" for name in names[:_ROWS]), *_more(names)]
    return "\n".join(_without_turning(line) for line in lines)


def as_markdown(found: Difference) -> str:
    """Return the difference for a pull request; names are text, whatever they hold."""
    lines = [f"### Datapool: {_marked(found.before)} → {_marked(found.after)}", ""]
    lines += [_marked(_headline(found)), "", *(f"- {_marked(fact)}" for fact in _facts(found))]
    for title, counts in (("Raw file", found.raw_files), ("Weak label", found.weak_labels)):
        if counts:
            lines += ["", f"| {title} | Added | Removed |", "| --- | ---: | ---: |"]
            lines += [
                f"| {_marked(count.name or '(none)')} | {count.added} | {count.removed} |" for count in counts[:_ROWS]
            ]
            lines += [f"\n{line.strip()}" for line in _more(counts)]
    for title, names in (("added", found.added), ("removed", found.removed)):
        if names:
            lines += ["", "<details>", f"<summary>{len(names)} samples {title}</summary>", ""]
            lines += [f"- {_marked(name)}" for name in names[:_ROWS]] + [f"- {line.strip()}" for line in _more(names)]
            lines += ["", "</details>"]
    return "\n".join(lines)


PICTURES = 200
"""Samples added, and samples removed, that the page shows."""


def as_html(found: Difference, pictures: Mapping[str, str]) -> str:
    """Return the difference as a page that needs no network.

    Args:
        found: the difference.
        pictures: `data:` URI by filename, of the samples that have one.
    """
    style = (_TEMPLATES / "diff.css").read_text(encoding="utf-8")
    tables = [
        (title, [{"shown": visible(row.name) or "(none)", "added": row.added, "removed": row.removed} for row in rows])
        for title, rows in (("Raw file", found.raw_files[:_ROWS]), ("Weak label", found.weak_labels[:_ROWS]))
    ]
    further = [max(0, len(rows) - _ROWS) for rows in (found.raw_files, found.weak_labels)]
    galleries = [
        (
            title,
            [{"shown": visible(name), "picture": pictures.get(name, "")} for name in names[:PICTURES]],
            max(0, len(names) - PICTURES),
        )
        for title, names in (("Added", found.added), ("Removed", found.removed))
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template("diff.html.j2").render(
        before=visible(found.before),
        after=visible(found.after),
        added=found.added,
        removed=found.removed,
        size_before=found.size_before,
        size_after=found.size_after,
        facts=[visible(fact) for fact in _facts(found)],
        tables=[(title, rows, more) for (title, rows), more in zip(tables, further, strict=True)],
        galleries=galleries,
        style=Markup(style),  # noqa: S704  (our own file)
        style_hash=f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}",
    )


def _headline(found: Difference) -> str:
    removed = f", {len(found.removed)} removed" if found.removed else ""
    sizes = f"{found.size_before} -> {found.size_after} samples"
    return f"{found.before} -> {found.after}: {len(found.added)} samples added{removed} ({sizes})"


def _facts(found: Difference) -> list[str]:
    """Say what else changed, a line each."""
    facts = [
        f"iteration {row['iteration']}: {row['selected']} of {row['candidates']} candidates selected, from "
        f"{row['raw_files']} new raw files"
        for row in found.iterations
    ]
    if found.coverage_after is not None:
        former = "none" if found.coverage_before is None else f"{found.coverage_before:.4f}"
        facts.append(f"coverage radius of the last iteration's candidates: {former} -> {found.coverage_after:.4f}")
    if found.checkpoint_changed:
        facts.append("the checkpoint changed: distances before and after cannot be compared")
    facts += [f"{key}: {old} -> {new}" for key, (old, new) in found.parameters.items()]
    return facts


def _signed(count: Count) -> str:
    return f"+{count.added}" + (f" -{count.removed}" if count.removed else "")


def _more(rows: Sequence[object]) -> list[str]:
    return [f"  and {len(rows) - _ROWS} more"] if len(rows) > _ROWS else []


def _without_turning(text: str) -> str:
    """Show the marks that turn the direction of writing, and line ends inside of names, as codes."""
    shown = "".join(_TURNING.get(character, character) for character in text)
    return "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in shown)


def _marked(text: str) -> str:
    """Escape a text for Markdown, HTML inside of it included."""
    return _without_turning(text).translate(_MARKDOWN)
