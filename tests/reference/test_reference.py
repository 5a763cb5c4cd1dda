"""What is made from the code is up to date, and says what the code does."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from curation.cli.main import COMMANDS
from curation.params.load import read_yaml
from curation.params.schema import PARAMETERS
from curation.reference.__main__ import CLI_PAGE, PARAMETERS_PAGE, REGISTERED, main, stage_names, texts
from curation.reference.json_schema import json_schema
from curation.reference.params_yaml import SCHEMA
from tests.conftest import REPOSITORY
from tests.test_contract import ORDER


def test_everything_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    for path, text in texts().items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run `make reference`"


def test_what_is_out_of_date_is_named_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("select:\n  n_samples: 7\n")
    (tmp_path / "dvc.yaml").write_text((REPOSITORY / "dvc.yaml").read_text())
    runner = CliRunner()
    result = runner.invoke(main, [])
    assert result.exit_code == 1
    made = ", ".join(map(str, (SCHEMA, PARAMETERS_PAGE, CLI_PAGE, *REGISTERED)))
    assert f"out of date: params.yaml, {made}; `make reference`" in result.output
    assert runner.invoke(main, ["--write"]).exit_code == 0
    assert runner.invoke(main, []).output == "reference: everything is up to date\n"
    for path in (Path(SCHEMA), PARAMETERS_PAGE, CLI_PAGE, *REGISTERED):
        assert (tmp_path / path).read_bytes() == (REPOSITORY / path).read_bytes()
    assert read_yaml(Path("params.yaml"))["select"]["n_samples"] == 7


def test_the_page_has_every_parameter_with_its_default() -> None:
    page = (REPOSITORY / PARAMETERS_PAGE).read_text(encoding="utf-8")
    entries = re.findall(r"^### `(\w+\.\w+)`\n(.*?)(?=^##)", page + "##", re.DOTALL | re.MULTILINE)
    assert [key for key, _ in entries] == [parameter.key for parameter in PARAMETERS]
    content = read_yaml(REPOSITORY / "params.yaml")
    for key, text in entries:
        section, name = key.split(".")
        (default,) = re.findall(r" Default: `(.*?)`\.", text.partition("### Entries")[0])
        value = content[section][name]
        shown = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else json.dumps(value).strip('"')
        assert default == shown, key


def test_the_page_of_commands_has_every_command_stage_and_option() -> None:
    page = (REPOSITORY / CLI_PAGE).read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"### `python -m curate {name}`" in page
    for stage in ORDER:
        assert f"### `python -m stages.{stage}`" in page
    assert "| `--exclude-datapool` |" in page
    assert "--hook" not in page
    assert "\b" not in page
    for target in re.findall(r"\(parameters\.md#(\w+)\)", page):
        assert target in {parameter.key.replace(".", "") for parameter in PARAMETERS}


def test_stages_of_a_users_own_have_their_place_if_they_are_modules() -> None:
    text = "stages:\n  mine:\n    cmd: python -m stages.mine\n  other:\n    cmd: ./other.sh\n"
    assert stage_names(text) == ["mine"]
    assert stage_names((REPOSITORY / "dvc.yaml").read_text()) == ORDER


# ---- the JSON schema


def validator() -> Any:
    schema = json.loads(json_schema())
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


@pytest.mark.parametrize(
    ("section", "name", "value", "is_valid"),
    [
        ("select", "n_samples", None, True),
        ("select", "n_samples", 0, False),
        ("select", "n_sample", 3, False),
        ("select", "method", "coverage", True),
        ("select", "method", "cover", False),
        ("clean", "proxy_size", 2000, False),
        ("train", "backbone", "timm/vit_small_patch14_dinov2", True),
        ("train", "backbone", "alexnet", False),
        ("report", "n_thumbnails", "many", False),
        ("select", "strategies", [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}], True),
        ("select", "strategies", [{"input": {"type": "EMBEDDING"}, "strategy": {"type": "DIVERSITY"}}], False),
    ],
)
def test_editors_tell_right_from_wrong(section: str, name: str, value: object, is_valid: bool) -> None:
    content = read_yaml(REPOSITORY / "params.yaml")
    assert validator().is_valid(content)
    content[section][name] = value
    assert validator().is_valid(content) is is_valid


def test_editors_show_what_the_comments_say() -> None:
    properties = json.loads(json_schema())["$defs"]["SelectParams"]["properties"]
    assert properties["n_samples"]["description"].endswith("Integer, 1 or more. Unit: samples. null: no such limit.")
    assert properties["n_samples"]["default"] == 50
    assert "  random: the picks are drawn by chance" in properties["method"]["description"]


def test_the_file_names_its_schema() -> None:
    first = (REPOSITORY / "params.yaml").read_text().splitlines()[0]
    path = first.removeprefix("# yaml-language-server: $schema=")
    assert json.loads((REPOSITORY / path).read_text())["title"] == "params.yaml"


# ---- `--help` and `curate params`


def test_help_of_a_stage_names_its_parameters() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "stages.embed", "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    assert "Parameters: train.accelerator, train.migrate_missing, embed, execution." in " ".join(shown.split())
