"""Scores from predictions, by hand."""

from math import log
from typing import Any, get_args

import pytest

from curation.labels.given import Given, Label, LabelFileError
from curation.labels.matching import Match
from curation.labels.score_table import score_table
from curation.labels.scorers import SCORERS, scores_of
from curation.params.strategy_inputs import Scorer

BOX = (0.0, 0.0, 1.0, 1.0)
NAMES = {name: f"{name}.jpg" for name in "abc"}


def scored(scorer: str, *labels: Label) -> dict[str, float]:
    return {name: round(value, 6) for name, value in scores_of(Given(list(labels)), NAMES, scorer).items()}


def test_the_parameters_name_all_scorers() -> None:
    assert get_args(Scorer) == SCORERS


@pytest.mark.parametrize(
    ("scorer", "of_four_fifths", "of_three"),
    [
        ("uncertainty_least_confidence", 0.4, 0.75),
        ("uncertainty_margin", 0.4, 0.75),
        ("uncertainty_entropy", -(0.8 * log(0.8) + 0.2 * log(0.2)) / log(2), 1.5 * log(2) / log(3)),
    ],
)
def test_uncertainty_of_classes(scorer: str, of_four_fifths: float, of_three: float) -> None:
    found = scored(
        scorer,
        Label("a", "x", probabilities=(0.8, 0.2)),
        Label("b", "x", score=0.5), Label("b", "y", score=0.25), Label("b", "z", score=0.25),
        Label("c", "x", probabilities=(0.5, 0.5)),
        Label("lost", "x"),
    )  # fmt: skip
    assert found == {"a.jpg": round(of_four_fifths, 6), "b.jpg": round(of_three, 6), "c.jpg": 1.0}


def test_the_most_uncertain_object_counts() -> None:
    labels = [Label("a", "x", BOX, probabilities=(p, 1 - p)) for p in (1.0, 0.6, 0.9)]
    assert scored("uncertainty_margin", *labels) == {"a.jpg": 0.8}


def test_objects() -> None:
    labels = [Label("a", category, BOX, score=score) for category, score in (("x", 0.5), ("x", 0.9), ("y", 1.0))]
    labels += [Label("b", "x", BOX, score=0.25), Label("c", "x", score=1.0)]
    assert scored("object_frequency", *labels) == {"a.jpg": 1, "b.jpg": round(1 / 2.25, 6), "c.jpg": 0}
    assert scored("objectness_least_confidence", *labels) == {"a.jpg": 0.2, "b.jpg": 0.75, "c.jpg": 0}


def test_what_a_scorer_needs_is_told() -> None:
    with pytest.raises(LabelFileError, match="needs the probabilities of all classes, which 'a' has not"):
        scored("uncertainty_margin", Label("a", "x", BOX, score=0.5))
    with pytest.raises(LabelFileError, match="'a' has no score from 0 to 1"):
        scored("objectness_least_confidence", Label("a", "x", BOX))
    with pytest.raises(LabelFileError, match="there is no box"):
        scored("object_frequency", Label("a", "x"))


def table_of(*labels: Label, empty: tuple[str, ...] = ()) -> tuple[dict[Any, Any], list[str]]:
    table, left_out = score_table(Given(list(labels), list(empty)), Match(NAMES, {}, {}, ()))
    return table.round(6).to_dict("list"), list(left_out)


def test_a_table_has_the_scores_that_predictions_suffice_for() -> None:
    table, left_out = table_of(Label("b", "x", BOX, score=0.25), Label("a", "x", BOX, score=1.0), empty=("c", "lost"))
    assert table == {
        "filename": ["a.jpg", "b.jpg", "c.jpg"],
        "object_frequency": [1, 1, 0],
        "objectness_least_confidence": [0, 0.75, 0],
    }
    assert left_out == ["uncertainty_least_confidence", "uncertainty_margin", "uncertainty_entropy"]
    table, left_out = table_of(Label("a", "x", probabilities=(0.75, 0.25)))
    assert table["uncertainty_margin"] == [0.5]
    assert left_out == ["object_frequency", "objectness_least_confidence"]
