"""Objects from predictions to the datapool: what iterations cut out, embed and keep, and select by."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.pipeline.project import ALWAYS, Project

pytestmark = pytest.mark.slow

LEFT, TOP, SIDE = 9, 13, 16
STRATEGY = {"input": {"type": "EMBEDDINGS", "task": "cars"}, "strategy": {"type": "DIVERSITY"}}


def show(project: Project, names: list[str], objects: dict[str, int]) -> None:
    """Put the same object into all pictures, but for those with one of their own, by the seed of its pixels."""
    for name in names:
        path = project.folder / "data/raw" / name
        pixels = np.random.default_rng(objects.get(name, 0)).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        shown = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        with Image.open(path) as image:
            image.load()
        image.paste(shown, (LEFT, TOP))
        image.save(path)


def predict(project: Project, names: list[str]) -> None:
    """Write predictions with a box around the object of each picture."""
    categories = [{"id": 1, "name": "car"}]
    images = [{"id": number, "file_name": name} for number, name in enumerate(names)]
    boxes = [
        {"id": image["id"], "image_id": image["id"], "category_id": 1, "bbox": [LEFT, TOP, SIDE, SIDE], "score": 0.5}
        for image in images
    ]
    content = {"categories": categories, "images": images, "annotations": boxes}
    (project.folder / "cars.json").write_text(json.dumps(content))


def objects_in(folder: Path) -> list[str]:
    """Return the samples of the objects in a folder of shards, sorted."""
    return sorted(name for shard in folder.glob("*.parquet") for name in pd.read_parquet(shard)["filename"])


def test_new_objects_are_selected_and_those_of_the_datapool_count_as_selected(project: Project) -> None:
    assert not (project.folder / "datapool/objects").exists()
    assert (project.folder / "data/given_predictions.txt").read_text() == "\n"
    second = project.add_images("b")
    show(project, second, {})
    predict(project, second)
    project.set_params(select__predictions={"cars": "cars.json"}, select__strategies=[STRATEGY], select__n_samples=2)
    output = project.repro("embed").output
    assert "10 objects cut out of 10 samples" in output
    assert "10 objects embedded" in output

    predict(project, second[:8])
    result = project.repro()
    assert {"clean", "embed", "select"} <= set(result.ran())
    assert "8 objects embedded (8 of them in an earlier run)" in result.output
    assert "5 of 5 samples of the base have no object of cars" in result.output
    assert objects_in(project.folder / "datapool/objects") == second[:8]
    project.commit("iteration 2")
    assert project.repro().ran() == ALWAYS

    third = project.add_images("c")
    show(project, third, {third[3]: 1, third[7]: 2})
    predict(project, third)
    output = project.repro().output
    assert sorted(project.names()[-2:]) == [third[3], third[7]]
    assert "5 of 7 samples of the base have no object of cars" in output
    assert objects_in(project.folder / "datapool/objects") == [*second[:8], *third]
