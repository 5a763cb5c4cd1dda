"""Embeddings of objects as selection reads them."""

from pathlib import Path

import numpy as np
import pytest

from curation.core.errors import BaseError, CheckpointError
from curation.embeddings.shards import write_shards
from curation.params.load import load_params
from curation.params.schema import Params
from curation.selection.objects import objects_in_words, read_object_embeddings
from curation.tables.objects import OBJECT_METADATA
from tests import ROOT
from tests.datapools import objects_of


def write(folder: Path, names: list[str], first: float, task: str = "cars", checkpoint: str = "model") -> None:
    """Write objects whose embeddings begin with counting numbers."""
    vectors = np.zeros((len(names), 2), np.float32)
    vectors[:, 0] = first + np.arange(len(names))
    write_shards(folder, objects_of(names, task), vectors, checkpoint, columns=OBJECT_METADATA)


def test_the_objects_of_each_task_come_sorted_by_their_samples(tmp_path: Path) -> None:
    write(tmp_path / "base", ["b.png", "a.png", "b.png"], 1)
    write(tmp_path / "base", ["a.png"], 9, "signs")
    write(tmp_path / "new", ["c.png", "z.png", "a.png"], 5)
    found = read_object_embeddings(
        tmp_path / "base", tmp_path / "new", "model", ("cars", "people"), ["a.png", "b.png", "c.png", "d.png"]
    )
    assert found.keys() == {"cars", "people"}
    assert found["cars"].filenames.tolist() == ["a.png", "a.png", "b.png", "b.png", "c.png"]
    assert found["cars"].vectors[:, 0].tolist() == [2, 7, 1, 3, 5]
    assert len(found["people"].filenames) == 0
    assert objects_in_words({"cars": found["cars"]}, ["a.png", "d.png"], ["b.png", "e.png", "f.png"]) == (
        "; 1 of 2 candidates and 2 of 3 samples of the base have no object of cars"
    )
    assert objects_in_words({"cars": found["cars"]}, ["a.png"], ["b.png"]) == ""


def test_objects_of_another_model_are_not_compared(tmp_path: Path) -> None:
    write(tmp_path / "base", ["a.png"], 1, checkpoint="former")
    write(tmp_path / "new", ["c.png"], 5)
    found = read_object_embeddings(tmp_path / "base", tmp_path / "new", "model", ("cars",), ["a.png", "c.png"])
    assert found["cars"].filenames.tolist() == ["c.png"]
    with pytest.raises(CheckpointError, match="made by another checkpoint than the one in use"):
        read_object_embeddings(tmp_path / "base", tmp_path / "new", "later", ("cars",), ["a.png"])
    write(tmp_path / "new", ["d.png"], float("nan"))
    with pytest.raises(BaseError, match=r"embedding of an object in 'd\.png' holds NaN"):
        read_object_embeddings(tmp_path / "base", tmp_path / "new", "model", ("cars",), ["a.png"])


def test_nothing_is_read_without_a_task(tmp_path: Path) -> None:
    assert read_object_embeddings(tmp_path / "base", tmp_path / "new", "model", (), ["a.png"]) == {}


def test_given_embeddings_are_of_no_objects() -> None:
    content = load_params(ROOT / "params.yaml").model_dump()
    content["select"]["predictions"] = {"cars": "cars.json"}
    strategy = {"input": {"type": "EMBEDDINGS", "task": "cars"}, "strategy": {"type": "DIVERSITY"}}
    content["select"]["strategies"] = [strategy]
    assert Params.model_validate(content).select.object_tasks == ("cars",)
    content["embed"]["embeddings_file"] = "embeddings.csv"
    with pytest.raises(ValueError, match="the objects of cars need a model to embed them"):
        Params.model_validate(content)
