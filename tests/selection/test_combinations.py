"""Every combination of an input and a strategy that docs/strategies.md names, by what it picks."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from curation.core.errors import NothingToSelectError, ParamsError
from curation.params.select import SelectParams
from curation.params.strategies import INPUTS, StrategyParams
from curation.selection.contributions import picked_last
from curation.selection.described import Described, described
from curation.selection.numbers import numbers
from curation.selection.objects import ObjectEmbeddings
from curation.selection.outcome import Choice, require_selected, select, summary
from curation.selection.sequences import units_of
from curation.selection.strategies import Vectors, objectives_of
from curation.tables.selection import CONTRIBUTIONS
from tests.conftest import REPOSITORY
from tests.datapools import processed

NAMES = ["a.png", "b.png", "c.png", "d.png"]
BASE = "base.png"
OBJECTS = {"a.png": ["car", "car", "bus"], "b.png": ["car"], "c.png": [], "d.png": ["bus", "bike"], BASE: ["car"]}
OBJECT_ANGLES = {"a.png": [0, 10, 20], "b.png": [180], "c.png": [], "d.png": [0, 90], BASE: [0]}
WEATHER = {"a.png": "sun", "b.png": "sun", "c.png": "rain", "d.png": "fog", BASE: "sun"}

DIVERSITY, TYPICALITY = {"type": "DIVERSITY"}, {"type": "TYPICALITY"}
SIMILARITY = {"type": "SIMILARITY", "datapool_iteration": 1}
WEIGHTS = {"type": "WEIGHTS"}
EMBEDDINGS, OF_OBJECTS = {"type": "EMBEDDINGS"}, {"type": "EMBEDDINGS", "task": "cars"}
SHARPNESS, SPEED, WEATHER_KEY = ({"type": "METADATA", "key": key} for key in ("sharpness", "speed", "weather"))
SCORES, SCORES_OF_TASK = {"type": "SCORES", "file": "scores.csv"}, {"type": "SCORES", "task": "cars"}
CLASSES, COUNTS = {"type": "PREDICTIONS", "task": "cars"}, {"type": "PREDICTIONS", "task": "cars", "count": "objects"}
RANDOM = {"type": "RANDOM"}


def threshold(number: float, operator: str = "BIGGER") -> dict[str, Any]:
    return {"type": "THRESHOLD", "threshold": number, "operator": operator}


def balance(**content: Any) -> dict[str, Any]:
    return {"type": "BALANCE", **content}


def on_circle(degrees: Sequence[float]) -> NDArray[np.float32]:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def write_files() -> None:
    """Write predictions, labels, scores and metadata of the samples."""
    classes = ["bike", "bus", "car"]
    annotations = [
        {"image_id": number, "category_id": classes.index(name), "bbox": [0, 0, 2, 2], "score": 0.9 - 0.1 * place}
        for number, (_, names) in enumerate(OBJECTS.items())
        for place, name in enumerate(names)
    ]
    dataset = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(OBJECTS)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes)],
        "annotations": [each | {"id": number} for number, each in enumerate(annotations)],
    }
    Path("cars.json").write_text(json.dumps(dataset))
    label = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2]}
    labels = dataset | {
        "annotations": [label],
        "images": [{"id": 1, "file_name": BASE}, {"id": 2, "file_name": "a.png"}],
    }
    Path("labels.json").write_text(json.dumps(labels))
    Path("scores.csv").write_text("filename,score\na.png,1\nb.png,2\nc.png,4\nd.png,3\n")
    rows = "".join(f"{name},{weather},{len(weather)}\n" for name, weather in WEATHER.items())
    Path("metadata.csv").write_text(f"filename,weather,speed\n{rows}")


def chosen(*strategies: tuple[dict[str, Any], dict[str, Any]], limit: int = 4, **more: Any) -> Choice:
    """Choose among a.png to d.png at 0, 90, 180 and 181 degrees, beside base.png at 10 degrees."""
    asked = SelectParams.model_validate(
        {
            "strategies": [{"input": one, "strategy": other} for one, other in strategies],
            "predictions": {"cars": "cars.json"},
            "metadata_file": "metadata.csv",
            "n_samples": limit,
        }
        | more
    )
    rows = processed([*NAMES, BASE]).assign(sharpness=[3.0, 1, 4, 2, 9], label_name=["x", "y", "x", "z", "x"])
    filenames = sorted(name for name, angles in OBJECT_ANGLES.items() for _ in angles)
    angles = [angle for name in sorted(OBJECT_ANGLES) for angle in OBJECT_ANGLES[name]]
    objects = {"cars": ObjectEmbeddings(np.array(filenames, dtype=object), on_circle(angles))}
    queries = {place: on_circle([180]) for place, (_, other) in enumerate(strategies) if other["type"] == "SIMILARITY"}
    return select(
        NAMES, on_circle([0, 90, 180, 181]), [BASE], on_circle([10]), described(rows, asked), asked, queries, objects
    )


def picks(*strategies: tuple[dict[str, Any], dict[str, Any]], limit: int = 4, **more: Any) -> str:
    return "".join(name[0] for name in chosen(*strategies, limit=limit, **more).selection["filename"])


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files()


COMBINATIONS: list[tuple[dict[str, Any], dict[str, Any], str | None]] = [
    # farthest from the base at 10 degrees is d; c is beside d
    (EMBEDDINGS, DIVERSITY, "dbac"),
    (EMBEDDINGS, DIVERSITY | {"strength": -1}, "abcd"),
    (EMBEDDINGS, DIVERSITY | {"min_distance": 0.1}, "dba"),
    (EMBEDDINGS, TYPICALITY, "cdba"),
    (EMBEDDINGS, TYPICALITY | {"strength": -1}, "abdc"),
    (EMBEDDINGS, SIMILARITY, "cdba"),
    (EMBEDDINGS, SIMILARITY | {"strength": -1}, "abdc"),
    # objects: of the base at 0; b's at 180, d's farthest at 90, a's at 20; c has none
    (OF_OBJECTS, DIVERSITY, "bdac"),
    (OF_OBJECTS, DIVERSITY | {"strength": -1}, "adbc"),
    (OF_OBJECTS, DIVERSITY | {"min_distance": 0.5}, "bd"),
    (OF_OBJECTS, TYPICALITY, None),
    (OF_OBJECTS, SIMILARITY, "bdac"),
    (OF_OBJECTS, SIMILARITY | {"strength": -1}, "cadb"),
    (SHARPNESS, WEIGHTS, "cadb"),
    (SHARPNESS, WEIGHTS | {"strength": -1}, "bdac"),
    (SHARPNESS, threshold(2), "ac"),
    (SPEED, WEIGHTS, "cabd"),
    (SPEED, threshold(4, "SMALLER"), "abd"),
    (WEATHER_KEY, balance(target={"rain": 1, "fog": 2}), "dcab"),
    (WEATHER_KEY, balance(distribution="uniform"), "cdab"),
    (WEATHER_KEY, balance(distribution="input"), "cdab"),
    (SPEED, balance(target={"4": 1}), "cabd"),
    ({"type": "METADATA", "key": "label_name"}, balance(target={"z": 1, "y": 1}), "bdac"),
    ({"type": "METADATA", "key": "label_name"}, balance(distribution="uniform"), "bdac"),
    (SCORES, WEIGHTS, "cdba"),
    (SCORES, WEIGHTS | {"strength": -2}, "abdc"),
    (SCORES, threshold(2.5), "cd"),
    (SCORES_OF_TASK | {"score": "object_frequency"}, WEIGHTS, "adbc"),
    (SCORES_OF_TASK | {"score": "objectness_least_confidence"}, WEIGHTS, "adbc"),
    (SCORES_OF_TASK | {"score": "object_frequency"}, threshold(0.5), "ad"),
    (COUNTS, WEIGHTS, "adbc"),
    (COUNTS, WEIGHTS | {"strength": -1}, "cbda"),
    (COUNTS | {"categories": ["bus", "bike"]}, WEIGHTS, "dabc"),
    (COUNTS | {"categories": ["car"]}, threshold(2, "BIGGER_EQUAL"), "a"),
    (CLASSES | {"categories": ["bus"]}, threshold(1, "BIGGER_EQUAL"), "d"),
    (CLASSES | {"categories": ["car"]}, WEIGHTS, "abcd"),
    (CLASSES, balance(target={"bus": 1}), "dabc"),
    (CLASSES, balance(distribution="uniform"), "dabc"),
    (CLASSES, balance(distribution="input"), "dabc"),
    (COUNTS, balance(target={"bus": 1, "bike": 1}), "dabc"),
    (COUNTS, balance(distribution="uniform"), "dabc"),
    (COUNTS | {"categories": ["car"]}, balance(distribution="uniform"), "bacd"),
    (COUNTS, balance(distribution="input"), "dbac"),
    (RANDOM, WEIGHTS, None),
    (RANDOM, threshold(0.5), None),
]


@pytest.mark.parametrize(("looked_at", "strategy", "expected"), COMBINATIONS)
def test_what_a_combination_picks(looked_at: dict[str, Any], strategy: dict[str, Any], expected: str | None) -> None:
    found = picks((looked_at, strategy))
    if expected is not None:
        assert found == expected
    assert found == picks((looked_at, strategy))


def test_every_combination_that_is_allowed_is_tried_and_documented() -> None:
    allowed = {(given, strategy) for strategy, inputs in INPUTS.items() for given in inputs}
    assert {(one["type"], other["type"]) for one, other, _ in COMBINATIONS} == allowed
    page = (REPOSITORY / "docs/strategies.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    header = next(row for row in rows if row[0] == "input")
    names = [name.strip("`") for name in header[1:]]
    table = [row for row in rows if len(row) == len(header) and row[0].startswith("`")]
    said = {
        (row[0].split("`")[1], name)
        for row in table
        for name, cell in zip(names, row[1:], strict=True)
        if cell.startswith("yes")
    }
    assert said == allowed


def test_labels_take_the_place_of_predictions() -> None:
    with_labels = CLASSES | {"labels": "labels.json"}
    # a.png was labelled and shows nothing; base.png is a bus, of which the datapool therefore has one
    assert picks((with_labels, balance(target={"car": 1}))) == "bacd"
    assert picks((with_labels, balance(target={"car": 1, "bus": 2}))) == "bdac"
    assert picks((CLASSES, balance(target={"car": 1, "bus": 2}))) == "dabc"
    alone = {"type": "PREDICTIONS", "labels": "labels.json", "count": "objects", "categories": ["bus"]}
    asked = SelectParams.model_validate({"strategies": [{"input": alone, "strategy": WEIGHTS}]})
    assert asked.given_files == ["labels.json"]
    known = Described(processed([*NAMES, BASE]))
    assert numbers(asked.strategies[0], 0, ["a.png", BASE], known).tolist() == [0, 1]
    Path("labels.json").write_text("[]")
    with pytest.raises(ParamsError, match=r"labels\.json cannot be read .*import-labels` wrote"):
        picks((with_labels, balance(target={"car": 1})))


def test_a_class_that_no_model_knows_is_an_error() -> None:
    with pytest.raises(ParamsError, match=r"cars\.json has no class 'cra'; it has bike, bus, car"):
        picks((COUNTS | {"categories": ["cra"]}, WEIGHTS))
    with pytest.raises(ParamsError, match=r"no candidate has a class of the BALANCE target \(cra\)"):
        picks((COUNTS, balance(target={"cra": 1})))
    Path("classes.csv").write_text("filename,class,score\na.png,car,1\nb.png,car,1\nc.png,bus,1\nd.png,bus,1\n")
    boxless = {"type": "PREDICTIONS", "file": "classes.csv", "count": "objects"}
    with pytest.raises(ParamsError, match=r"classes\.csv: count: objects, and there is no box"):
        picks((boxless, balance(distribution="uniform")))


def test_a_column_of_a_thousand_values_is_no_category() -> None:
    Path("metadata.csv").write_text("filename,k\n" + "".join(f"{number}.png,{number}\n" for number in range(1001)))
    rows = processed([f"{number}.png" for number in range(1001)])
    item = {"input": {"type": "METADATA", "key": "k"}, "strategy": balance(distribution="uniform")}
    asked = SelectParams.model_validate({"strategies": [item], "metadata_file": "metadata.csv"})
    points = np.ones((1001, 2), np.float32)
    with pytest.raises(ParamsError, match="at most 1000 classes, and the candidates have 1001, such as '0'"):
        select(list(rows["filename"]), points, [], points[:0], described(rows, asked), asked, {}, {})


def test_thresholds_decide_what_a_distribution_is_taken_of() -> None:
    by_input = (WEATHER_KEY, balance(distribution="input"))
    assert picks(by_input, (SPEED, threshold(4, "SMALLER"))) == "dab"  # without the rain


def test_a_task_without_objects_in_the_candidates_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OBJECT_ANGLES, "a.png", [])
    monkeypatch.setitem(OBJECT_ANGLES, "b.png", [])
    assert picks((OF_OBJECTS, DIVERSITY)) == "dabc"
    monkeypatch.setitem(OBJECT_ANGLES, "d.png", [])
    with pytest.raises(ParamsError, match="the task cars predicts no object in a candidate"):
        picks((OF_OBJECTS, DIVERSITY))


def test_what_all_have_alike_has_no_influence_whatever_the_sign() -> None:
    Path("scores.csv").write_text("filename,score\n" + "".join(f"{name},5\n" for name in NAMES))
    for strength in (1, -1):
        assert picks((SCORES, WEIGHTS | {"strength": strength}), (EMBEDDINGS, DIVERSITY)) == "dbac"


def test_contributions_are_the_values_at_the_moment_of_the_pick() -> None:
    found = chosen((EMBEDDINGS, DIVERSITY), (SPEED, threshold(4, "SMALLER")), (SHARPNESS, WEIGHTS), limit=2)
    assert found.selection["filename"].tolist() == ["d.png", "b.png"]
    rows = found.contributions
    assert list(rows.columns) == CONTRIBUTIONS.names
    assert rows["filename"].tolist() == ["d.png", "d.png", "b.png", "b.png"]
    assert rows["rank"].tolist() == [0, 0, 1, 1]
    assert rows["strategy"].tolist() == [1, 3, 1, 3]
    assert rows["type"].tolist() == ["DIVERSITY", "WEIGHTS"] * 2
    assert rows["input"].tolist() == ["EMBEDDINGS", "METADATA sharpness"] * 2
    np.testing.assert_allclose(
        rows["value"], [np.sin(np.deg2rad(171) / 2), 0.5, np.sin(np.deg2rad(80) / 2), 0.25], rtol=1e-6
    )


def test_picks_for_which_nothing_speaks_are_told() -> None:
    pairs = [(WEATHER_KEY, balance(target={"sun": 1})), (SHARPNESS, WEIGHTS | {"strength": -1})]
    found = chosen(*pairs)
    assert found.selection["filename"].tolist() == ["b.png", "a.png", "c.png", "d.png"]
    strategies = [StrategyParams.model_validate({"input": one, "strategy": other}) for one, other in pairs]
    assert picked_last(found.contributions, strategies) == (
        "; 2 of the selected ones have an objective of 0, so that only their filenames decided: "
        "BALANCE (METADATA weather) for 2, the opposite of WEIGHTS (METADATA sharpness) for 1"
    )
    assert picked_last(found.contributions[:2], strategies) == ""


def test_a_selection_that_ends_by_the_distance_of_a_strategy_says_so() -> None:
    kept_apart = {"input": EMBEDDINGS, "strategy": DIVERSITY | {"min_distance": 1.99}}
    asked = SelectParams.model_validate({"strategies": [kept_apart], "n_samples": None})
    rows = processed(NAMES)
    nothing = on_circle([])
    found = select(NAMES, on_circle([0, 90, 180, 181]), [], nothing, Described(rows), asked, {}, {})
    assert found.selection["filename"].tolist() == ["a.png", "c.png"]
    units = units_of(NAMES, rows, np.ones(4, bool), 1)
    assert summary(found.selection, found.candidates, 0, units, asked).endswith(
        "; all others are nearer than min_distance: 1.99 of DIVERSITY (EMBEDDINGS)"
    )
    with pytest.raises(NothingToSelectError, match=r"as far from the datapool as min_distance: 1\.99 of DIVERSITY"):
        require_selected(found._replace(selection=found.selection.head(0)), asked)


def test_a_sequence_counts_the_objects_of_all_its_frames() -> None:
    rows = processed(NAMES).assign(raw_path="v.mp4", frame=range(4), time_s=np.arange(4.0))
    item = {"input": COUNTS, "strategy": balance(target={"car": 1, "bike": 1})}
    asked = SelectParams.model_validate(
        {"strategies": [item], "predictions": {"cars": "cars.json"}, "selected_sequence_length": 2}
    )
    names, members = list(rows["filename"]), np.array([[0, 1], [2, 3]])
    vectors = Vectors(on_circle([0, 90]), on_circle([]), {}, {})
    (found,) = objectives_of(asked.located, names, members, [], described(rows, asked), vectors).quotas
    assert found.counts.tolist() == [[0, 3], [1, 0]]  # bike and car
    assert found.others.tolist() == [1, 1]  # buses


@pytest.mark.parametrize("ruled_out", [False, True])
@pytest.mark.parametrize("distribution", ["uniform", "input", "target"])
def test_a_distribution_of_nothing_selects_nothing(distribution: str, ruled_out: bool) -> None:
    target = {"target": {"car": 1}} if distribution == "target" else {}
    items = [
        {"input": CLASSES, "strategy": balance(distribution=distribution, **target)},
        {"input": SHARPNESS, "strategy": threshold(99 if ruled_out else 0)},
        {"input": OF_OBJECTS, "strategy": DIVERSITY},
        {"input": EMBEDDINGS, "strategy": TYPICALITY},
        {"input": COUNTS, "strategy": WEIGHTS},
    ]
    asked = SelectParams.model_validate({"strategies": items, "predictions": {"cars": "cars.json"}})
    rows = processed([*NAMES, BASE]).assign(sharpness=1.0)
    names = NAMES if ruled_out else []
    points = on_circle([0, 90, 180, 181])[: len(names)]
    objects = {"cars": ObjectEmbeddings(np.array([BASE], dtype=object), on_circle([0]))}
    found = select(names, points, [BASE], on_circle([10]), described(rows, asked), asked, {}, objects)
    assert found.selection.empty
    assert found.contributions.empty
