"""Registries: one file is all that a rule, format, method or container needs to be known everywhere."""

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click.testing
import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from curation.core.errors import RegistryError
from curation.core.registry import Registry, discover, member_names, stated
from curation.export.formats import registry as formats
from curation.model.training.methods import registry as methods
from curation.params.registered import RuleName, Sentences, TrainingMethodName
from curation.reference.json_schema import json_schema
from curation.selection.rule import Options
from curation.selection.rules import registry as rules
from curation.video.containers import registry as containers
from tests.conftest import REPOSITORY

ADDED = {
    "curation.selection.rules": """
import numpy as np
from curation.selection.covering import follow
from curation.selection.rule import Example, Rule


def last(candidates, base, limit, threshold=None):
    return follow(candidates, base, np.arange(len(candidates))[::-1][:limit])[0]


RULE = Rule(last, sentence="the picks are the last ones", source="", example=Example((0, 9, 20), (), (2, 1)))
""",
    "curation.export.formats": """
from curation.export.format import Format, one_file

FORMAT = Format(
    one_file(lambda listing: f"{len(listing.samples)} samples"),
    sentence="the number of samples",
    source="https://example.org",
    columns=("filename",),
    target="number.txt",
    example={"number.txt": "2 samples"},
)
""",
    "curation.model.training.methods": """
from curation.model.training.method import TrainingMethod
from curation.model.training.methods.simclr import SimCLR

METHOD = TrainingMethod(SimCLR, sentence="as simclr", source="https://example.org", example=(2.5, 2.7))
""",
    "curation.video.containers": """
from curation.video.container import Container, Sample
from curation.video.structure.ogg import read_ogg

CONTAINER = Container("Smush", demuxers=("smush",), sample=Sample("smush", "sanm"), endings=("san",), read=read_ogg)
""",
}
"""A file that adds a member to each of the registries."""


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Add a file `the_new_one.py` to the folder of each registry, seemingly."""
    for name, source in ADDED.items():
        package, folder = importlib.import_module(name), tmp_path / name
        folder.mkdir()
        (folder / "the_new_one.py").write_text(source)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        monkeypatch.delitem(sys.modules, f"{name}.the_new_one", raising=False)
    return "the_new_one"


def imported_anew(name: str) -> Any:
    """Return another copy of a module; the one that others know stays as it is."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_rule_is_one_file(added: str) -> None:
    assert TypeAdapter(RuleName).validate_python(added) == added
    assert added in TypeAdapter(RuleName).json_schema()["enum"]
    assert "the_new_one: the picks are the last ones" in json_schema()
    points = np.eye(3, dtype=np.float32)
    found = rules.choose(added, points, points[:0], 2, None, Options(1, 0.5, np.empty(0), ["a"] * 3, np.arange(3.0)))
    assert found.picks.tolist() == [2, 1]
    assert rules.sentence_of(added) == "the picks are the last ones"
    assert "| `the_new_one` | the picks are the last ones | — |" in rules.reference()


def test_a_format_is_one_file(added: str) -> None:
    command = imported_anew("curation.cli.commands.export").command
    shown = click.testing.CliRunner().invoke(command, ["--help"], terminal_width=100).output
    assert "the-new-one   the number of samples\n" in shown
    assert "|the-new-one|" in shown.replace("\n", "").replace(" ", "")
    assert "number.txt" in formats.reference()


def test_a_method_of_training_is_one_file(added: str) -> None:
    assert TypeAdapter(TrainingMethodName).validate_python(added) == added
    assert methods.METHODS[added].model is methods.METHODS["simclr"].model
    assert "| `the_new_one` | as simclr | — |" in methods.reference()


def test_a_container_is_one_file(added: str) -> None:
    assert containers.CONTAINERS[added].demuxers == ("smush",)
    assert "smush" in imported_anew("curation.video.opening")._DEMUXERS.split(",")
    assert imported_anew("curation.video.structure.examine")._READERS["smush"] is containers.CONTAINERS["ogg"].read
    assert "| Smush | `san` | `smush` | read |" in containers.reference()


