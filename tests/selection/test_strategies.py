"""Strategies that combine: what they read, and what they pick."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from curation.core.errors import ParamsError
from curation.params.select import SelectParams
from curation.params.strategies import StrategyParams
from curation.selection.covering import follow
from curation.selection.described import Described
from curation.selection.distance import squared_distances
from curation.selection.given import read_filenames, read_predictions, read_scores, scores_by
from curation.selection.greedy.search import combined
from curation.selection.numbers import numbers
from curation.selection.objectives import Diverse, Fixed, Objectives, Quota
from curation.selection.rules.coreset import coreset
from curation.selection.stopping import squared_threshold
from curation.selection.strategies import Vectors, allowed_by_thresholds, objectives_of
from curation.selection.traversal import Traversal
from tests.embedding_examples import bases_for, embedding_sets, embeddings_of_kind

EMBEDDINGS = {"type": "EMBEDDINGS"}


def item(input_: dict[str, Any], **strategy: Any) -> StrategyParams:
    return StrategyParams.model_validate({"input": input_, "strategy": strategy})


def metadata(key: str) -> dict[str, Any]:
    return {"type": "METADATA", "key": key}


def samples(n: int, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"filename": [f"{row}.png" for row in range(n)]} | columns)


def pick(
    strategies: list[StrategyParams],
    processed: pd.DataFrame,
    candidates: NDArray[np.float32],
    limit: int,
    n_base: int = 0,
    base: NDArray[np.float32] | None = None,
    queries: dict[int, NDArray[np.float32]] | None = None,
    seed: int = 0,
) -> Traversal:
    """Choose among the first rows of `processed`; the last `n_base` are the base."""
    before = candidates[:0] if base is None else base
    names = list(processed["filename"])
    members = np.arange(len(candidates))[:, None]
    found = objectives_of(
        strategies, names[: len(candidates)], members, names[len(names) - n_base :], Described(processed, seed=seed),
        Vectors(candidates, before, queries or {}, {}),
    )  # fmt: skip
    return combined(candidates, before, limit, None, found).traversal


# ---- the choice


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_diversity_alone_is_coreset(data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(largest=40))
    base, limit = data.draw(bases_for(candidates)), data.draw(st.integers(0, 45))
    threshold = squared_threshold(data.draw(st.sampled_from([None, 0.1, 0.5])))
    strength = data.draw(st.sampled_from([0.5, 1.0, 3.0]))
    objectives = Objectives(diverse=[Diverse(0, None, strength)])
    found = combined(candidates, base, limit, threshold, objectives).traversal
    assert found.picks.tolist() == coreset(candidates, base, limit, threshold).picks.tolist()


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_number_distinctness_and_the_product(data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(smallest=1, largest=25))
    n = len(candidates)
    base, limit = data.draw(bases_for(candidates)), data.draw(st.integers(0, 30))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    fixed, classes = rng.choice([0.25, 0.5, 1], n), rng.integers(-1, 2, n)
    members = (classes[:, None] == [0, 1]).astype(np.int64)
    quota = Quota(2, np.array([0.7, 0.3]), members, (classes < 0).astype(np.int64), rng.integers(0, 3, 2), 2.0)
    objectives = Objectives([Fixed(0, fixed, 1.0)], [Diverse(1, None, 1.0)], [quota])
    found = combined(candidates, base, limit, None, objectives).traversal
    assert len(found.picks) == len(set(found.picks.tolist())) == min(limit, n)
    reference, _ = follow(candidates, base, found.picks)
    np.testing.assert_array_equal(found.nearest, reference.nearest)
    squared = np.full(n, 4.0)
    for sample in base:
        squared = np.minimum(squared, squared_distances(candidates, sample))
    counts, left = quota.before.copy(), set(range(n))
    for chosen in found.picks.tolist():
        share = np.append(quota.target / (2 * counts + 1), 0)[classes]
        value = fixed * np.sqrt(squared) * share**2
        assert value[chosen] >= max(value[row] for row in left) * (1 - 1e-9)
        left.remove(chosen)
        counts += members[chosen]
        squared = np.minimum(squared, squared_distances(candidates, candidates[chosen]))


def test_weights_alone_pick_the_highest_and_ties_the_lower_filename() -> None:
    table = samples(5, sharpness=[1.0, 7, 3, 7, 0])
    found = pick([item(metadata("sharpness"), type="WEIGHTS")], table, embeddings_of_kind("random", 5, 4, 0), 5)
    assert found.picks.tolist() == [1, 3, 2, 0, 4]


def test_strength_decides_between_two_weights() -> None:
    table = samples(2, sharpness=[1.0, 2.0], contrast=[3.0, 2.0])
    points = embeddings_of_kind("random", 2, 4, 0)

    def first(strength: float) -> int:
        strong = item(metadata("sharpness"), type="WEIGHTS", strength=strength)
        both = [strong, item(metadata("contrast"), type="WEIGHTS")]
        return int(pick(both, table, points, 1).picks[0])

    assert (first(0.5), first(1.0)) == (0, 1)


def test_typicality_prefers_the_dense_place() -> None:
    points = np.concatenate([embeddings_of_kind("random", 30, 8, 0), embeddings_of_kind("nearly equal", 30, 8, 1)])
    found = pick([item(EMBEDDINGS, type="TYPICALITY")], samples(60), points, 10)
    assert found.picks.min() >= 30


def test_similarity_to_queries() -> None:
    degrees = np.deg2rad([0, 40, 90, 180])
    points = np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)
    query = item(EMBEDDINGS, type="SIMILARITY", datapool_iteration=1)
    assert pick([query], samples(4), points, 4, queries={0: points[2:3]}).picks.tolist() == [2, 1, 0, 3]


def test_balance_reaches_the_target_and_counts_the_base() -> None:
    labels = ["day"] * 50 + ["night"] * 50 + ["day"] * 10
    table = samples(110, label_name=labels)
    balance = item(metadata("label_name"), type="BALANCE", target={"day": 1, "night": 3})
    diverse = item(EMBEDDINGS, type="DIVERSITY")
    points = embeddings_of_kind("random", 100, 8, 0)
    strong = item(metadata("label_name"), type="BALANCE", target={"day": 1, "night": 3}, strength=50)
    assert (pick([strong, diverse], table.iloc[:100], points, 20).picks >= 50).sum() == 15
    with_base = pick([balance], table, points, 20, n_base=10, base=embeddings_of_kind("random", 10, 8, 1))
    assert (with_base.picks >= 50).sum() in {20, 19}


def test_balance_over_sizes_and_a_class_that_is_used_up() -> None:
    table = samples(6, width=[640, 640, 1920, 1920, 1920, 320])
    balance = item(metadata("width"), type="BALANCE", target={"640": 0.5, "1920": 0.5})
    found = pick([balance], table, embeddings_of_kind("random", 6, 4, 0), 6)
    assert found.picks[-1] == 5
    assert sorted(found.picks[:4].tolist()) == [0, 1, 2, 3]


def test_random_weights_are_seeded() -> None:
    chance = item({"type": "RANDOM"}, type="WEIGHTS")
    points = embeddings_of_kind("random", 40, 4, 0)
    picks = [pick([chance], samples(40), points, 10, seed=seed).picks.tolist() for seed in (1, 1, 2)]
    assert picks[0] == picks[1] != picks[2]


def test_a_sequence_has_the_mean_value_and_the_common_class() -> None:
    table = samples(6, sharpness=[1.0, 5, 2, 2, 9, 0], label_name=["a", "b", "b", "b", "a", "a"])
    strategies = [
        item(metadata("sharpness"), type="WEIGHTS"),
        item(metadata("label_name"), type="BALANCE", target={"a": 1, "b": 1}),
    ]
    members = np.array([[0, 1, 2], [3, 4, 5]])
    points = embeddings_of_kind("random", 2, 4, 0)
    vectors = Vectors(points, points[:0], {}, {})
    found = objectives_of(strategies, list(table["filename"]), members, [], Described(table), vectors)
    np.testing.assert_allclose(found.fixed[0].values, np.array([8, 11]) / 27)
    assert found.quotas[0].counts.tolist() == [[0, 1], [1, 0]]


# ---- thresholds


@pytest.mark.parametrize(
    ("operator", "kept"),
    [("SMALLER", [0]), ("SMALLER_EQUAL", [0, 1]), ("BIGGER", [2]), ("BIGGER_EQUAL", [1, 2])],
)
def test_thresholds(operator: str, kept: list[int]) -> None:
    table = samples(3, contrast=[1.0, 2, 3])
    threshold = item(metadata("contrast"), type="THRESHOLD", threshold=2, operator=operator)
    allowed = allowed_by_thresholds([threshold], list(table["filename"]), Described(table))
    assert np.flatnonzero(allowed).tolist() == kept


# ---- files


def test_scores_and_predictions_of_files(tmp_path: Path) -> None:
    scores = tmp_path / "scores.csv"
    scores.write_text("filename,uncertainty,other\n0.png,0.5,x\n1.png,2,y\n9.png,3,z\n")
    assert read_scores(str(scores), "uncertainty").to_dict() == {"0.png": 0.5, "1.png": 2, "9.png": 3}
    predictions = tmp_path / "predictions.csv"
    predictions.write_text("filename,class,score\n0.png,dog,0.4\n0.png,cat,0.6\n1.png,dog,0.5\n1.png,cat,0.5\n")
    assert read_predictions(str(predictions)).to_dict() == {"0.png": "cat", "1.png": "cat"}
    names = tmp_path / "names.txt"
    names.write_text("b.png\n\na.png\nb.png\n")
    assert read_filenames(str(names)) == ["a.png", "b.png"]
    by_score = item({"type": "SCORES", "file": str(scores), "score": "uncertainty"}, type="WEIGHTS")
    points = embeddings_of_kind("random", 2, 4, 0)
    assert pick([by_score], samples(2), points, 2).picks.tolist() == [1, 0]
    by_class = item({"type": "PREDICTIONS", "file": str(predictions)}, type="BALANCE", target={"cat": 1.0})
    assert pick([by_class], samples(3), embeddings_of_kind("random", 3, 4, 0), 3).picks.tolist()[-1] == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"scores.csv cannot be read \(there is no such file\)"),
        ("", "cannot be read"),
        ("name,score\na,1\n", "has no column 'filename'; it has 'name', 'score'"),
        ("filename,other\na,1\n", "has no column 'score'"),
        ("filename,score\n0.png,x\n", "score of '0.png' is not a finite number"),
        ("filename,score\n0.png,inf\n", "score of '0.png' is not a finite number"),
        ("filename,score\n0.png,1\n0.png,1\n", "'0.png' is listed twice"),
        ("filename,score\n0.png,1\n", "has no value for 1 of 2 candidates, '1.png' for one"),
        ("filename,score\n0.png,1\n1.png,-2\n", "WEIGHTS must be 0 or more; SCORES has -2 for '1.png'"),
    ],
)
def test_a_file_of_scores_that_does_not_fit(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "scores.csv"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ParamsError, match=message):
        pick([item({"type": "SCORES", "file": str(file)}, type="WEIGHTS")], samples(2), np.eye(2, dtype=np.float32), 1)


def test_other_inputs_that_do_not_fit(tmp_path: Path) -> None:
    points = embeddings_of_kind("random", 2, 4, 0)
    balance = item(metadata("label_name"), type="BALANCE", target={"x": 1})
    with pytest.raises(ParamsError, match=r"no candidate has a class of the BALANCE target \(x\); found: 'a', 'b'"):
        pick([balance], samples(2, label_name=["b", "a"]), points, 1)
    with pytest.raises(ParamsError, match="metadata time_s has no value for 1 of 2 candidates"):
        pick([item(metadata("time_s"), type="WEIGHTS")], samples(2, time_s=[1.0, np.nan]), points, 1)
    empty = tmp_path / "names.txt"
    empty.write_text("\n")
    with pytest.raises(ParamsError, match="names no sample"):
        read_filenames(str(empty))
    predictions = tmp_path / "predictions.csv"
    predictions.write_text("filename,class,score\n0.png,dog,\n")
    with pytest.raises(ParamsError, match=r"a score of '0.png' is not a finite number"):
        read_predictions(str(predictions))


# ---- predictions of a task


def located(task: dict[str, str], *strategies: dict[str, Any]) -> list[StrategyParams]:
    return list(SelectParams.model_validate({"predictions": task, "strategies": strategies}).located)


def test_predictions_of_yolo_become_a_selection_by_uncertainty(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    for name, text in {"0": "0 .5 .5 .2 .2 .9\n", "1": "0 .5 .5 .2 .2 .4\n1 .5 .5 .2 .2 .8\n", "2": ""}.items():
        (tmp_path / f"labels/{name}.txt").write_text(text)
    strategies = located(
        {"cars": str(tmp_path)},
        {
            "input": {"type": "SCORES", "task": "cars", "score": "objectness_least_confidence"},
            "strategy": {"type": "WEIGHTS"},
        },
    )
    points = embeddings_of_kind("random", 4, 4, 0)
    names, known = [f"{row}.png" for row in range(4)], Described(samples(4))
    assert numbers(strategies[0], 0, names, known).round(6).tolist() == [0.1, 0.4, 0, 0]
    assert pick(strategies, samples(4), points, 4).picks.tolist() == [1, 0, 2, 3]
    with pytest.raises(ParamsError, match=r"has no value for 1 of 1 candidates, '4\.png' for one"):
        numbers(strategies[0], 0, ["4.png"], Described(samples(5)))
    balance = {"input": {"type": "PREDICTIONS", "task": "cars"}, "strategy": {"type": "BALANCE", "target": {"1": 1}}}
    assert pick(located({"cars": str(tmp_path)}, balance), samples(4), points, 1).picks.tolist() == [1]


def test_probabilities_of_a_task_must_be_of_all_candidates(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("filename,cat,dog\n0.png,0.5,0.5\n1.png,1,0\n")
    score = {"type": "SCORES", "task": "t", "score": "uncertainty_entropy"}
    (by_entropy,) = located({"t": str(tmp_path / "p.csv")}, {"input": score, "strategy": {"type": "WEIGHTS"}})
    assert numbers(by_entropy, 0, ["0.png", "1.png"], Described(samples(2))).tolist() == [1, 0]
    with pytest.raises(ParamsError, match="has no value for 1 of 3 candidates"):
        numbers(by_entropy, 0, ["0.png", "1.png", "2.png"], Described(samples(3)))
    with pytest.raises(ParamsError, match=r"p\.csv: object_frequency is about objects, and there is no box"):
        scores_by("p.csv", *Described(samples(1)).predicted(str(tmp_path / "p.csv")), "object_frequency")


def test_a_task_that_is_not_there_is_told() -> None:
    strategy = {"input": {"type": "PREDICTIONS", "task": "a"}, "strategy": {"type": "BALANCE", "target": {"1": 1}}}
    with pytest.raises(ValidationError, match=r"no task a in select\.predictions \(there: b\)"):
        located({"b": "x"}, strategy)


def test_names_of_predictions_that_are_no_samples_are_told(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("filename,class,score\n/srv/0.png,a,1\n/srv/lost.png,a,1\n")
    lines: list[str] = []
    found = read_predictions(str(file), known={"0.png", "1.png"}, tell=lines.append)
    assert found.to_dict() == {"0.png": "a", "/srv/lost.png": "a"}
    assert lines == [
        f"{file}: 1 of 2 names are samples (1 by the end of the given path, '/srv/0.png' is '0.png'); 1 are no sample: "
        "'/srv/lost.png'"
    ]
    with pytest.raises(ParamsError, match=r"0 of 2 names are samples; 2 are no sample.*Samples are called 'a\.png'"):
        read_predictions(str(file), known={"a.png"})


# ---- what params.yaml may say


@pytest.mark.parametrize(
    ("input_", "strategy", "message"),
    [
        ({"type": "RANDOM"}, {"type": "DIVERSITY"}, "DIVERSITY needs input EMBEDDINGS, not RANDOM"),
        (EMBEDDINGS, {"type": "WEIGHTS"}, "WEIGHTS needs input SCORES or METADATA or PREDICTIONS or RANDOM, not"),
        (EMBEDDINGS, {"type": "SIMILARITY"}, "needs one of queries"),
        (EMBEDDINGS, {"type": "SIMILARITY", "queries": "a", "datapool_iteration": 1}, "needs one of queries"),
        (EMBEDDINGS, {"type": "SIMILARITY", "images": ["a.png"], "text": "a"}, "needs one of queries"),
        (EMBEDDINGS, {"type": "SIMILARITY", "images": []}, "at least 1 item"),
        (EMBEDDINGS, {"type": "SIMILARITY", "images": "a.png"}, "valid tuple"),
        (EMBEDDINGS, {"type": "SIMILARITY", "images": [""]}, "pattern"),
        (EMBEDDINGS, {"type": "SIMILARITY", "text": "  "}, "pattern"),
        (EMBEDDINGS, {"type": "DIVERSITY", "strength": 0}, "with 0 the strategy has no effect"),
        (EMBEDDINGS, {"type": "DIVERSITY", "strength": -101}, "greater than or equal to -100"),
        (EMBEDDINGS, {"type": "DIVERSITY", "min_distance": 0}, "greater than 0"),
        (EMBEDDINGS, {"type": "DIVERSITY", "power": 1}, "Extra inputs"),
        (EMBEDDINGS, {"type": "NOVELTY"}, "does not match any of the expected tags"),
        (metadata("label_name"), {"type": "WEIGHTS"}, "needs metadata that are numbers"),
        (metadata("sharpness"), {"type": "BALANCE", "target": {"1": 1}}, "label_name, width or height"),
        (metadata("label_name"), {"type": "BALANCE", "target": {}}, "at least one share above 0"),
        (metadata("label_name"), {"type": "BALANCE"}, "at least one share above 0, or distribution"),
        (metadata("width"), {"type": "BALANCE", "distribution": "uniform", "target": {"1": 1}}, "takes no target"),
        (metadata("width"), {"type": "BALANCE", "target": {"1": 1}, "strength": -1}, "greater than 0"),
        (metadata(" "), {"type": "WEIGHTS"}, "pattern"),
        (metadata("width"), {"type": "THRESHOLD", "threshold": 1, "operator": "LESS"}, "operator"),
        ({"type": "SCORES"}, {"type": "WEIGHTS"}, "SCORES needs file or task, one of them"),
        ({"type": "SCORES", "file": "a", "task": "b"}, {"type": "WEIGHTS"}, "SCORES needs file or task, one of them"),
        ({"type": "SCORES", "task": "b"}, {"type": "WEIGHTS"}, "score: of a task it is one of uncertainty_least_conf"),
        ({"type": "SCORES", "task": "../b"}, {"type": "WEIGHTS"}, "pattern"),
        ({"type": "PREDICTIONS"}, {"type": "BALANCE", "target": {"a": 1}}, "PREDICTIONS needs file or task"),
        ({"type": "PREDICTIONS", "file": "a"}, {"type": "WEIGHTS"}, "counts objects"),
        (
            {"type": "PREDICTIONS", "file": "a", "categories": ["b"]},
            {"type": "BALANCE", "target": {"b": 1}},
            "takes no",
        ),
    ],
)
def test_what_does_not_fit_is_told(input_: dict[str, Any], strategy: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        item(input_, **strategy)
