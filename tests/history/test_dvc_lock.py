"""The record of a `dvc.lock`: parsed once, and each caller's own."""

import pytest
from ruamel.yaml import YAML

from curation.history.dvc_lock import parse_stages

LOCK = "stages:\n  select:\n    cmd: python -m stages.select\n    outs:\n    - path: data/select.csv\n      md5: 0f\n"


def test_the_same_text_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parse, parsed = YAML.load, list[object]()

    def load(self: YAML, text: str) -> object:
        parsed.append(text)
        return parse(self, text)

    monkeypatch.setattr(YAML, "load", load)
    text = f"# a text that no other test has\n{LOCK}"
    assert parse_stages(text) == parse_stages(text)
    assert parsed == [text]


def test_what_a_caller_changes_no_other_sees() -> None:
    stages = dict(parse_stages(LOCK))
    stages["select"]["outs"].clear()
    assert parse_stages(LOCK)["select"]["outs"] == [{"path": "data/select.csv", "md5": "0f"}]


@pytest.mark.parametrize("text", [None, "", "# nothing\n", "schema: '2.0'\n", "stages:\n"])
def test_a_file_without_stages_has_none(text: str | None) -> None:
    assert parse_stages(text) == {}
