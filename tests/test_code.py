"""Stage `code`, and what counts as the code of a stage."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from curation.code.closure import CodeReader
from curation.code.libraries import library_versions
from curation.code.syntax import NAME, read_source
from tests import ROOT

COMMAND = "python -m stages.mine"


def write(root: Path, **files: str) -> Path:
    """Write files; in their names, two underscores stand for a slash, and the ending is .py where there is none."""
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ("" if "." in name else ".py"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, stages__mine='"""Mine."""\nfrom engine.rules import rule\n\nrule(1)\n')
    write(tmp_path, engine__rules="import numpy\n\n\ndef rule(number):\n    return number + 1\n")
    (tmp_path / "engine/__init__.py").write_text("")
    return tmp_path


def digest(root: Path, command: str = COMMAND) -> str:
    return CodeReader(root).digest(command)


@pytest.mark.parametrize(
    "text",
    [
        'import numpy  # what for\n\n\ndef rule(number):\n    """Add."""\n    return (number + 1)\n',
        '"""Rules."""\nimport numpy\nLIMITLESS: int\n"""It is."""\n',
        "import numpy\n\ndef rule(\n    number,\n):\n    pass\n    return number + 1\n",
        "import numpy\nfrom typing import TYPE_CHECKING\n",
    ],
)
def test_words_and_form_are_no_code(project: Path, text: str) -> None:
    before = digest(project)
    write(project, engine__rules=text)
    has_more = "LIMITLESS" in text or "TYPE_CHECKING" in text
    assert (digest(project) != before) is has_more
    write(project, engine__rules=text.replace('"""It is."""\n', "").replace('"""Rules."""\n', ""))
    assert (digest(project) != before) is has_more


def test_what_is_said_of_a_parameter_is_no_code(project: Path) -> None:
    write(project, engine__rules="N = Field(1, description='how many')\n")
    before = digest(project)
    write(project, engine__rules="N = Field(1, description='how many there are')\n")
    assert digest(project) == before
    write(project, engine__rules="N = Field(2, description='how many there are')\n")
    assert digest(project) != before
    write(project, engine__rules="N = Other(1, description='how many')\n")
    other = digest(project)
    write(project, engine__rules="N = Other(1, description='how many there are')\n")
    assert digest(project) != other


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("engine__rules", "import numpy\n\n\ndef rule(number):\n    return number + 2\n"),
        ("engine____init__", "X = 1\n"),
        ("stages__mine", "from engine.rules import rule\n\nrule(2)\n"),
    ],
)
def test_all_that_a_stage_imports_is_its_code(project: Path, path: str, text: str) -> None:
    before = digest(project)
    name = path.replace("engine____init__", "engine/__init__.py").replace("__", "/").removesuffix(".py") + ".py"
    (project / name.replace("engine//init/", "engine/__init__")).write_text(text)
    assert digest(project) != before


def test_what_no_stage_imports_is_no_code(project: Path) -> None:
    before = digest(project)
    write(project, engine__other="X = 1\n", stages__other="import engine.other\n")
    assert digest(project) == before
    assert digest(project, "python -m stages.other") != before


def test_imports_of_all_kinds_are_found(project: Path) -> None:
    write(
        project,
        stages__mine=(
            "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nimport importlib\n"
            "if TYPE_CHECKING:\n    import engine.types\n"
            "_LAZY = 'engine.lazy'\n"
            "def run(name):\n    from engine import inner\n    importlib.import_module(_LAZY)\n"
            "    importlib.import_module(f'engine.commands.{name}')\n    importlib.import_module('engine.said')\n"
        ),
        engine__inner="from . import beside\nfrom .deep.down import thing\nfrom .. import nothing\n",
        engine__beside="",
        engine__deep__down="from ..beside import x\nfrom ..far import y\n",
        engine__far="",
        engine__lazy="",
        engine__said="",
        engine__types="",
        engine__commands__one="",
        engine__commands__two="import engine.of_two\n",
        engine__of_two="",
    )
    found = set(CodeReader(project).closure([COMMAND]).files)
    wanted = {"inner", "beside", "deep/down", "far", "lazy", "said", "commands/one", "commands/two", "of_two"}
    assert found == {"stages/mine.py", "engine/__init__.py", *(f"engine/{name}.py" for name in wanted)}


@pytest.mark.parametrize(
    "text",
    [
        "from engine.core import discover\nRULES = discover(__name__, 'RULE', int)\n",
        "import pkgutil\nNAMES = [module.name for module in pkgutil.iter_modules(__path__)]\n",
        "from importlib import import_module\nRULES = [import_module(f'{__name__}.{n}') for n in NAMES]\n",
    ],
)
def test_a_registry_brings_all_files_of_its_folder(project: Path, text: str) -> None:
    write(project, stages__mine="import engine.registered\n", engine__registered__one="import engine.rules\n")
    (project / "engine/registered/__init__.py").write_text(text)
    found = set(CodeReader(project).closure([COMMAND]).files)
    assert {"engine/registered/one.py", "engine/rules.py"} <= found
    before = digest(project)
    write(project, engine__registered__two="RULE = 2\n")
    assert digest(project) != before


def test_files_beside_a_module_that_it_reads_are_code_and_what_editors_leave_is_not(project: Path) -> None:
    write(project, engine__rules="from pathlib import Path\nPAGES = Path(__file__).parent / 'pages'\n")
    folder = project / "engine/pages"
    folder.mkdir()
    (folder / "page.html").write_text("one")
    before = digest(project)
    for name in (".page.html.swp", "page.html~", "page.html.orig", ".DS_Store"):
        (folder / name).write_text("left behind")
    (project / "engine/notes.txt").write_text("none")
    assert digest(project) == before
    (folder / "page.html").write_text("two")
    assert digest(project) != before


def test_commands_scripts_and_other_languages(project: Path) -> None:
    assert digest(project) != digest(project, f"{COMMAND} --fast")
    write(project, **{"tools__count.sh": "wc -l\n", "tools__mine.py": "import engine.rules\n"})
    found = CodeReader(project).closure(["bash tools/count.sh data/x.csv", "python tools/mine.py 'a b'"])
    assert set(found.files) == {"tools/count.sh", "tools/mine.py", "engine/__init__.py", "engine/rules.py"}
    before = digest(project, "bash tools/count.sh")
    write(project, **{"tools__count.sh": "wc -c\n"})
    assert digest(project, "bash tools/count.sh") != before
    assert digest(project, "cp a 'b") == digest(project, "cp a 'b")


def test_a_file_that_is_no_python_counts_with_its_bytes(project: Path) -> None:
    write(project, engine__rules="def (\n")
    before = digest(project)
    write(project, engine__rules="def ((\n")
    assert digest(project) != before


def test_versions_of_libraries_count_but_not_of_those_that_only_show_or_check(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(CodeReader(project).closure([COMMAND]).libraries) == {"numpy"}
    before = digest(project)
    monkeypatch.setattr("curation.code.libraries._version", lambda name: "999")
    after = digest(project)
    assert before.partition("-")[0] == after.partition("-")[0]
    assert before != after
    assert library_versions(["click", "json", "tqdm", "dvc"]) == {}


def test_versions_are_those_of_releases_and_of_what_is_installed() -> None:
    found = library_versions(["PIL", "torch", "faiss", "no_such_library"])
    assert set(found) == {"PIL", "torch", "faiss"}
    assert not any("+" in version for version in found.values())


def test_what_was_read_is_remembered_and_changes_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = project / "memory.json"
    first = CodeReader(project, memory)
    before = first.digest(COMMAND)
    first.remember()
    with monkeypatch.context() as patch:
        patch.setattr("curation.code.closure.read_source", lambda _: pytest.fail("it was read before"))
        assert CodeReader(project, memory).digest(COMMAND) == before
    write(project, engine__rules="import numpy\n\n\ndef rule(number):\n    return number + 3\n")
    assert CodeReader(project, memory).digest(COMMAND) != before
    kept = memory.read_text()
    for damage in ("", "[]", '{"reading": "otherwise"}', kept[: len(kept) // 2], kept.replace("[]", "1", 1)):
        memory.write_text(damage)
        assert CodeReader(project, memory).digest(COMMAND) == digest(project)


def test_every_python_reads_the_same() -> None:
    """Python 3.12 parses such strings otherwise than 3.11 and 3.13."""
    source = b'def f(x):\n    return f"{x!r:>{10}} {x=} {{}}" "a" f"b{x + 1:.2f}"\n'
    assert read_source(source).digest == "1a703a16f16f27a38df4fa8633990270e3889ea1a02de90c994b0e6a2d41ea3d"
    assert read_source(b"import_module(f'{__name__}.a')").imports == (f"{NAME}.a",)


@pytest.mark.thorough
def test_the_digests_of_now_are_printed() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "stages.code", "--now"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    digests = json.loads(printed)
    assert digests["select"] == CodeReader(ROOT).digest("python -m stages.select")
    assert list(digests) == sorted(["base", "clean", "train", "embed", "select", "merge_datapool", "report"])
