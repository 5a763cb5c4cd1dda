"""Which code an iteration is made by, and what keeps a stage from writing under another name; git, without DVC."""

import json
import subprocess
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from curation.core.errors import CurationError, OtherCodeError
from curation.history.code_record import (
    NOT_RECORDED,
    digests_now,
    early_code,
    not_recorded,
    parse_code,
    pinned_code,
    runs_as_recorded,
    what_changed,
)
from curation.history.dvc_lock import parse_stages
from curation.pipeline.definition import Pipeline, pipeline_of
from curation.pipeline.guard import outputs_of_record

PARAMS: dict[str, Any] = {"ingest": {"names": ["a"]}, "select": {"n": 5}, "report": {"title": "x"}}
DEFAULTS = {"select.n": 5, "select.limit": 7, "report.title": "x", "report.width": 3}
STAGES: dict[str, Any] = {
    "code": {"cmd": "python -m stages.code", "outs": ["data/early_code.json"]},
    "ingest": {
        "cmd": "python -m stages.ingest",
        "deps": ["data/raw", "names.txt"],
        "params": [{"data/early_code.json": ["ingest"]}],
        "meta": {"digested_params": ["ingest.names"]},
        "outs": ["data/listed.csv"],
    },
    "resolve_base": {"cmd": "python -m stages.resolve_base", "deps": ["data/listed.csv"], "outs": ["code.json"]},
    "select": {
        "cmd": "python -m stages.select",
        "deps": ["data/listed.csv"],
        "params": [{"code.json": ["select"]}, "select"],
        "outs": ["datapool"],
    },
    "report": {
        "cmd": "python -m stages.report",
        "deps": ["datapool"],
        "params": [{"code.json": ["report"]}, "report"],
        "outs": [{"reports/report.json": {"cache": False}}],
    },
}


def pipeline() -> Pipeline:
    return pipeline_of(YAML(typ="safe").load(Path("dvc.yaml").read_text())["stages"], PARAMS, "params.yaml")


