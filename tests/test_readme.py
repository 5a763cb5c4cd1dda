"""The README and the pages of docs are true: their commands, parameters and files exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from curation.cli.main import main
from curation.params.schema import Params
from tests import ROOT
from tests.test_contract import ORDER

README = (ROOT / "README.md").read_text()
PAGES = {path: path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))}
TEXT = "\n".join(PAGES.values())
BLOCKS = re.findall(r"^ *```bash\n(.*?)^ *```", TEXT, re.DOTALL | re.MULTILINE)
INLINE = re.findall(r"`([^`\n]+)`", TEXT)
COMMANDS = sorted({line.strip() for block in BLOCKS for line in block.splitlines() if line.strip()})
ELSEWHERE = ("cp ", "cd ", "source ", "git clone", "curl -LO https://", "pip install ", "pip download ")
"""Commands that name places of the reader's own, or the network's."""


def _shown(value: object) -> str:
    """Return a default as the README shows it."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_the_table_of_parameters_is_params_yaml() -> None:
    content: Any = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    wanted = {f"{section}.{key}": _shown(value) for section, keys in content.items() for key, value in keys.items()}
    section = README[README.index("<!-- parameters:") :]
    table = dict(re.findall(r"^\| `(\w+\.\w+)` \| (.*?) \|", section, re.MULTILINE))
    assert table == wanted


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_exist(command: str) -> None:
    for part in command.split(" && "):
        words = shlex.split(part)
        if part.startswith(ELSEWHERE):
            continue
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        elif words[0] == "dvc":
            _check_dvc(words[1:])
        elif words[:3] == ["python", "-m", "curate"]:
            _check_curate(words[3:])
        else:
            assert words[0] in {"git", "hooks/install.sh", "rm"}, part


def _check_curate(arguments: list[str]) -> None:
    """Let the tool's own parser read the arguments."""
    main.get_command(click.Context(main), arguments[0]).make_context(arguments[0], arguments[1:])  # type: ignore[union-attr]


def _check_dvc(arguments: list[str]) -> None:
    """Let DVC's own parser read the arguments, and check the parameters that they set."""
    from dvc.cli.parser import get_main_parser

    parsed = get_main_parser().parse_args(arguments)
    assert parsed.func
    yaml = YAML(typ="safe")
    content: Any = yaml.load((ROOT / "params.yaml").read_text())
    for setting in getattr(parsed, "set_param", None) or []:
        name, _, value = setting.partition("=")
        section, _, key = name.partition(".")
        assert key in content[section]
        content[section][key] = yaml.load(value)
    Params.model_validate(content)


def test_inline_commands_and_files_exist() -> None:
    for text in INLINE:
        if text.startswith("dvc ") and "NAME" not in text and "URL" not in text and "…" not in text:
            _check_dvc(shlex.split(text)[1:])
        if match := re.match(r"python -m stages\.(\w+)", text):
            assert match[1] in ORDER
        if re.fullmatch(r"(stages|hooks|tests|docs|demo)/[\w./-]+", text):
            assert (ROOT / text).exists(), text


def test_links_and_pictures_exist() -> None:
    for page, text in PAGES.items():
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert (page.parent / target).exists(), target


def test_every_stage_is_explained() -> None:
    for name in ORDER:
        assert f"`{name}`" in README


def test_the_two_commands_come_first() -> None:
    assert COMMANDS.count("make demo") == COMMANDS.count("make test") == 1
    assert README.index("make demo") < README.index("make test") < README.index("dvc repro\n```")


def test_datapool_files_are_explained() -> None:
    from curation.datapool import store

    for name in (store.LATEST_CSV, store.SAMPLES_CSV, store.CHECKPOINT, store.ITERATIONS_CSV):
        assert f"`{name}`" in README
    assert Path(store.LEDGER_FOLDER).name in README
