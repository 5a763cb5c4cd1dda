"""Which boxes are cut out of which pictures, before the samples are known and afterwards."""

import numpy as np
import pandas as pd
import pytest

from curation.core.errors import ParamsError
from curation.core.kinds import IMAGE, PAGES, VIDEO
from curation.labels.crop_plan import MOST, Plan, Task, plan_crops
from curation.labels.given import SHARES, Given, Label
from curation.labels.objects import ObjectCrops, cut_in_words
from curation.tables.files import empty_frame
from curation.tables.objects import OBJECT_METADATA, OBJECTS

FILES = [("a.jpg", IMAGE), ("city/b.png", IMAGE), ("city/drive.mp4", VIDEO), ("other/drive.mp4", VIDEO)]
NONE = empty_frame(OBJECT_METADATA)
PROCESSED = pd.DataFrame({"filename": ["old/x.png"], "content_hash": ["X"], "frame": [0]})
BOX = (1.0, 2.0, 30.0, 40.0)


def task(*labels: Label, name: str = "cars") -> Task:
    return Task(name, f"{name}.json", Given(list(labels)))


def label(name: str, score: float | None = 0.5, category: str = "car") -> Label:
    return Label(name, category, BOX, None, score)


def places(plan: Plan) -> dict[str, dict[int, int]]:
    """Return how many boxes are wanted of each picture, by path and frame."""
    return {
        path: {frame: len(wanted) for frame, wanted in frames.items()} for path, frames in sorted(plan.boxes.items())
    }


def crops(plan: Plan, filenames: dict[tuple[str, int], str]) -> pd.DataFrame:
    """Return the crops of all boxes of some pictures that became samples."""
    rows = [
        (filename, "C", frame, "p", box.key, 1, 2, 30, 40, "shard", f"{box.key}.jpg")
        for (path, frame), filename in filenames.items()
        for box in plan.boxes.get(path, {}).get(frame, ())
    ]
    columns = [*OBJECT_METADATA.names[:1], "content_hash", "frame", "pixel_hash", "key", "left", "top", "width"]
    return pd.DataFrame(rows, columns=[*columns, "height", "shard", "member"])


def test_names_of_frames_find_their_video_whatever_the_width_of_their_number() -> None:
    given = task(
        label("a.jpg"),
        label("city/drive-0007-mp4.png"),
        label("city/drive-12-mp4"),
        label("city\\drive-013-mp4.jpg"),
        label("drive-3-mp4.png"),  # may be of either video
        label("nowhere.jpg"),
        label("b.png"),
    )
    assert places(plan_crops([given], FILES, {}, PROCESSED, NONE)) == {
        "a.jpg": {0: 1},
        "city/b.png": {0: 1},
        "city/drive.mp4": {7: 1, 12: 1, 13: 1, 3: 1},
        "other/drive.mp4": {3: 1},
    }


def test_names_of_pages_find_their_file() -> None:
    given = task(label("cells/stack-0007-tif.png"), label("stack-1-tif.png"), label("cells/stack.tif"))
    plan = plan_crops([given], [("cells/stack.tif", PAGES), ("a.tif", IMAGE)], {}, PROCESSED, NONE)
    assert places(plan) == {"cells/stack.tif": {7: 1, 1: 1}}


def test_the_samples_decide_whose_objects_the_crops_show() -> None:
    given = task(label("city/drive-007-mp4.png"), label("drive-3-mp4.png"), label("b.png", None), label("gone.jpg"))
    objects = ObjectCrops([given], PROCESSED, NONE)
    objects(FILES, {})
    names = {
        ("city/b.png", 0): "city/b.png",
        ("city/drive.mp4", 7): "city/drive-007-mp4.png",
        ("city/drive.mp4", 3): "city/drive-003-mp4.png",
        ("other/drive.mp4", 3): "other/drive-3-mp4.png",
    }
    found = objects.found(crops(objects._plan, names), set(names.values()))
    # The name is that of the second video's frame, but for its folder; that of the first one's has zeros in front.
    assert found.table["filename"].tolist() == ["city/b.png", "city/drive-007-mp4.png", "other/drive-3-mp4.png"]
    assert np.isnan(found.table["score"].iloc[0])
    assert found.table.columns.tolist() == OBJECTS.names
    (told,) = objects.told(found)
    assert told.startswith("cars.json: 3 of 4 names are samples")
    assert cut_in_words(found.table) == "; 3 objects cut out of 3 samples"


