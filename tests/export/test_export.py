"""Exported samples: pictures in full size, and lists that the tools' documented formats allow."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import av
import jsonschema
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curation.buckets.objects import raw_objects
from curation.core.errors import OutputError, ParamsError
from curation.core.hashing import sha256_of_file
from curation.export.batches import Settings
from curation.export.format import COLUMNS, EXAMPLE, Listing
from curation.export.formats.coco import as_coco
from curation.export.formats.csv import HEADER, as_csv
from curation.export.formats.cvat import as_manifest, cvat_files
from curation.export.formats.fiftyone import as_fiftyone
from curation.export.formats.label_studio import as_interface, as_tasks, class_names
from curation.export.formats.registry import FORMATS
from curation.export.formats.yolo import as_yolo, as_yolo_dataset
from curation.export.images import NOT_WRITTEN, export_images, scaled_down, scaled_size, target_name, targets_of
from curation.export.listing import listing_of
from curation.export.location import parse_location
from curation.export.predictions import predictions_of
from curation.image.window import ValueWindows, Window
from curation.raw.pinned import Objects
from curation.workers.outcomes import Limits
from tests.media_files import picture, write_image, write_pages, write_video
from tests.object_files import raw_table

pytestmark = pytest.mark.usefixtures("in_one_process")

LIMITS = Limits(60, None)
TEXT, COUNT = {"type": "string", "minLength": 1}, {"type": "integer", "minimum": 1}


def an_object(properties: dict[str, object], *, more: bool = False) -> dict[str, object]:
    """Return the schema of an object that has all of these properties."""
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": more}


SCHEMAS: dict[str, dict[str, object]] = {
    # https://docs.cvat.ai/docs/dataset_management/dataset_manifest/, and what CVAT's own reader asks for
    "cvat": {
        "type": "array",
        "prefixItems": [an_object({"version": {"enum": ["1.0", "1.1"]}}), an_object({"type": {"const": "images"}})],
        "items": an_object(
            {"name": TEXT, "extension": {"type": "string", "pattern": r"^\.\w+$"}, "width": COUNT, "height": COUNT}
        ),
        "minItems": 3,
    },
    # https://labelstud.io/guide/tasks#Basic-Label-Studio-JSON-format
    "label-studio": {
        "type": "array",
        "items": an_object({"data": an_object({"image": TEXT}, more=True)}),
    },
    # https://docs.voxel51.com/user_guide/import_datasets.html#fiftyoneimageclassificationdataset
    "fiftyone": an_object(
        {
            "classes": {"type": "array", "items": TEXT, "uniqueItems": True},
            "labels": {"type": "object", "additionalProperties": {"type": ["integer", "null"], "minimum": 0}},
        }
    ),
}
"""The tools' documentation of those formats that no light library reads."""
FORMULA = "=1+1.png"


def written(picture_format: str = "original", size: int | None = None) -> Settings:
    return Settings(picture_format, size, ("mp4",), 10**6)  # type: ignore[arg-type]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    (folder / "city").mkdir(parents=True)
    write_image(folder / "city/a.jpg", 1, 60, 40)
    write_image(folder / "b.png", 2, 30, 50)
    write_video(folder / "drive.mp4", range(12))
    return folder


@pytest.fixture
def samples(raw: Path) -> pd.DataFrame:
    rows = [
        ("drive-07-mp4.png", "drive.mp4", 7, "", ""),
        ("city/a.jpg", "city/a.jpg", 0, "city", sha256_of_file(raw / "city/a.jpg")),
        ("drive-03-mp4.png", "drive.mp4", 3, "", ""),
        ("b.png", "b.png", 0, "", sha256_of_file(raw / "b.png")),
    ]
    table = pd.DataFrame(rows, columns=["filename", "raw_path", "frame", "label_name", "content_hash"])
    return table.assign(pixel_hash="", time_s=0.5, iteration=1, rank=range(4), label=0, width=60, height=40)


def listed(samples: pd.DataFrame, *classes: str) -> Listing:
    """Return samples as a list, with these classes or all their weak labels as such."""
    return listing_of(samples, list(samples["filename"]), classes or sorted({*samples["label_name"]} - {""}))


