"""The repository holds itself to its own rules: one name for one thing, and files that say the same."""

import ast
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from curation.code.closure import WITHOUT_INFLUENCE, CodeReader
from curation.history.inputs import NOT_DATAPOOL_SECTIONS, flat, shaping_params
from curation.params.schema import EXECUTION_KEYS, PARAMETERS, Params, parameters_of
from curation.pipeline import paths
from curation.pipeline.definition import ancestors, pipeline_of
from curation.raw.listing import HIDDEN_NAMES
from tests import ROOT
from tests.forked_stages import found_in_each

STAGES: dict[str, Any] = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
PARAMS_TEXT = (ROOT / "params.yaml").read_text()
ORDER = ["code", "ingest", "resolve_base", "base", "clean", "train", "embed", "select", "merge_datapool", "report"]
CODE = ("stages/", "curation/")
STAGES_WITHOUT_PARAMETERS = {"code", "resolve_base"}
"""`resolve_base` decides by the section `base`; code and a merge have nothing to choose."""
PIPELINE = pipeline_of(STAGES, YAML(typ="safe").load(PARAMS_TEXT), "params.yaml")
GIVEN_PATHS = {"${ingest.relevant_filenames_file}"}
"""Dependencies whose path is a parameter."""
FOLDERS = {"data/clean", "data/select"}
"""Dependencies that are all outputs of a stage."""
CODE_FILES = {"code.json", "data/early_code.json"}


def test_stages_are_those_of_the_design_in_order() -> None:
    assert list(STAGES) == ORDER
    assert all(stage["desc"] for stage in STAGES.values())


def test_each_stage_has_a_module_and_a_test_file_of_its_name() -> None:
    for name, stage in STAGES.items():
        assert stage["cmd"] == f"python -m stages.{name}"
        assert (ROOT / f"stages/{name}.py").exists()
        assert (ROOT / f"tests/test_{name}.py").exists()
    shared = {"__init__"}
    assert {path.stem for path in (ROOT / "stages").glob("*.py")} - shared == set(STAGES)


def test_sections_of_the_parameters_are_stages_and_where_they_run() -> None:
    assert list(Params.model_fields) == [
        *(name for name in ORDER if name not in STAGES_WITHOUT_PARAMETERS),
        "execution",
    ]


def test_parameters_and_schema_have_the_same_keys_in_the_same_order() -> None:
    content = YAML(typ="safe").load(PARAMS_TEXT)
    assert list(content) == list(Params.model_fields)
    for section, field in Params.model_fields.items():
        assert isinstance(field.annotation, type)
        assert issubclass(field.annotation, BaseModel)
        assert list(content[section]) == list(field.annotation.model_fields)


def test_where_stages_run_is_named_by_none_and_in_no_fingerprint() -> None:
    keys = {parameter.key for parameter in PARAMETERS if parameter.section == "execution"}
    assert keys == {f"execution.{name}" for name in ("engine", "storage", "cpus_per_task", "shards")}
    assert keys <= EXECUTION_KEYS
    assert "execution" not in (ROOT / "dvc.yaml").read_text()
    content = YAML(typ="safe").load(PARAMS_TEXT)
    elsewhere = content | {"execution": {"engine": "ray", "storage": "/shared", "cpus_per_task": 4, "shards": 7}}
    assert flat(shaping_params(elsewhere)) == flat(shaping_params(content))


def test_every_parameter_is_explained_in_its_field() -> None:
    assert len(PARAMETERS) > 60
    for parameter in PARAMETERS:
        assert parameter.description.endswith("."), parameter.key
        assert set(parameter.read_by) <= set(ORDER), parameter.key


@pytest.mark.parametrize("name", [name for name in ORDER if name not in ("resolve_base", "report")])
def test_stages_depend_on_the_parameters_that_the_fields_say(name: str) -> None:
    depended = {*PIPELINE[name].parameters.get("params.yaml", ()), *PIPELINE[name].digested}
    listed = {item.key for item in PARAMETERS if depended.intersection({item.key, item.section})}
    assert listed == {item.key for item in parameters_of(name)} - EXECUTION_KEYS


def test_each_stage_depends_on_the_digest_of_its_own_code() -> None:
    for name, stage in PIPELINE.items():
        asked = [(file, keys) for file, keys in stage.parameters.items() if file in CODE_FILES]
        always_runs = STAGES[name].get("always_changed", False)
        file = "data/early_code.json" if name == "ingest" else "code.json"
        assert asked == ([] if always_runs else [(file, (name,))])
    assert not [path for stage in PIPELINE.values() for path in stage.dependencies if path.startswith(CODE)]


@cache
def reader() -> CodeReader:
    """Return what reads each file of code once for all tests."""
    return CodeReader(ROOT)


@pytest.fixture(scope="module")
def loaded() -> dict[str, dict[str, list[str]]]:
    """Return the files of the modules that each stage has imported once its module is loaded."""
    libraries = ("PIL.Image", "av", "numpy", "pandas", "pyarrow.dataset", "pyarrow.parquet", "pydantic", "ruamel.yaml")
    program = """
import importlib, sys
importlib.import_module(f"stages.{stage}")
found["files"] = [file for one in list(sys.modules.values()) if (file := getattr(one, "__file__", None))]
"""
    return found_in_each(ORDER, libraries, program)


