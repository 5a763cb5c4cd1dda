"""The command-line tool, on tables and on small caches: what it says, without a pipeline."""

import importlib
import re
from hashlib import md5
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from curation.cli.main import COMMANDS, main
from curation.inspection.revision import Revision
from curation.inspection.verify import md5_of, sentence, verify
from curation.inspection.why import chosen_parameters, sentences
from curation.params.schema import Params
from curation.pipeline.paths import project_folder
from tests import ROOT


def test_each_command_is_a_module_of_its_name_and_the_other_way_round() -> None:
    modules = {path.stem for path in (ROOT / "curation/cli/commands").glob("*.py")} - {"__init__"}
    assert modules == {name.replace("-", "_") for name in COMMANDS}
    for name in COMMANDS:
        command = importlib.import_module(f"curation.cli.commands.{name.replace('-', '_')}").command
        assert command.name == name


def test_stages_know_nothing_of_the_tool() -> None:
    for path in (ROOT / "stages").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) curate\b", path.read_text(), re.MULTILINE), path


def test_help_names_every_command_without_importing_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", None)
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert all(f"  {name} " in result.output for name in COMMANDS)


def test_help_keeps_the_lines_of_examples() -> None:
    runner = CliRunner()
    for name in COMMANDS:
        assert "\\b" not in runner.invoke(main, [name, "--help"]).output, name
    assert "\n  python -m curate list --samples" in runner.invoke(main, ["list", "--help"]).output


def test_outside_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["list"])
    assert result.exit_code == 1
    assert "holds no dvc.yaml: run this in the project's folder" in result.output


def test_a_sub_folder_belongs_to_its_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).touch()
    inner = tmp_path / "data/raw/day"
    inner.mkdir(parents=True)
    assert project_folder(inner) == project_folder(tmp_path) == tmp_path
    (tmp_path / "data/.dvc").mkdir()  # another repository, whose root has no pipeline
    assert project_folder(inner) is None
    (tmp_path / "data/.dvc").rmdir()

    told: list[object] = []

    @click.command(name="params")
    @click.argument("target", type=click.Path(path_type=Path))
    @click.option("--list", "names", type=click.Path(allow_dash=True), default="names.txt")
    def command(target: Path, names: str) -> None:
        told[:] = [Path.cwd(), target, names]

    monkeypatch.setattr("curation.cli.commands.params.command", command)
    for folder, arguments, expected in (
        (tmp_path, ["params", "out"], [Path("out"), "names.txt"]),
        (inner, ["params", "../out"], [tmp_path / "data/raw/out", str(inner / "names.txt")]),
        (inner, ["params", "/out", "--list", "-"], [Path("/out"), "-"]),
        (tmp_path, ["-C", "data", "params", "out"], [tmp_path / "data/out", str(tmp_path / "data/names.txt")]),
    ):
        monkeypatch.chdir(folder)
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        assert told == [tmp_path, *expected]


def test_parameters_of_a_selection_are_those_of_select_and_what_was_changed() -> None:
    params = Params().model_dump(mode="json")
    params["clean"]["proxy_size"] = 100
    params["report"]["title"] = "other"
    shown = chosen_parameters(params)
    assert shown.pop("clean.proxy_size") == 100
    assert set(shown) == {f"select.{key}" for key in params["select"]}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            {"status": "dropped", "dropped_as": "duplicate", "reason": "equal pixels", "duplicate_of": "b.png"},
            "a.png was dropped by clean in iteration 2 (not committed yet) as duplicate: equal pixels; b.png stays in "
            "its place.",
        ),
        (
            {"status": "raw file", "became": "corrupt", "reason": "cut", "duplicate_of": None, "counts": {}},
            "a.png is a raw file that iteration 2 (not committed yet) found; it is corrupt: cut.",
        ),
    ],
)
def test_answers_are_sentences(answer: dict[str, Any], text: str) -> None:
    assert sentences({"filename": "a.png", "iteration": 2, "commit": None, **answer}) == [text]


class FakeCache:
    """A cache in a folder: objects by name; a listing is a text of names and hashes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes, suffix: str = "") -> str:
        name = md5(content).hexdigest() + suffix
        (self.folder / name).write_bytes(content)
        return name

    def path(self, object_hash: str) -> Path:
        return self.folder / object_hash

    def listing(self, folder_hash: str) -> dict[str, str]:
        return dict(line.split("=") for line in self.path(folder_hash).read_text().split())


def recorded(name: str, cache: FakeCache, outputs: dict[str, str]) -> Revision:
    found = Revision(name, None, cache)  # type: ignore[arg-type]
    stages = {"stage": {"outs": [{"path": path, "md5": object_hash} for path, object_hash in outputs.items()]}}
    found.__dict__.update(stages=stages, _in_git=frozenset({"base.json"}), raw_outputs=[])
    return found


@pytest.mark.thorough
def test_flipped_bits_are_found_wherever_they_are(tmp_path: Path) -> None:
    cache, rng = FakeCache(tmp_path), np.random.default_rng(0)
    files = {f"part/{number}": cache.put(rng.bytes(int(rng.integers(1, 3000)))) for number in range(20)}
    listing = cache.put("\n".join(f"{name}={value}" for name, value in files.items()).encode(), ".dir")
    first = recorded("first", cache, {"datapool": listing, "base.json": "0" * 32})
    second = recorded("second", cache, {"table": cache.put(b"table"), "datapool": listing})
    sound = list(verify([first, second]))
    assert [(verdict.checked, verdict.missing, verdict.lies) for verdict in sound] == [(21, (), ()), (22, (), ())]
    objects = sorted(tmp_path.iterdir())
    for _ in range(500):
        path = objects[rng.integers(len(objects))]
        content = bytearray(path.read_bytes())
        content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        former = path.read_bytes()
        path.write_bytes(content)
        lies = {lie.path: lie for verdict in verify([first, second]) for lie in verdict.lies}
        assert set(lies) == {path}
        assert lies[path].found == md5_of(path, lambda _: None)
        path.write_bytes(former)


def test_what_the_cache_lacks_is_no_lie(tmp_path: Path) -> None:
    cache = FakeCache(tmp_path)
    here, gone = cache.put(b"here"), cache.put(b"gone")
    cache.path(gone).unlink()
    (verdict,) = verify([recorded("HEAD", cache, {"a": here, "b": gone})])
    assert (verdict.checked, verdict.missing, verdict.lies) == (1, ("b",), ())
    assert sentence(verdict) == "HEAD: 1 objects are sound, 1 are not in the cache (b for one; `dvc fetch` brings them)"


def test_each_object_is_read_once(tmp_path: Path) -> None:
    cache, sizes = FakeCache(tmp_path), list[int]()
    both = {"a": cache.put(b"12345")}
    list(verify([recorded("x", cache, both), recorded("y", cache, both)], sizes.append))
    assert sizes == [5]


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("why", "-lead.jpg"), "A name that begins with - goes behind --: `main why -- NAME`."),
        (("why", "--lead.jpg"), "A name that begins with - goes behind --: `main why -- NAME`."),
        (("why", "--format"), None),
        (("list", "-x"), None),
    ],
)
def test_names_that_begin_like_options(arguments: tuple[str, ...], advice: str | None) -> None:
    result = CliRunner().invoke(main, arguments, prog_name="main")
    assert result.exit_code == 2
    assert "No such option" in result.output
    assert ("goes behind --" in result.output) == (advice is not None)
    assert advice is None or advice in " ".join(result.output.split())