def with_columns(listing: Listing, name: str) -> Listing:
    return replace(listing, samples=listing.samples[list(FORMATS[name].columns)])


def export(samples: pd.DataFrame, raw: Path, folder: Path, form: Settings) -> dict[str, str]:
    return export_images(samples, raw, folder, form, workers=2, limits=LIMITS)


def test_grey_of_16_bits_keeps_its_values_as_png_and_is_seen_through_its_window_as_jpg(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "thermal").mkdir(parents=True)
    values = np.linspace(29_000, 33_000, 60 * 40).reshape(40, 60).astype(np.uint16)
    Image.fromarray(values).save(raw / "thermal" / "a.tif")
    row = {"filename": "thermal/a.tif", "raw_path": "thermal/a.tif", "frame": 0, "pixel_hash": "", "content_hash": ""}
    samples = pd.DataFrame([row])
    assert export(samples, raw, tmp_path / "png", written("png")) == {}
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "png/thermal/a.tif.png")), values)
    assert export(samples, raw, tmp_path / "small", written("png", 20)) == {}
    small = np.asarray(Image.open(tmp_path / "small/thermal/a.tif.png"))
    assert small.dtype == np.uint16
    assert abs(small.mean() - values.mean()) < 10
    windows = ValueWindows(known={("thermal", "uint16"): Window(29_000, 37_000)})
    assert export(samples, raw, tmp_path / "jpg", written("jpg")._replace(windows=windows)) == {}
    shown = np.asarray(Image.open(tmp_path / "jpg/thermal/a.tif.jpg").convert("L"))
    assert (shown.min(), round(shown.mean()), shown.max()) == (0, 64, 128)


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_no_samples_are_no_pictures(samples: pd.DataFrame, tmp_path: Path) -> None:
    assert export(samples.iloc[:0], tmp_path, tmp_path / "out", written()) == {}
    assert files_in(tmp_path / "out") == []


@pytest.mark.processes
def test_originals_are_copied_and_frames_are_lossless(samples: pd.DataFrame, raw: Path, tmp_path: Path) -> None:
    done = list[int]()
    failed = export_images(samples, raw, tmp_path / "out", written(), workers=1, limits=LIMITS, advance=done.append)
    assert failed == {}
    assert sum(done) == 4
    assert files_in(tmp_path / "out") == sorted(samples["filename"])
    for name in ("city/a.jpg", "b.png"):
        assert (tmp_path / "out" / name).read_bytes() == (raw / name).read_bytes()
    with Image.open(tmp_path / "out/drive-03-mp4.png") as third, Image.open(tmp_path / "out/drive-07-mp4.png") as last:
        assert third.format == "PNG"
        assert third.tobytes() != last.tobytes()