def test_the_objects_with_the_highest_scores_count_up_to_a_number() -> None:
    labels = [label("a.jpg", score / 1000, f"class {score}") for score in range(MOST + 20)]
    labels += [label("a.jpg", 0.9, "first"), label("a.jpg", 0.9, "second")]
    objects = ObjectCrops([task(*labels)], PROCESSED, NONE)
    objects(FILES, {})
    found = objects.found(crops(objects._plan, {("a.jpg", 0): "a.jpg"}), {"a.jpg"})
    assert found.table["number"].tolist() == list(range(MOST))
    assert found.table["category"].tolist()[:3] == ["first", "second", f"class {MOST + 19}"]
    assert (found.left_out, found.not_cut) == (22, 0)
    assert objects.told(found) == ["22 boxes of objects were left out: of each picture 100 at most are taken"]
    nothing = objects.found(crops(objects._plan, {}), {"a.jpg"})
    assert nothing.not_cut == MOST
    assert "100 boxes of objects were not cut out" in objects.told(nothing)[0]


def test_a_crop_does_not_hang_on_what_else_the_file_says() -> None:
    shares = Label("a.jpg", "car", (0.1, 0.1, 0.5, 0.5), SHARES)
    (wanted,) = plan_crops([task(shares)], FILES, {}, PROCESSED, NONE).boxes["a.jpg"][0]
    assert (wanted.box, wanted.extent) == ((0.1, 0.1, 0.5, 0.5), SHARES)


def test_decoded_again_samples_have_the_boxes_that_the_base_knows_unless_they_are_predicted_anew() -> None:
    processed = pd.DataFrame({"filename": ["x.png", "y.png"], "content_hash": ["X", "Y"], "frame": [0, 0]})
    rows = [
        {"filename": name, "task": name_of_task, "number": 0, "category": "car", "score": 0.5, "left": 1, "top": 2}
        | {"width": 30, "height": 40, "content_hash": content, "frame": 0, "pixel_hash": "p"}
        for name, content in (("x.png", "X"), ("y.png", "Y"))
        for name_of_task in ("cars", "another")
    ]
    recorded = pd.DataFrame(rows)
    objects = ObjectCrops([task(label("y.png", category="bus"))], processed, recorded)
    objects([], {"X": "moved/x.png", "Y": "y.png"})
    assert places(objects._plan) == {"moved/x.png": {0: 1}, "y.png": {0: 2}}
    found = objects.found(
        crops(objects._plan, {("moved/x.png", 0): "x.png", ("y.png", 0): "y.png"}), {"x.png", "y.png"}
    )
    assert found.table[["filename", "category"]].to_numpy().tolist() == [["x.png", "car"], ["y.png", "bus"]]
    assert found.not_cut == 0
    assert plan_crops([task(label("y.png"))], [("y.png", IMAGE)], {}, processed, recorded).boxes.keys() == {"y.png"}


def test_predictions_that_are_of_no_use_are_told_before_anything_is_decoded() -> None:
    with pytest.raises(ParamsError, match=r"cars\.json has no box, so cars has no objects to embed"):
        plan_crops([task(Label("a.jpg", "car"))], FILES, {}, PROCESSED, NONE)
    with pytest.raises(ParamsError, match=r"0 of 1 names are samples.*Name pictures by their paths below data/raw"):
        plan_crops([task(label("other.jpg"))], FILES, {}, PROCESSED, NONE)
    assert plan_crops([task(label("x.png"))], FILES, {}, PROCESSED, NONE).boxes == {}  # a sample of the base
    assert ObjectCrops([], PROCESSED, NONE)(FILES, {}) == {}
