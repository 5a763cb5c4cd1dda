"""The difference between two datapools, and the forms in which it is written."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from curation.cli.commands.diff import as_json, ends_of
from curation.core.errors import BaseError
from curation.inspection.diff import Count, as_html, as_markdown, as_text, changed_parameters, difference
from curation.inspection.revision import Revision
from curation.tables.datapool import ITERATIONS

HOSTILE = '"><img src=x onerror=alert(1)>`|[a](http://x)\u202egnp.\n'


def revision_of(name: str, names: list[str], radii: list[float], checkpoint: str = "c", **select: Any) -> Revision:
    found = Revision(name, None, None)  # type: ignore[arg-type]
    samples = pd.DataFrame({"filename": names, "raw_path": [f"{name[0]}.mp4" for name in names], "label_name": ""})
    log = pd.DataFrame(0, index=range(len(radii)), columns=ITERATIONS.names)
    log = log.assign(iteration=range(1, len(radii) + 1), coverage_radius=radii, checkpoint_hash=checkpoint, selected=2)
    found.__dict__.update(samples=samples, iterations=log, params={"select": {"n_samples": 2} | select})
    return found


def test_what_came_and_went() -> None:
    before = revision_of("old", ["a1", "a2", "b1"], [0.5])
    after = revision_of("new", ["a1", "b2", "b3"], [0.5, 0.25], n_samples=3)
    found = difference(before, after)
    assert (found.added, found.removed) == (("b2", "b3"), ("a2", "b1"))
    assert found.raw_files == (Count("a.mp4", 0, 1), Count("b.mp4", 2, 1))
    assert found.weak_labels == (Count("", 2, 2),)
    assert [row["iteration"] for row in found.iterations] == [2]
    assert (found.coverage_before, found.coverage_after) == (0.5, 0.25)
    assert not found.checkpoint_changed
    assert found.parameters == {"select.n_samples": (2, 3)}
    text = as_text(found)
    assert text.startswith("old -> new: 2 samples added, 2 removed (3 -> 3 samples)\n")
    assert "coverage radius of the last iteration's candidates: 0.5000 -> 0.2500" in text
    assert "  +2 -1  b.mp4" in text
    assert json.loads(as_json(found))["added"] == ["b2", "b3"]


def test_from_nothing_and_to_another_model() -> None:
    found = difference(revision_of("a", [], []), revision_of("b", ["x"], [np.nan]))
    assert (found.coverage_before, found.coverage_after, found.checkpoint_changed) == (None, None, False)
    found = difference(revision_of("a", ["x"], [0.1], "one"), revision_of("b", ["x"], [0.1], "two"))
    assert "the checkpoint changed" in as_text(found)


def test_hostile_names_are_text() -> None:
    found = difference(revision_of("a", [], []), revision_of("b", [HOSTILE], [0.1]))
    for line in as_text(found).splitlines():
        assert line.isprintable()
    shown = as_markdown(found)
    assert "<img" not in shown
    assert "&lt;img" in shown
    assert "\u202e" not in shown
    page = as_html(found, {HOSTILE: "data:image/jpeg;base64,AAAA"})
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert '<img src="data:image/jpeg;base64,AAAA" alt="">' in page
    assert "\\[a\\]\\(http" in shown
    assert all(line.count("|") - line.count("\\|") in (0, 4) for line in shown.splitlines())


def test_long_lists_are_cut() -> None:
    names = [f"{number:03d}" for number in range(100)]
    assert "  and 70 more" in as_text(difference(revision_of("a", [], []), revision_of("b", names, [0.1])))


def test_parameters_that_only_one_side_has() -> None:
    assert changed_parameters({"a": {"x": 1}}, {"a": {"y": None, "z": 2}}) == {"a.x": (1, None), "a.z": (None, 2)}


def test_ends() -> None:
    assert ends_of("A..B") == ("A", "B")
    assert ends_of("A..") == ends_of("A") == ("A", "workspace")
    assert ends_of("..B") == ("B~1", "B")
    with pytest.raises(BaseError):
        ends_of("")
