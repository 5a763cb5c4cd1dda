"""`curate scores`: predictions of a task become a table, of the samples that are known."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from curation.cli.commands import scores
from curation.cli.commands.scores import known_names


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the samples a.png and b.png, and predictions of a task."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scores, "known_names", lambda _: frozenset({"a.png", "b.png"}))
    monkeypatch.setattr(scores, "revision", lambda *_: None)
    monkeypatch.setattr(scores, "open_cache", lambda: NoCache())
    Path("params.yaml").write_text("select:\n  predictions:\n    cats: p.csv\n")
    Path("p.csv").write_text("filename,cat,dog\na.png,0.5,0.5\nb.png,1,0\nlost.png,1,0\n")
    return tmp_path


def test_samples_are_known_before_they_are_selected(tmp_path: Path) -> None:
    new = tmp_path / "new.parquet"
    pd.DataFrame({"filename": ["c.png"]}).to_parquet(new)
    start: Any = SimpleNamespace(
        has_datapool=True,
        processed=pd.DataFrame({"filename": ["a.png", "b.png"]}),
        samples=pd.DataFrame({"filename": ["combined.png"]}),
        undecided_shards=[new],
    )
    assert known_names(start) == {"a.png", "b.png", "combined.png", "c.png"}
    start.has_datapool = False
    assert known_names(start) == {"c.png"}


class NoCache:
    """What stands for an open cache where nothing reads it."""

    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def run(*arguments: str) -> Any:
    return CliRunner().invoke(scores.command, arguments)


def test_scores_of_a_task(project: Path) -> None:
    result = run("cats", "--output", "out.csv")
    assert "1 are no sample: 'lost.png'" in result.stderr
    assert "scores: no object_frequency: object_frequency is about objects, and there is no box" in result.stderr
    assert result.stdout == (
        "scores: uncertainty_least_confidence, uncertainty_margin, uncertainty_entropy of 2 samples are in out.csv\n"
    )
    table = pd.read_csv("out.csv")
    assert table["filename"].tolist() == ["a.png", "b.png"]
    assert table["uncertainty_entropy"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dogs"], "select.predictions: there is no task 'dogs' (there: cats)"),
        (["cats", "--output", "data/raw/out.csv"], "data/raw/out.csv is in data/raw"),
        (["cats"], "p.csv suffices for no score"),
    ],
)
def test_what_cannot_be_scored_is_told(project: Path, arguments: list[str], message: str) -> None:
    Path("p.csv").write_text("filename,class,score\na.png,cat,0.5\n")
    result = run(*arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert not Path("scores.csv").exists()
