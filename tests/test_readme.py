"""README, CONTRIBUTING and the pages of docs are true: their commands, parameters, files and links exist."""

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from curation.cli.main import main
from curation.params.schema import Params
from tests.test_contract import ORDER

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = {path: path.read_text() for path in (*(ROOT / name for name in FILES), *sorted((ROOT / "docs").rglob("*.md")))}
MAKEFILE = (ROOT / "Makefile").read_text()
TOOLS = ("make ", "dvc ", "python -m ", "curate ", "pytest ", "hooks/install.sh")
ELSEWHERE = (
    "cp ", "cd ", "source ", "git ", "rm ", "curl -LO https://", "pip ", "pipx ", "apt-get ", "python -m pip ",
    "python -m venv ", "python -m http.server ", "export ", "curl -H ", "aws ", "~/label-studio/", "cvat-cli ", "zip ",
    "yolo ", "labelImg ",
)  # fmt: skip
"""Commands that name places of the reader's own, or the network's, or that are no part of the project."""
OF_THE_READER = ("demo/clips", "curation/selection/rules/central.py", "stages/label_counts.py")
"""Files that a command makes, or that the guides let readers write."""
PLACEHOLDER = re.compile(r"…|\b[A-Z]{3,}\b|URL")


def blocks(text: str) -> list[str]:
    """Return the lines of a page's fenced blocks of shell commands, and the indented ones that call a tool."""
    fenced = [match[1] for match in re.finditer(r"^ *```(?:bash|sh)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)]
    lines = [line.strip() for block in fenced for line in block.splitlines()]
    unfenced = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    lines += [line.strip() for line in re.findall(r"^    +(.*)", unfenced, re.MULTILINE) if line.startswith(TOOLS)]
    return [line for line in lines if line and not line.startswith("#")]


def inline(text: str) -> list[str]:
    """Return what stands between backticks, outside fenced blocks."""
    return re.findall(r"`([^`]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE))


COMMANDS = sorted({line for text in PAGES.values() for line in blocks(text)})
INLINE = sorted({" ".join(part.split()) for text in PAGES.values() for part in inline(text)})
INLINE_COMMANDS = [part for part in INLINE if part.startswith(TOOLS) and not PLACEHOLDER.search(part)]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_exist(command: str) -> None:
    for part in command.split(" && "):
        assert _check(part), f"nobody checks {part!r}"


@pytest.mark.parametrize("command", INLINE_COMMANDS)
def test_commands_in_sentences_exist(command: str) -> None:
    assert _check(command), f"nobody checks {command!r}"


def _check(command: str) -> bool:
    """Check one command; False where it is of no known kind."""
    words = shlex.split(command, comments=True)
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if words[0] == "make":
        _check_make(words[1:])
    elif words[0] == "dvc":
        _check_dvc(words[1:])
    elif words[0] == "curate":
        _check_curate(words[1:])
    elif words[:3] == ["python", "-m", "curate"]:
        _check_curate(words[3:])
    elif words[:2] == ["python", "-m"] and words[2].split(".")[0] in ("stages", "benchmarks", "tests", "curation"):
        _check_module(words[2], words[3:])
    elif words[0] == "pytest":
        assert all((ROOT / word).exists() for word in words[1:] if word.startswith("tests/")), command
    elif words[0] == "hooks/install.sh":
        assert (ROOT / words[0]).is_file()
    else:
        return command.startswith(ELSEWHERE) or words[0] == "taskset"
    return True


def _check_make(words: list[str]) -> None:
    """Find each target in the Makefile; settings like `PYTHON=…` are left alone."""
    for word in words:
        assert "=" in word or re.search(rf"^{re.escape(word)}:", MAKEFILE, re.MULTILINE), f"make has no target {word}"


def _check_curate(arguments: list[str]) -> None:
    """Let the tool's own parser read the arguments."""
    if not arguments or arguments[0] in ("--help", "-C"):
        return
    command = main.get_command(click.Context(main), arguments[0])
    assert command is not None, f"curate has no command {arguments[0]}"
    if arguments[1:] and "--help" not in arguments:
        command.make_context(arguments[0], arguments[1:])


def _check_module(module: str, arguments: list[str]) -> None:
    """Find a program's file, and in it the options that it is called with."""
    path = ROOT / module.replace(".", "/")
    source = next((file for file in (path.with_suffix(".py"), path / "__main__.py") if file.is_file()), None)
    assert source is not None, f"there is no module {module}"
    if module.startswith("stages."):
        assert module.removeprefix("stages.") in ORDER
    text = source.read_text()
    for option in (word.partition("=")[0] for word in arguments if word.startswith("--")):
        assert option == "--help" or f'"{option}' in text, f"{module} has no option {option}"


@cache
def _parameters() -> Any:
    return YAML(typ="safe").load((ROOT / "params.yaml").read_text())


def _check_dvc(arguments: list[str]) -> None:
    """Let DVC's own parser read the arguments, and check the parameters that they set."""
    from dvc.cli.parser import get_main_parser

    parsed = get_main_parser().parse_args(arguments)
    assert parsed.func
    content = {section: dict(values) for section, values in _parameters().items()}
    for setting in getattr(parsed, "set_param", None) or []:
        name, _, value = setting.partition("=")
        section, _, key = name.partition(".")
        assert key in content[section], f"params.yaml has no {name}"
        content[section][key] = YAML(typ="safe").load(value)
    Params.model_validate(content)


def test_parameters_that_pages_name_exist() -> None:
    sections = _parameters()
    for text in INLINE:
        match = re.fullmatch(r"(\w+)\.(\w+)(?:: .*)?", text)
        if match and match[1] in sections and match[2] not in ("json", "py"):
            assert match[2] in sections[match[1]], f"params.yaml has no {text}"


def test_files_that_pages_name_exist() -> None:
    for text in INLINE:
        if re.fullmatch(r"(curation|stages|hooks|tests|docs|demo|setup|benchmarks)/[\w./-]+", text):
            may_be_absent = text.startswith(OF_THE_READER) or PLACEHOLDER.search(text)
            assert may_be_absent or (ROOT / text).exists(), f"there is no {text}"


def slug(heading: str) -> str:
    """Return the anchor that a Git host gives a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_pictures_exist(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", PAGES[page]):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} leads nowhere"
        if anchor:
            headings = re.findall(r"^#+ +(.+)$", file.read_text(), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, f"{target}: no such heading"


def test_every_page_is_in_the_navigation_once() -> None:
    index = PAGES[ROOT / "docs/README.md"]
    listed = re.findall(r"\]\(([^)#]+\.md)\)", index)
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in PAGES if path.is_relative_to(ROOT / "docs")]
    assert sorted(listed) == sorted(page for page in pages if page != "README.md")


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_every_stage_is_explained() -> None:
    for name in ORDER:
        assert f"`{name}`" in README


def test_the_two_commands_come_first() -> None:
    commands = blocks(README)
    assert commands.count("make demo") == commands.count("make test") == 1
    assert README.index("make demo") < README.index("make test") < README.index("dvc repro\n```")


def test_datapool_files_are_explained() -> None:
    from curation.datapool import store

    page = PAGES[ROOT / "docs/explanation/datapool.md"]
    for name in (store.LATEST_CSV, store.SAMPLES_CSV, store.CHECKPOINT, store.ITERATIONS_CSV):
        assert f"`{name}`" in page
    assert f"`{Path(store.LEDGER_FOLDER).name}/`" in page