def test_pictures_are_scaled_to_the_short_side(samples: pd.DataFrame, raw: Path, tmp_path: Path) -> None:
    assert export(samples, raw, tmp_path / "out", written("jpg", 20)) == {}
    assert files_in(tmp_path / "out") == ["b.png.jpg", "city/a.jpg", "drive-03-mp4.jpg", "drive-07-mp4.jpg"]
    with Image.open(tmp_path / "out/city/a.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (30, 20))
    assert scaled_down(Image.new("RGB", (9, 7)), 20).size == (9, 7)
    assert (scaled_size(960, 540, 360), scaled_size(9, 7, 20), scaled_size(9000, 3, 1)) == (
        (640, 360),
        (9, 7),
        (3000, 1),
    )


@pytest.mark.parametrize(("name", "form"), [("a.tif", "original"), ("a.gif", "png"), ("a.png", "original")])
def test_pages_are_lossless_and_read_by_their_index(tmp_path: Path, name: str, form: str) -> None:
    write_pages(tmp_path / name, range(12))
    ending = name.removeprefix("a.")
    rows = [(f"a-{page:02d}-{ending}.png", name, page, "") for page in (0, 7, 11)]
    # The pixels of the last one are known to be others.
    samples = pd.DataFrame(rows, columns=["filename", "raw_path", "frame", "content_hash"])
    samples = samples.assign(pixel_hash=["", "", "0" * 32])
    failed = export(samples, tmp_path, tmp_path / "out", written(form))
    assert failed == {f"a-11-{ending}.png": f"{name} no longer holds these pixels"}
    assert files_in(tmp_path / "out") == [f"a-00-{ending}.png", f"a-07-{ending}.png"]
    for page in (0, 7):
        with Image.open(tmp_path / f"out/a-{page:02d}-{ending}.png") as image:
            np.testing.assert_array_equal(np.asarray(image), picture(page))
    assert export(samples[:2], tmp_path, tmp_path / "jpg", written("jpg")) == {}
    assert files_in(tmp_path / "jpg") == [f"a-00-{ending}.jpg", f"a-07-{ending}.jpg"]


def test_frames_of_16_bit_grey_keep_their_values(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(29_000, 31_000, (24, 32)).astype(np.uint16)
    with av.open(str(tmp_path / "heat.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "gray16le"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(values, format="gray16le")))
        container.mux(stream.encode(None))
    row = {"filename": "heat-0-mkv.png", "raw_path": "heat.mkv", "frame": 0, "content_hash": "", "pixel_hash": ""}
    table = pd.DataFrame([row])
    form = written()._replace(video_extensions=("mkv",))
    assert export(table, tmp_path, tmp_path / "out", form) == {}
    with Image.open(tmp_path / "out/heat-0-mkv.png") as picture:
        assert (picture.format, picture.mode) == ("PNG", "I;16")
        assert np.array_equal(np.asarray(picture), values)
    assert export(table, tmp_path, tmp_path / "small", form._replace(picture_format="png", size=12)) == {}
    with Image.open(tmp_path / "small/heat-0-mkv.png") as picture:
        assert (picture.mode, picture.size) == ("I;16", (16, 12))
    assert export(table, tmp_path, tmp_path / "jpg", form._replace(picture_format="jpg")) == {}


@pytest.mark.thorough
@pytest.mark.processes
def test_an_interrupted_export_goes_on(samples: pd.DataFrame, raw: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export(samples, raw, folder, written())
    (folder / "drive-07-mp4.png").unlink()
    (folder / "b.png").write_bytes(b"here already")
    (raw / "city/a.jpg").unlink()
    assert export(samples, raw, folder, written()) == {}
    assert (folder / "drive-07-mp4.png").is_file()
    assert (folder / "b.png").read_bytes() == b"here already"


def test_what_is_gone_or_changed_is_named_and_the_rest_is_written(
    samples: pd.DataFrame, raw: Path, tmp_path: Path
) -> None:
    (raw / "b.png").unlink()
    write_image(raw / "city/a.jpg", 9, 60, 40)
    wrong = samples.assign(pixel_hash=["0" * 32, "", "", ""])
    failed = export(wrong, raw, tmp_path / "out", written())
    assert list(failed) == ["b.png", "city/a.jpg", "drive-07-mp4.png"]
    assert "is not in" in failed["b.png"]
    assert "other content than when it was selected" in failed["city/a.jpg"]
    assert "no longer holds these pixels" in failed["drive-07-mp4.png"]
    assert files_in(tmp_path / "out") == ["drive-03-mp4.png"]


def test_a_name_of_255_bytes_is_written_and_one_that_is_too_long_costs_itself_alone(
    samples: pd.DataFrame, raw: Path, tmp_path: Path
) -> None:
    longest, too_long = f"{'n' * 251}.png", f"{'ä' * 126}.png"
    samples["filename"] = [f"{'n' * 244}.png", longest, too_long, "b.png"]
    failed = export(samples, raw, tmp_path / "out", written())
    assert list(failed) == [too_long]
    assert failed[too_long].startswith(NOT_WRITTEN)
    assert files_in(tmp_path / "out") == sorted({*samples["filename"]} - {too_long})


def test_a_folder_in_the_place_of_a_picture_costs_that_one(samples: pd.DataFrame, raw: Path, tmp_path: Path) -> None:
    (tmp_path / "out/drive-03-mp4.png").mkdir(parents=True)
    assert list(export(samples, raw, tmp_path / "out", written())) == ["drive-03-mp4.png"]


@pytest.mark.parametrize(
    ("name", "is_frame", "form", "target"),
    [
        ("x-1-mp4.png", True, "original", "x-1-mp4.png"),
        ("x-1-mp4.png", True, "jpg", "x-1-mp4.jpg"),
        ("a.JPEG", False, "jpg", "a.JPEG"),
        ("a.jpg", False, "png", "a.jpg.png"),
    ],
)
def test_names_stay_as_far_as_the_format_allows(name: str, is_frame: bool, form: str, target: str) -> None:
    assert target_name(name, is_frame=is_frame, picture_format=form) == target  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "x/../../a.png"])
def test_nothing_is_written_outside_of_the_folder(name: str) -> None:
    with pytest.raises(OutputError, match="is not a path inside the folder"):
        targets_of(pd.DataFrame({"filename": [name], "raw_path": [name]}), "png", ())


def test_two_samples_never_share_a_file() -> None:
    both = pd.DataFrame({"filename": ["a.jpg", "a.jpg.png"], "raw_path": ["a.jpg", "a.jpg.png"]})
    with pytest.raises(OutputError, match=r"two samples would both be written to 'a\.jpg\.png'"):
        targets_of(both, "png", ())


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_writes_the_example_that_it_states(name: str) -> None:
    form = FORMATS[name]
    files = list(form.files(with_columns(EXAMPLE, name), Path(form.target)))
    assert {file.path.as_posix(): file.text for file in files} == form.example
    assert len({file.path for file in files}) == len(files)


@pytest.mark.parametrize("name", FORMATS)
@given(st.integers(0, 5), st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_a_format_needs_no_more_than_it_says_and_changes_nothing(name: str, n: int, chance: Random) -> None:
    names = [f"{chance.choice(['', 'a/', './-'])}{number}.{chance.choice(['jpg', 'png'])}" for number in range(n)]
    rows = [(each, each, 0, None, 1, 0, 0, chance.choice(["", "a", '"b"']), 4, 3) for each in names]
    listing = with_columns(listed(pd.DataFrame(rows, columns=list(COLUMNS[:10])), "a", '"b"', "c"), name)
    before = listing.samples.copy()
    once, again = (list(FORMATS[name].files(listing, Path("to"))) for _ in range(2))
    assert once == again
    assert len({file.path for file in once}) == len(once)
    assert all(file.path.is_relative_to("to") and file.text.encode().decode() == file.text for file in once)
    pd.testing.assert_frame_equal(listing.samples, before)


def test_coco(samples: pd.DataFrame) -> None:
    content = json.loads(as_coco(listed(samples)))
    assert [image["id"] for image in content["images"]] == [1, 2, 3, 4]
    assert content["images"][1] == {"id": 2, "file_name": "city/a.jpg", "width": 60, "height": 40}
    assert content["categories"] == [{"id": 1, "name": "city", "supercategory": ""}]
    assert content["annotations"] == []


def test_coco_is_read_by_the_libraries_that_others_use(samples: pd.DataFrame, tmp_path: Path) -> None:
    from labelformat.formats.coco import COCOObjectDetectionInput
    from pycocotools.coco import COCO

    path = tmp_path / "selected.json"
    path.write_text(as_coco(listed(samples)))
    coco = COCO(str(path))
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == list(samples["filename"])
    assert coco.getAnnIds() == []
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == ["city"]
    found = COCOObjectDetectionInput(path)
    images = [(image.filename, image.width, image.height) for image in found.get_images()]
    assert images == list(zip(samples["filename"], samples["width"], samples["height"], strict=True))
    assert [len(labels.objects) for labels in found.get_labels()] == [0] * len(samples)


def test_label_studio_names_pictures_where_its_storages_find_them(samples: pd.DataFrame) -> None:
    names = ["a b.jpg", *samples["filename"][1:]]
    for place, image in (
        ("local-files:out", "/data/local-files/?d=out/a%20b.jpg"),
        ("s3://bucket/p", "s3://bucket/p/a b.jpg"),
        ("https://host", "https://host/a%20b.jpg"),
    ):
        listing = listing_of(samples, names, ["city"], images=parse_location(place))
        tasks = json.loads(as_tasks(listing))
        assert tasks[0] == {
            "data": {
                "image": image,
                "sample": "drive-07-mp4.png",
                "weak_label": "",
                "iteration": 1,
                "width": 60,
                "height": 40,
            }
        }
        assert len(tasks) == 4
    without_size = json.loads(as_tasks(listed(samples.assign(width=None))))
    assert list(without_size[0]["data"]) == ["image", "sample", "weak_label", "iteration"]
    with pytest.raises(OutputError, match=r"takes a \? in a bucket for the end of the name"):
        as_tasks(listing_of(samples, ["a?.jpg", *names[1:]], [], images=parse_location("s3://bucket")))


def test_label_studio_shows_what_a_model_predicts(samples: pd.DataFrame) -> None:
    rows = [
        ("b.png", "city", 0.25, None, None),
        ("city/a.jpg", "car", 0.75, [6, 4, 30, 10], None),
        ("city/a.jpg", "bus", 0.5, [0, 0, 120, 80], (120, 80)),
        ("elsewhere.jpg", "car", 0.9, None, None),
    ]
    ranked = pd.DataFrame(rows, columns=["filename", "class", "score", "bbox", "size"])
    sizes = dict.fromkeys(samples["filename"], (60, 40))
    listing = replace(listed(samples), predictions=predictions_of(ranked, sizes, "p.json"), model="p")
    tasks = json.loads(as_tasks(listing))
    assert ["predictions" in task for task in tasks] == [False, True, False, True]
    (found,) = tasks[1]["predictions"]
    assert (found["model_version"], found["score"]) == ("p", 0.75)
    assert found["result"][0] == {
        "id": "predicted-1",
        "from_name": "label",
        "to_name": "image",
        "original_width": 60,
        "original_height": 40,
        "image_rotation": 0,
        "type": "rectanglelabels",
        "value": {"x": 10, "y": 10, "width": 50, "height": 25, "rotation": 0, "rectanglelabels": ["car"]},
        "score": 0.75,
    }
    assert [found["result"][1]["value"][edge] for edge in ("x", "y", "width", "height")] == [0, 0, 100, 100]
    # Label Studio refuses what the interface does not name.
    root = ElementTree.fromstring(as_interface(class_names(listing)))
    for result in (each for task in tasks for one in task.get("predictions", []) for each in one["result"]):
        control = next(element for element in root if element.get("name") == result["from_name"])
        (named,) = result["value"][result["type"]]
        assert (control.tag.lower(), control.get("toName")) == (result["type"], result["to_name"])
        assert named in [element.get("value") for element in control]
    (whole,) = tasks[3]["predictions"]
    assert (whole["result"][0]["from_name"], whole["result"][0]["value"]) == ("choice", {"choices": ["city"]})
    assert class_names(listing) == ["city", "bus", "car"]


def test_the_label_studio_interface_names_everything_that_the_tasks_use() -> None:
    root = ElementTree.fromstring(as_interface(["<b> \"x\" & 'y'", "city"]))
    assert [element.get("value") for element in root.iter("Choice")] == ["<b> \"x\" & 'y'", "city"]
    assert {element.get("name") for element in root} == {"image", "choice", "label"}
    assert {element.get("toName") for element in root} == {None, "image"}


def test_a_box_that_is_none_is_told() -> None:
    ranked = pd.DataFrame([("a", "car", 0.5, [1, 2, 3], None)], columns=["filename", "class", "score", "bbox", "size"])
    with pytest.raises(ParamsError, match=r"p\.json: 'a': bbox \[1, 2, 3\] is not"):
        predictions_of(ranked, {"a": (4, 4)}, "p.json")


def test_cvat(samples: pd.DataFrame) -> None:
    text = as_manifest(listed(samples.assign(filename=["ä \u2028.png", *samples["filename"][1:]])))
    lines = [json.loads(line) for line in text.splitlines()]
    assert text.isascii()
    assert lines[:2] == [{"version": "1.1"}, {"type": "images"}]
    assert lines[3] == {"name": "city/a", "extension": ".jpg", "width": 60, "height": 40}
    assert lines[2]["name"] == "ä \u2028"
    assert [file.path.name for file in cvat_files(listed(samples), Path("x/m.jsonl"))] == ["m.jsonl"]
    with pytest.raises(OutputError, match=r"give x/manifest\.jsonl, or the folder x/m to get one"):
        cvat_files(listed(samples), Path("x/m.json"))


@pytest.mark.parametrize("kind", list(SCHEMAS))
def test_lists_are_what_the_tools_describe(kind: str, samples: pd.DataFrame) -> None:
    samples = samples.assign(filename=["./-rf.png", *samples["filename"][1:]])
    text = next(iter(FORMATS[kind].files(listed(samples), Path("list")))).text
    lines = text.splitlines() if kind == "cvat" else [text]
    jsonschema.validate([json.loads(line) for line in lines] if kind == "cvat" else json.loads(text), SCHEMAS[kind])
    assert "./" not in text or kind == "label-studio"


def test_two_pictures_that_fiftyone_cannot_tell_apart(samples: pd.DataFrame) -> None:
    with pytest.raises(OutputError, match="two samples would both be 'b' for FiftyOne"):
        as_fiftyone(listed(samples.assign(filename=["b.jpg", "c.png", "d.png", "b.png"])))


def test_fiftyone(samples: pd.DataFrame) -> None:
    content = json.loads(as_fiftyone(listed(samples)))
    assert content["classes"] == ["city"]
    assert content["labels"] == {"drive-07-mp4": None, "city/a": 0, "drive-03-mp4": None, "b": None}


def test_yolo(samples: pd.DataFrame) -> None:
    assert as_yolo(listed(samples)).splitlines()[1] == "./images/city/a.jpg"


def test_a_yolo_dataset_is_read_by_the_library_that_others_use(
    samples: pd.DataFrame, raw: Path, tmp_path: Path
) -> None:
    from labelformat.formats.yolov8 import YOLOv8ObjectDetectionInput

    folder = tmp_path / "dataset"
    export(samples, raw, folder / "images", written())
    (folder / "data.yaml").write_text(as_yolo_dataset(listed(samples, 'a: "b"', "city")))
    for split in ("train", "val"):
        dataset = YOLOv8ObjectDetectionInput(folder / "data.yaml", split)
        assert [(category.id, category.name) for category in dataset.get_categories()] == [(0, 'a: "b"'), (1, "city")]
        images = {image.filename: (image.width, image.height) for image in dataset.get_images()}
        assert sorted(images) == sorted(samples["filename"])
        assert images["city/a.jpg"] == (60, 40)
        assert list(dataset.get_labels()) == []
    # The list names the same files, seen from where it lies.
    lines = as_yolo(listed(samples)).splitlines()
    assert all((folder / line).is_file() for line in lines)
    assert as_yolo_dataset(listed(samples.assign(label_name=""))) == "train: images\nval: images\nnames: {}\n"


def test_csv_holds_no_formula(samples: pd.DataFrame) -> None:
    names = [FORMULA, 'a,"b\n.png', "c.png", "d.png"]
    text = as_csv(listed(samples.assign(filename=names, time_s=[0.25, float("nan"), 1, 2]), FORMULA))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == HEADER
    assert [row["filename"] for row in rows] == [f"'{FORMULA}", 'a,"b\n.png', "c.png", "d.png"]
    assert [row["time_s"] for row in rows][:2] == ["0.25", ""]


def test_objects_are_fetched_to_be_exported_and_one_that_is_gone_costs_its_samples(
    samples: pd.DataFrame, raw: Path, tmp_path: Path
) -> None:
    table = raw_table(tmp_path / "none", raw)
    objects = {found.path: found for found in raw_objects(table)}
    expected = export_images(samples, raw, tmp_path / "expected", written(), workers=1, limits=LIMITS)
    (raw / "b.png").unlink()
    out = tmp_path / "out"
    found = export_images(
        *(samples, tmp_path / "none", out, written()), workers=1, limits=LIMITS, objects=Objects(objects, 1)
    )
    assert (expected, found) == ({}, {"b.png": "b.png cannot be fetched: is gone from the bucket"})
    assert not list(out.glob(".*"))
    for name in samples["filename"]:
        assert name == "b.png" or (out / name).read_bytes() == (tmp_path / "expected" / name).read_bytes()