@pytest.mark.thorough
@pytest.mark.xdist_group("stages")
@pytest.mark.parametrize("name", ORDER)
def test_the_code_of_a_stage_is_found_without_running_it(name: str, loaded: dict[str, dict[str, list[str]]]) -> None:
    """What a stage has imported once its module is loaded must be in its closure."""
    own = [file for file in loaded[name]["files"] if file.startswith((f"{ROOT}/stages", f"{ROOT}/curation"))]
    files = {Path(file).relative_to(ROOT).as_posix() for file in own}
    closure = set(reader().closure([f"python -m stages.{name}"]).files)
    guards = set(reader().closure([f"python -m {module}" for module in sorted(WITHOUT_INFLUENCE)]).files)
    assert files - closure <= guards
    assert f"stages/{name}.py" in files & closure


def test_every_input_of_the_datapool_is_in_the_fingerprint() -> None:
    shaping = ancestors(PIPELINE, "datapool")
    assert shaping == set(ORDER) - {"report"}
    depended = {parameter for name in shaping for parameter in PIPELINE[name].parameters.get("params.yaml", ())}
    assert not {parameter.split(".")[0] for parameter in depended} & NOT_DATAPOOL_SECTIONS
    assert not depended & EXECUTION_KEYS


def test_every_parameter_is_a_dependency_of_a_stage_but_those_of_speed() -> None:
    content = YAML(typ="safe").load(PARAMS_TEXT)
    everything = {f"{section}.{key}" for section, values in content.items() for key in values}
    others = [stage for name, stage in PIPELINE.items() if name != "report"]
    depended = {key for stage in others for key in (*stage.parameters.get("params.yaml", ()), *stage.digested)}
    covered = {key for key in everything if key in depended or key.split(".")[0] in depended}
    free = {key for key in everything if key.startswith(("report.", "base."))}
    assert everything - covered - free == EXECUTION_KEYS
    # The report shows all of them: those of its own section, and what the fingerprint in base.json holds.
    assert "base.json" in PIPELINE["report"].dependencies
    assert PIPELINE["report"].parameters["params.yaml"] == ("report",)
    assert everything - set(flat(shaping_params(content))) - free <= EXECUTION_KEYS


@pytest.mark.thorough
def test_dvc_yaml_has_the_layout_in_which_dvc_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dvc.repo import Repo

    before = (ROOT / "dvc.yaml").read_text()
    assert len(before.splitlines()) <= 330
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.chdir(tmp_path)
    with Repo.init(no_scm=True) as repo:
        for name in ORDER:
            if name == "ingest":  # DVC freezes no stage that names a parameter's value
                continue
            repo.freeze(name)
            frozen = Path("dvc.yaml").read_text().splitlines()
            frozen.remove("    frozen: true")
            assert frozen == before.splitlines(), name
            repo.unfreeze(name)
            assert Path("dvc.yaml").read_text() == before, name


def test_only_ingest_depends_on_the_raw_folder() -> None:
    assert [name for name, stage in PIPELINE.items() if "data/raw" in stage.dependencies] == ["ingest"]


def test_paths_are_those_of_dvc_yaml() -> None:
    known = {value.as_posix() for value in vars(paths).values() if isinstance(value, Path)}
    for stage in STAGES.values():
        outs = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
        named = [*stage.get("deps", []), *(next(iter(out)) if isinstance(out, dict) else out for out in outs)]
        for path in named:
            assert path.startswith((*CODE, "reports/")) or path in known | GIVEN_PATHS | FOLDERS, path


def _modules() -> list[Path]:
    return sorted(file for folder in CODE for file in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", _modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_stages_never_import_each_other_and_shared_code_knows_no_stage(path: Path) -> None:
    is_engine = path.relative_to(ROOT).parts[0] == "curation"
    entrances = {"curation.pipeline", "curation.cli", "curation.inspection", "curation.history", "curation.reference"}
    room = ".".join(path.relative_to(ROOT).parts[:2]).removesuffix(".py")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ("stages", "curation"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            stages = {name.split(".")[1] for name in names if name.startswith("stages.")}
            assert not stages & set(STAGES), f"{path} imports a stage"
            if is_engine and room not in entrances:
                assert "curation.pipeline" not in {name.rpartition(".")[0] for name in names}, f"{path} knows paths"


def test_files_that_dvc_does_not_see_are_not_listed_as_raw_files() -> None:
    lines = [line.rstrip("/") for line in (ROOT / ".dvcignore").read_text().splitlines()]
    assert {line for line in lines if line and not line.startswith(("#", "/"))} == set(HIDDEN_NAMES)


def test_generated_files_are_ignored_by_git() -> None:
    ignored = (ROOT / ".gitignore").read_text()
    for folder in ("/datapool", "/data/base", "/data/clean", "/.venv"):
        assert folder in ignored


def test_what_people_give_has_the_same_bytes_in_every_checkout() -> None:
    names = ["scores.csv", "removed.csv", "lists/classes.txt", "a.tsv", "predictions.json", "a.jsonl", "cvat.xml"]
    command = ["git", "check-attr", "text", "--", *names]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert printed.splitlines() == [f"{name}: text: unset" for name in names]


@pytest.mark.xdist_group("contract")
def test_tests_of_a_group_are_sent_to_one_process(request: pytest.FixtureRequest) -> None:
    grouped = request.config.getoption("loadgroup", default=False)  # in a process that xdist has started
    assert request.node.nodeid.endswith("@contract") == grouped
