"""The rule `active`, and the uncertainty that it asks for."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from curation.core.errors import ParamsError
from curation.params.select import SelectParams
from curation.selection.outcome import select
from curation.selection.rules.active import active
from curation.selection.rules.coverage import coverage
from curation.selection.uncertainty import uncertainty_of
from tests.embedding_examples import bases_for, embedding_sets, embeddings_of_kind

NAMES = ["a.png", "b.png", "c.png"]
CERTAIN_OF_ALL_BUT_B = "filename,dog,cat\na.png,1,0\nb.png,0.5,0.5\nc.png,0,1\n"


def params(path: Path, **others: object) -> SelectParams:
    given = {"method": "active", "task": "kinds", "predictions": {"kinds": str(path)}, "n_samples": 1}
    return SelectParams.model_validate({**given, **others})


def processed(names: list[str] = NAMES) -> pd.DataFrame:
    rows = len(names)
    return pd.DataFrame(
        {
            "filename": names,
            "raw_path": names,
            "frame": np.zeros(rows, np.int64),
            "time_s": np.full(rows, np.nan),
            "label_name": [""] * rows,
        }
    )


def each(path: Path, **others: object) -> NDArray[np.float64]:
    return uncertainty_of(params(path, **others), NAMES, np.arange(3)[:, None], processed())


@given(st.data())
@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("uncertain", [0.0, 0.5, 1.0])
def test_equal_uncertainty_is_coverage(uncertain: float, data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(smallest=1, largest=25))
    base, limit = data.draw(bases_for(candidates)), data.draw(st.integers(0, 25))
    found = active(candidates, base, limit, rare=0.0, uncertainty=np.full(len(candidates), uncertain))
    assert found.picks.tolist() == coverage(candidates, base, limit, rare=0.0).picks.tolist()


def test_picks_lie_among_what_the_model_is_uncertain_of() -> None:
    candidates = embeddings_of_kind("clustered", 200, 8, 0)
    uncertain = candidates[:, 0] > np.median(candidates[:, 0])
    found = active(candidates, candidates[:0], 10, rare=0.5, uncertainty=uncertain.astype(np.float64))
    assert uncertain[found.picks].mean() >= 0.9
    assert uncertain[coverage(candidates, candidates[:0], 10, rare=0.5).picks].mean() <= 0.5


def test_the_most_uncertain_sample_is_selected(tmp_path: Path) -> None:
    (tmp_path / "kinds.csv").write_text(CERTAIN_OF_ALL_BUT_B)
    points = np.eye(3, dtype=np.float32)
    choice = select(NAMES, points, [], points[:0], processed(), params(tmp_path / "kinds.csv"), {})
    assert choice.selection["filename"].tolist() == ["b.png"]


def test_uncertainty_is_that_of_the_task_by_the_chosen_measure(tmp_path: Path) -> None:
    (tmp_path / "kinds.csv").write_text("filename,dog,cat\na.png,1,0\nb.png,0.75,0.25\nc.png,0.5,0.5\n")
    assert each(tmp_path / "kinds.csv").tolist() == [0.0, 0.5, 1.0]
    entropies = each(tmp_path / "kinds.csv", score="uncertainty_entropy")
    assert entropies[1] == pytest.approx(0.811278, abs=1e-6)


def test_a_sequence_has_the_mean_of_its_frames(tmp_path: Path) -> None:
    (tmp_path / "kinds.csv").write_text(CERTAIN_OF_ALL_BUT_B)
    found = uncertainty_of(params(tmp_path / "kinds.csv"), NAMES, np.array([[0, 1]]), processed())
    assert found.tolist() == [0.5]


def test_other_rules_read_no_predictions(tmp_path: Path) -> None:
    assert len(each(tmp_path / "missing.csv", method="coverage")) == 0


def test_a_candidate_without_predictions_is_named(tmp_path: Path) -> None:
    (tmp_path / "kinds.csv").write_text("filename,dog,cat\na.png,1,0\n")
    with pytest.raises(ParamsError, match=r"has nothing of 2 of 3 candidates, 'b.png' for one"):
        each(tmp_path / "kinds.csv")


def test_a_picture_without_objects_is_certain(tmp_path: Path) -> None:
    boxes = (
        '{"images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9}], '
        '"categories": [{"id": 1, "name": "dog"}], '
        '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4], "score": 0.25}]}'
    )
    (tmp_path / "kinds.json").write_text(boxes)
    found = each(tmp_path / "kinds.json", score="objectness_least_confidence")
    assert found.tolist() == [0.75, 0.0, 0.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": None}, r"task: method active needs one of select\.predictions \(there: kinds\)"),
        ({"task": "other"}, r"task: there is no task other in select\.predictions \(there: kinds\)"),
        ({"score": "loudness"}, "score"),
    ],
)
def test_wrong_parameters(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        params(Path("kinds.csv"), **change)
