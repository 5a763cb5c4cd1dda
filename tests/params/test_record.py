"""What the record of an iteration says about its parameters, over upgrades of the template."""

from pathlib import Path
from typing import Any

from curation.params.load import read_yaml
from curation.params.record import SHAPING, record
from curation.params.schema import EXECUTION_KEYS, PARAMETERS, Parameter, Params, parameters_of
from curation.params.section import About

SHIPPED = Path(__file__).resolve().parent.parent.parent / "params.yaml"
FIRST: dict[str, Any] = read_yaml(Path(__file__).with_name("first_neutral_values.yaml"))
"""Neutral values of the parameters that the records of existing projects leave out. Never to be changed."""


def test_a_neutral_value_never_changes() -> None:
    neutral = {parameter.key: parameter.neutral for parameter in PARAMETERS}
    known = {f"{section}.{name}": value for section, values in FIRST.items() for name, value in values.items()}
    changed = {key: neutral[key] for key, value in known.items() if key in neutral and neutral[key] != value}
    assert not changed, "give the former default as About(neutral=...), or iterations made with it are made again"


def test_the_shipped_parameters_are_neutral() -> None:
    assert record(read_yaml(SHIPPED)) == record({}) == record(Params().model_dump(mode="json")) == {}


def test_what_differs_is_recorded_but_for_speed_and_the_report() -> None:
    content = read_yaml(SHIPPED)
    content["select"]["n_samples"] = 7
    content["clean"]["workers"] = content["train"]["workers"] = 3
    content["report"]["title"] = "other"
    content["train"]["epochs"] = 9
    assert record(content) == {"train.epochs": 9, "select.n_samples": 7}
    assert record(content, parameters_of("select")) == {"select.n_samples": 7}


def test_parameters_that_came_and_went_between_change_nothing() -> None:
    before = {"select": {"n_samples": 7, "gone_since": 3}, "gone": {"x": 1}}
    added = Parameter("select", "new", "", 5, About())
    now = {"select": {"n_samples": 7, "new": 5}}
    assert record(before, (*SHAPING, added)) == record(now, (*SHAPING, added)) == {"select.n_samples": 7}
    assert record({"select": {"new": 6}}, (added,)) == {"select.new": 6}


def test_a_default_that_changes_leaves_the_former_one_neutral() -> None:
    parameter = Parameter("select", "n_samples", "", 100, About(neutral=50))
    assert record({"select": {"n_samples": 50}}, (parameter,)) == record({}, (parameter,)) == {}
    assert record({"select": {"n_samples": 100}}, (parameter,)) == {"select.n_samples": 100}


def test_parameters_of_speed_are_those_of_the_workers() -> None:
    assert {"clean.workers", "train.workers"} == EXECUTION_KEYS