def entry(name: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:
    stage = STAGES[name]
    paths = [next(iter(out)) if isinstance(out, dict) else out for out in stage["outs"]]
    return {
        "cmd": stage["cmd"],
        "deps": [{"path": path, "md5": md5_of(path)} for path in stage["deps"]],
        "params": params,
        "outs": [{"path": path, "md5": md5_of(path)} for path in paths],
        **more,
    }


def md5_of(path: str) -> str:
    return md5(Path(path).read_bytes()).hexdigest() if Path(path).is_file() else "0" * 32 + ".dir"


def write_yaml(path: str, content: object) -> None:
    with Path(path).open("w") as file:
        YAML(typ="safe").dump(content, file)


def git(*arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@e.org", *arguments], check=True, capture_output=True
    )


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose HEAD holds an iteration that the code in it has made."""
    monkeypatch.chdir(tmp_path)
    for folder in ("stages", "data/raw", "reports", "datapool"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("ingest", "select", "report"):
        Path(f"stages/{name}.py").write_text(f"NAME = {name!r}\n")
    Path("names.txt").write_text("a\n")
    Path("data/listed.csv").write_text("a\n")
    Path("reports/report.json").write_text("{}\n")
    Path("data/raw.dvc").write_text(f"outs:\n- path: raw\n  md5: {'0' * 32}.dir\n")
    write_yaml("dvc.yaml", {"stages": STAGES})
    write_yaml("params.yaml", PARAMS)
    code = digests_now(pipeline(), Path("code.json"))
    Path("code.json").write_text(json.dumps(code))
    early = early_code(pipeline(), {}, PARAMS, DEFAULTS)
    lock = {
        "ingest": entry("ingest", {"data/early_code.json": dict(early)}),
        "select": entry("select", {"code.json": {"select": code["select"]}, "params.yaml": {"select": {"n": 5}}}),
        "report": entry("report", {"code.json": {"report": code["report"]}, "params.yaml": {"report": {"title": "x"}}}),
    }
    write_yaml("dvc.lock", {"stages": lock})
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "iteration")
    return tmp_path


def head() -> dict[str, Any]:
    return dict(parse_stages(Path("dvc.lock").read_text()))


def pinned(**values: object) -> dict[str, str]:
    now = digests_now(pipeline(), Path("code.json"))
    return pinned_code(pipeline(), now, head(), {**PARAMS, **values}, DEFAULTS)


def recorded() -> dict[str, str]:
    return dict(parse_code(Path("code.json").read_text()) or {})


def test_the_code_of_an_accepted_iteration_stays() -> None:
    for name in ("select", "report"):
        Path(f"stages/{name}.py").write_text("NAME = 'other'\n")
    assert pinned() == recorded()
    assert pinned(report={"title": "x", "width": 3}) == recorded(), "a new parameter may have its default"


@pytest.mark.parametrize("values", [{"title": "y"}, {"title": "x", "width": 4}])
def test_a_stage_behind_the_datapool_runs_by_the_code_now_once_its_parameters_change(values: dict[str, Any]) -> None:
    for name in ("select", "report"):
        Path(f"stages/{name}.py").write_text("NAME = 'other'\n")
    found = pinned(report=values)
    assert found["select"] == recorded()["select"]
    assert found["report"] == digests_now(pipeline(), Path("code.json"))["report"]


@pytest.mark.parametrize(
    "change",
    [
        {"cmd": "python -m stages.report --all"},
        {"deps": ["datapool", "own.txt"]},
        {"outs": ["reports/report.json", "reports/b"]},
    ],
)
def test_a_stage_behind_the_datapool_of_which_dvc_yaml_says_more_is_not_as_recorded(change: dict[str, Any]) -> None:
    stages = {**STAGES, "report": {**STAGES["report"], **change}}
    changed = pipeline_of(stages, PARAMS, "params.yaml")
    assert not runs_as_recorded(changed, changed["report"], head(), PARAMS, DEFAULTS)
    assert runs_as_recorded(pipeline(), pipeline()["report"], head(), PARAMS, DEFAULTS)


def test_before_digests_were_kept_outputs_stand_for_them() -> None:
    git("rm", "--quiet", "--cached", "code.json")
    git("commit", "--quiet", "--message", "code.json was forgotten")
    assert pinned() == recorded(), "dvc.lock has the digests, too"
    lock = head()
    for entry_ in lock.values():
        entry_["params"].pop("code.json", None)
    write_yaml("dvc.lock", {"stages": lock})
    git("commit", "--quiet", "--all", "--message", "as before")
    found = pinned()
    assert found == {name: not_recorded(head()[name]) for name in ("select", "report")}
    assert len(set(found.values())) == 2
    told = what_changed(digests_now(pipeline(), Path("code.json")), found, {})
    assert told == "which code made HEAD's iteration was not recorded, and it may have changed"


def test_what_has_changed_is_told() -> None:
    now = digests_now(pipeline(), Path("code.json"))
    assert what_changed(now, now, {}) is None
    libraries = {name: value.partition("-")[0] + "-00000000" for name, value in now.items()}
    assert what_changed(now, libraries, {}) == "versions of libraries have changed since HEAD's iteration"
    assert what_changed(now, {**now, "select": "0-0"}, {}) == "the code has changed since HEAD's iteration"


def early(**values: object) -> str:
    return early_code(pipeline(), head(), {**PARAMS, **values}, DEFAULTS)["ingest"]


def test_new_code_alone_does_not_list_the_raw_files_again() -> None:
    before = early()
    Path("stages/ingest.py").write_text("NAME = 'other'\n")
    assert early() == before
    assert early(ingest={"names": ["b"]}) != before
    Path("names.txt").write_text("b\n")
    assert early() != before
    Path("names.txt").write_text("a\n")
    Path("data/raw.dvc").write_text(f"outs:\n- path: raw\n  md5: {'1' * 32}.dir\n")
    assert early() != before
    Path("data/raw.dvc").write_text(f"deps:\n- path: x\nouts:\n- path: raw\n  md5: {'0' * 32}.dir\n")
    assert early() != before, "what an import has brought may have changed since, and DVC does not say so"
    Path("data/raw.dvc").unlink()
    assert early() != before


def test_a_key_that_is_no_stage_is_told() -> None:
    write_yaml("dvc.yaml", {"stages": {**STAGES, "own": {"cmd": "x", "params": [{"code.json": ["oown"]}]}}})
    with pytest.raises(CurationError, match="there is no stage oown"):
        digests_now(pipeline(), Path("code.json"))


def test_a_stage_runs_by_the_code_that_is_named() -> None:
    assert outputs_of_record("select") is None
    assert outputs_of_record("ingest") is None
    Path("code.json").unlink()
    assert outputs_of_record("select") is None


def test_a_forced_stage_is_refused() -> None:
    Path("stages/report.py").write_text("NAME = 'other'\n")
    with pytest.raises(OtherCodeError, match=r"report: HEAD's iteration was made by other code .*git reset --soft"):
        outputs_of_record("report")
    Path("code.json").write_text(json.dumps(recorded() | {"report": "0-0"}))
    with pytest.raises(OtherCodeError, match=r"report: the code has changed since code\.json was written"):
        outputs_of_record("report")


def test_what_dvc_runs_for_a_new_parameter_comes_out_as_recorded() -> None:
    Path("stages/report.py").write_text("NAME = 'other'\n")
    write_yaml("params.yaml", {**PARAMS, "report": {"title": "x", "width": 3}})
    Path("reports/report.json").unlink()
    told = outputs_of_record("report")
    assert told == "outputs as HEAD's iteration recorded them, which other code has made"
    assert Path("reports/report.json").read_text() == "{}\n"


def test_an_output_that_the_former_code_did_not_write_says_so_and_is_read_by_no_stage() -> None:
    for name in ("select", "report"):
        Path(f"stages/{name}.py").write_text("NAME = 'other'\n")
    stages = {
        **STAGES,
        "select": {**STAGES["select"], "outs": ["datapool", "data/new.csv"]},
        "report": {
            **STAGES["report"],
            "deps": ["datapool", "data/new.csv"],
            "outs": ["reports/report.json", "reports/n"],
        },
    }
    write_yaml("dvc.yaml", {"stages": stages})
    assert pinned(report={"title": "y"}) == recorded()
    assert outputs_of_record("report") is not None
    assert Path("reports/n").read_text() == "The code that made this iteration did not write this output.\n"
    assert Path("reports/report.json").read_text() == "{}\n"


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_a_damaged_record_counts_as_none(text: str) -> None:
    assert parse_code(text) is None
    assert NOT_RECORDED not in (text,)
