"""The examples of the guides do what they say: the code of a rule and of a stage that readers copy runs."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from curation.params.load import load_params
from curation.selection.rule import Rule
from tests.test_readme import PAGES

ROOT = Path(__file__).resolve().parents[1]
PYTHON = [
    (page.relative_to(ROOT).as_posix(), number, code)
    for page, text in PAGES.items()
    for number, code in enumerate(re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
]


def _example(page: str, language: str) -> str:
    match = re.search(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    assert match is not None
    return match[1]


def _run(code: str, module: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": module}
    exec(compile(code, module, "exec"), names)
    return names


@pytest.mark.parametrize(("page", "number", "code"), PYTHON, ids=[f"{page}-{number}" for page, number, _ in PYTHON])
def test_examples_are_python(page: str, number: int, code: str) -> None:
    compile(code, f"{page}-{number}", "exec")


def test_the_rule_of_the_guide_gives_the_answer_that_it_states() -> None:
    rule = _run(_example("docs/guides/own-rule.md", "python"), "curation.selection.rules.central")["RULE"]
    assert isinstance(rule, Rule)
    angles = np.radians(rule.example.candidates)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    picks = rule.pick(points, points[:0], len(rule.example.picks)).picks
    assert tuple(picks.tolist()) == rule.example.picks


def test_the_stage_of_the_guide_writes_its_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = YAML(typ="safe").load(_example("docs/guides/own-stage.md", "yaml"))["label_counts"]
    assert entry["cmd"] == "python -m stages.label_counts"
    params = load_params(ROOT / "params.yaml")
    monkeypatch.chdir(tmp_path)
    Path("datapool").mkdir()
    Path("data").mkdir()
    pd.DataFrame({"label_name": ["city", "city", None]}).to_csv("datapool/samples.csv")
    run = _run(_example("docs/guides/own-stage.md", "python"), "stages.label_counts")["run"]
    assert run(params) == "2 labels"
    assert pd.read_csv(entry["outs"][0])["count"].tolist() == [1, 2]