def test_what_there_is_not_is_told_with_what_there_is() -> None:
    for kind, names in ((RuleName, "'active', 'coreset', .*"), (TrainingMethodName, "'barlow_twins', 'byol', .*")):
        with pytest.raises(ValidationError, match=f"Input should be {names} or '"):
            TypeAdapter(kind).validate_python("best")
        with pytest.raises(ValidationError, match="should be a valid string"):
            TypeAdapter(kind).validate_python(3)
    with pytest.raises(ValidationError, match="Input should be"):
        TypeAdapter(RuleName).validate_python("registry")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return a package `toys` without modules."""
    (tmp_path / "toys").mkdir()
    (tmp_path / "toys/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "toys"]:
        monkeypatch.delitem(sys.modules, name)
    return importlib.import_module("toys")


def add(package: ModuleType, name: str, source: str) -> None:
    (Path(package.__path__[0]) / name).write_text(source)
    importlib.invalidate_caches()


def test_names_are_those_of_the_modules(package: ModuleType) -> None:
    for name in ("b.py", "a_c.py", "registry.py", "_shared.py", "a copy.py", ".#b.py", "b.py~", "notes.txt"):
        add(package, name, "raise AssertionError")
    assert member_names("toys") == ("a_c", "b")
    toys: Registry[int] = discover("toys.registry", "NUMBER", int)
    assert (list(toys), len(toys), "b" in toys, "_shared" in toys) == (["a_c", "b"], 2, True, False)
    assert list(discover("toys.registry", "NUMBER", int, hyphens=True)) == ["a-c", "b"]


def test_members_are_looked_up_by_name(package: ModuleType) -> None:
    add(package, "a_c.py", "NUMBER = 3")
    assert discover("toys.registry", "NUMBER", int)["a_c"] == 3
    assert dict(discover("toys.registry", "NUMBER", int, hyphens=True)) == {"a-c": 3}
    assert discover("toys.registry", "NUMBER", int).get("b") is None
    with pytest.raises(ValueError, match="in a module called registry"):
        discover("toys.a_c", "NUMBER", int)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", r"toys\.a has no NUMBER = int\(…\), which says what it is: see the other modules of toys"),
        ("NUMBER = 'three'", r"toys\.a has no NUMBER"),
        ("import no_such_package.part", r"toys\.a needs the package 'no_such_package', which is not installed"),
    ],
)
def test_a_file_that_does_not_say_what_it_is(package: ModuleType, source: str, message: str) -> None:
    add(package, "a.py", source)
    with pytest.raises(RegistryError, match=message):
        discover("toys.registry", "NUMBER", int)["a"]


def test_a_fault_in_a_file_is_shown_as_it_is(package: ModuleType) -> None:
    add(package, "a.py", "import toys.b")
    with pytest.raises(ModuleNotFoundError, match=r"toys\.b"):
        discover("toys.registry", "NUMBER", int)["a"]


def test_what_members_say_is_read_from_their_source() -> None:
    for package, variable, members in (
        ("curation.selection.rules", "RULE", rules.RULES),
        ("curation.model.training.methods", "METHOD", methods.METHODS),
    ):
        said = Sentences(package, variable)
        assert list(said) == list(members)
        for name, member in members.items():
            sentence, _, advice = said[name].partition("; ")
            assert (sentence, advice) == (member.sentence, getattr(member, "advice", ""))
    with pytest.raises(KeyError):
        Sentences("curation.selection.rules", "RULE")["registry"]
    assert stated("curation.selection.rules", "coreset", "RULES", "sentence") == ""
    assert stated("curation.selection.rules", "coreset", "RULE", "example") == ""


def test_reading_parameters_imports_no_member() -> None:
    code = (
        "import sys; from curation.params.schema import Params; Params();"
        "heavy = {'numpy', 'torch', 'faiss', 'numba', 'pandas', 'lightly', 'av'} & set(sys.modules);"
        "packages = ['curation.selection.rules', 'curation.model.training.methods'];"
        "rooms = ('curation.selection.', 'curation.model.training.');"
        "members = [name for name in sys.modules if name.startswith(rooms) and name not in packages];"
        "sys.exit(str((heavy, members)) if heavy or members else 0)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)
