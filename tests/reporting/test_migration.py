"""The report of a datapool that has moved to another model, and of predicted classes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from curation.core.errors import ParamsError
from curation.reporting.compute.distances import pairwise_distances
from curation.reporting.compute.figures import compute_figures
from curation.reporting.compute.migration import equivalent, migration_of, neighbour_overlap, rank_correlation
from curation.reporting.inputs import FormerSpace, LabelledSamples, ReportInputs
from curation.selection.given import read_predictions
from tests.report_example import SECOND, example


def space(n: int, d: int, seed: int) -> NDArray[np.float32]:
    values = np.random.default_rng(seed).normal(size=(n, d))
    unit: NDArray[np.float32] = (values / np.linalg.norm(values, axis=1)[:, None]).astype(np.float32)
    return unit


def moved(former: NDArray[np.float32], inputs: ReportInputs) -> ReportInputs:
    names = tuple(inputs.processed["filename"])[: len(former)]
    return replace(inputs, former=FormerSpace(names, former))


def test_a_turned_space_is_the_same() -> None:
    inputs = example(SECOND, base=example(), seed=2, n_samples=4)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(inputs.embeddings.shape[1],) * 2))[0]
    found = migration_of(moved((inputs.embeddings @ rotation).astype(np.float32), inputs))
    assert found is not None
    assert found.samples == len(inputs.processed)
    assert found.neighbour_overlap == pytest.approx(1, abs=0.05)
    assert found.correlation == pytest.approx(1, abs=1e-3)
    assert found.scale == pytest.approx(1, abs=1e-3)
    assert found.smallest_new == pytest.approx(found.smallest_former, rel=0.1)
    assert all(row.new == pytest.approx(row.former, rel=1e-3) for row in found.distances)


def test_another_space_has_other_neighbours() -> None:
    inputs = example(SECOND, base=example(), seed=2, n_samples=4)
    found = migration_of(moved(space(len(inputs.processed), 3, 5), inputs))
    assert found is not None
    assert found.former_dim == 3
    assert found.neighbour_overlap is not None
    assert found.neighbour_overlap_by_chance is not None
    assert found.neighbour_overlap < 0.9
    assert abs(found.correlation or 0) < 0.5


def test_no_migration() -> None:
    inputs = example(SECOND, base=example(), seed=2, n_samples=4)
    assert migration_of(inputs) is None
    assert migration_of(moved(space(1, 3, 0), inputs)) is None
    assert migration_of(replace(inputs, former=FormerSpace(("gone.png", "lost.png"), space(2, 3, 0)))) is None


def test_figures_of_three_points() -> None:
    points = np.array([[0.0, 0], [1, 0], [3, 0]], dtype=np.float32)
    pairs = pairwise_distances(points)
    assert pairs.tolist() == [1, 3, 2]
    assert neighbour_overlap(pairs, pairs * 2, 3, 1) == 1
    assert neighbour_overlap(pairs, np.array([3.0, 1, 2]), 3, 1) == 0
    assert equivalent(1, pairs, pairs * 2) == 2
    assert equivalent(3, pairs, pairs * 2) == pytest.approx(2 + 4 * 2 / 3)
    assert rank_correlation(pairs, -pairs) == pytest.approx(-1)
    assert rank_correlation(pairs, np.ones(3)) is None


def test_predicted_classes_are_counted_before_and_after() -> None:
    inputs = example()
    names = list(inputs.candidates["filename"])
    chosen = set(inputs.selection["filename"])
    classes = pd.Series({name: "<cat>" if name in chosen else "dog" for name in names[1:]})
    figures, _ = compute_figures(replace(inputs, predictions=classes))
    rows = {row.name: (row.candidates, row.selected, row.datapool) for row in figures.sources.predictions}
    assert sum(row[0] for row in rows.values()) == len(names)
    assert rows["(no prediction)"][0] == 1
    assert rows["dog"][1:] == (0, 0)
    assert sum(row[1] for row in rows.values()) == len(chosen)


def test_imported_labels_are_counted_by_task() -> None:
    labelled = {"cars": LabelledSamples(4, {"<bus>": 3, "car": 1}), "none": LabelledSamples(0, {})}
    figures, _ = compute_figures(replace(example(), labelled=labelled))
    tasks = [
        (task.task, task.samples, [(row.name, row.samples) for row in task.classes])
        for task in figures.sources.labelled
    ]
    assert tasks == [("cars", 4, [("<bus>", 3), ("car", 1)]), ("none", 0, [])]


COCO = {
    "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
    "categories": [{"id": 5, "name": "cat"}, {"id": 6, "name": "dog"}],
    "annotations": [
        {"image_id": 1, "category_id": 5, "score": 0.2},
        {"image_id": 1, "category_id": 6, "score": 0.7},
        {"image_id": 2, "category_id": 5},
    ],
}


def test_predictions_as_coco(tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps(COCO))
    assert read_predictions(str(path)).to_dict() == {"a.png": "dog", "b.png": "cat"}
    path.write_text(json.dumps([{"image_id": "a.png", "category_id": 7, "score": 1, "bbox": [0, 0, 1, 1]}]))
    assert read_predictions(str(path)).to_dict() == {"a.png": "7"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("{}", "is in no format that is known"),
        ("3", "is in no format that is known"),
        ('{"images": [], "annotations": []}', "is not a COCO file \\('categories' is missing\\)"),
        ('[{"image_id": "a"}]', "'category_id' is missing"),
        (json.dumps(COCO | {"categories": []}), "5 is missing"),
        ('[{"image_id": "a", "category_id": 1, "score": "high"}]', "a score of 'a' is not a finite number"),
    ],
)
def test_what_is_wrong_with_predictions(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    path.write_text(content)
    with pytest.raises(ParamsError, match=message) as error:
        read_predictions(str(path), "select.predictions_file")
    assert str(error.value).startswith("select.predictions_file")
