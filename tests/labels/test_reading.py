"""Labels and predictions in the formats of the tools that write them."""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest

from curation.labels.formats.registry import LABEL_FORMATS, reference
from curation.labels.given import Given, Label, LabelFileError
from curation.labels.matching import match_names
from curation.labels.reading import format_of, read_labels
from curation.labels.samples import label_table
from curation.labels.source import Source

SIZES = {"city/a.jpg": (640.0, 480.0), "drive-07-mp4.png": (1920.0, 1080.0)}


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files, and return the one, or the folder of several."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder / next(iter(files)) if len(files) == 1 else folder


def rows_of(given: Given) -> list[tuple[object, ...]]:
    """Return sample, class and box in pixels of each label of the examples."""
    table = label_table(given, match_names(given.names, SIZES).samples, SIZES)
    columns = ["sample", "category", "x", "y", "width", "height"]
    return [
        tuple(None if value != value else value for value in row)  # NaN
        for row in table.sort_values("sample")[columns].round(6).itertuples(index=False)
    ]


BOXES = [("city/a.jpg", "car", 64, 48, 128, 96), ("drive-07-mp4.png", "bus", 192, 108, 384, 216)]
CLASSES = [("city/a.jpg", "car", *[None] * 4), ("drive-07-mp4.png", "bus", *[None] * 4)]


@pytest.mark.parametrize("name", LABEL_FORMATS)
def test_a_format_reads_the_example_that_it_states(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, LABEL_FORMATS[name].example)
    given = read_labels(path)
    assert format_of(Source(path)) == name
    assert given == read_labels(path, name)
    tables = {"csv": CLASSES, "probabilities": [CLASSES[0], ("drive-07-mp4.png", "car", *[None] * 4)]}
    assert rows_of(given) == tables.get(name, BOXES)
    scores = [label.score for label in sorted(given.labels)]
    assert scores == (
        [None, None] if name in ("cvat", "imagefolder", "label-studio", "label-studio-csv", "voc") else [0.75, 0.5]
    )
    assert f"## {name}\n" in reference()


@pytest.mark.parametrize("name", LABEL_FORMATS)
def test_a_zip_archive_is_read_as_the_folder_in_it(name: str, tmp_path: Path) -> None:
    if any(path.endswith(".csv") for path in LABEL_FORMATS[name].example):
        pytest.skip("a table is one file")
    expected = read_labels(written(tmp_path / "folder", LABEL_FORMATS[name].example))
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images/city/a.jpg", b"no picture")
        archive.writestr("__MACOSX/._labels.json", b"\0")
        for path, content in LABEL_FORMATS[name].example.items():
            archive.writestr(path, content)
    assert rows_of(read_labels(tmp_path / "all.zip")) == rows_of(expected)


@pytest.mark.parametrize(
    ("name", "form", "labels", "pictures"),
    [
        ("coco_full.json", "coco", 90, 30),
        ("cvat_coco.zip", "coco", 90, 30),
        ("ls_coco_result.json", "coco", 15, 15),
        ("ultra_predictions.json", "coco", 30, 30),
        ("cvat.xml", "cvat", 30, 30),
        ("fo_cls.json", "fiftyone", 30, 30),
        ("fo_det.json", "fiftyone", 30, 30),
        ("lightly/det", "lightly", 30, 30),
        ("ls.csv", "label-studio-csv", 15, 15),
        ("ls.json", "label-studio", 15, 15),
        ("probs.csv", "probabilities", 30, 30),
        ("yolo", "yolo", 60, 30),
    ],
)
def test_files_as_the_tools_wrote_them(name: str, form: str, labels: int, pictures: int, shared_data: Path) -> None:
    folder = shared_data / "predictions_formats"
    if not folder.is_dir():
        pytest.skip("predictions_formats is not there")
    samples = set(read_labels(folder / "coco_full.json").names)
    given = read_labels(folder / name)
    assert format_of(Source(folder / name)) == form
    assert (len(given.labels), len(given.names)) == (labels, pictures)
    match = match_names(given.names, samples)
    assert (len(match.samples), match.ambiguous, match.unmatched) == (pictures, {}, ())


# ---- by the libraries of others


BY_HAND = {
    "city/a.jpg": ((640, 480), [("car", (64.0, 48.0, 128.0, 96.0), 0.75)]),
    "drive-07-mp4.png": ((1920, 1080), [("bus", (192.0, 108.0, 384.0, 216.0), 0.5)]),
}


def test_what_labelformat_writes_is_read(tmp_path: Path) -> None:
    from labelformat.formats.coco import COCOObjectDetectionOutput
    from labelformat.formats.lightly import LightlyObjectDetectionOutput
    from labelformat.formats.pascalvoc import PascalVOCObjectDetectionOutput
    from labelformat.formats.yolov8 import YOLOv8ObjectDetectionOutput
    from labelformat.model.bounding_box import BoundingBox, BoundingBoxFormat
    from labelformat.model.category import Category
    from labelformat.model.image import Image
    from labelformat.model.object_detection import ImageObjectDetection, ObjectDetectionInput, SingleObjectDetection

    categories = {"car": Category(0, "car"), "bus": Category(1, "bus")}

    class Labels(ObjectDetectionInput):
        @staticmethod
        def add_cli_arguments(parser: object) -> None: ...

        def get_categories(self) -> Iterable[Category]:
            return categories.values()

        def get_images(self) -> Iterable[Image]:
            return [Image(row, name, *size) for row, (name, (size, _)) in enumerate(BY_HAND.items())]

        def get_labels(self) -> Iterable[ImageObjectDetection]:
            for image, (_, objects) in zip(self.get_images(), BY_HAND.values(), strict=True):
                yield ImageObjectDetection(
                    image,
                    [
                        SingleObjectDetection(
                            categories[name], BoundingBox.from_format(list(box), BoundingBoxFormat.XYWH), score
                        )
                        for name, box, score in objects
                    ],
                )

    for folder in ("voc/city", "lightly/task/city"):
        (tmp_path / folder).mkdir(parents=True)
    COCOObjectDetectionOutput(tmp_path / "coco.json").save(Labels())
    YOLOv8ObjectDetectionOutput(tmp_path / "yolo/data.yaml", "train").save(Labels())
    PascalVOCObjectDetectionOutput(tmp_path / "voc").save(Labels())
    LightlyObjectDetectionOutput(tmp_path / "lightly/task").save(Labels())
    for name, form in (("coco.json", "coco"), ("yolo", "yolo"), ("voc", "voc"), ("lightly/task", "lightly")):
        assert format_of(Source(tmp_path / name)) == form
        assert rows_of(read_labels(tmp_path / name)) == BOXES, name


def test_masks_and_results_of_pycocotools(tmp_path: Path) -> None:
    from pycocotools import mask as masks

    rng = np.random.default_rng(0)
    sizes = [(5, 7), (1, 1), (40, 3), (17, 90)]
    pictures = [(rng.random(size) > 0.7).astype(np.uint8) for size in sizes] + [np.ones((4, 3), np.uint8)]
    for rows, columns, fill in (((2, 5), (1, 3), (9, 8)), ((0, 9), (7, 8), (9, 8)), ((3, 4), (0, 8), (9, 8))):
        picture = np.zeros(fill, np.uint8)
        picture[slice(*rows), slice(*columns)] = 1
        pictures.append(picture)
    encoded = [masks.encode(np.asfortranarray(picture)) for picture in pictures]
    names = [f"{number}.png" for number in range(len(pictures))]
    dataset = {
        "images": [
            {"id": 7 + number, "file_name": name, "height": picture.shape[0], "width": picture.shape[1]}
            for number, (name, picture) in enumerate(zip(names, pictures, strict=True))
        ],
        "categories": [{"id": 3, "name": "car"}],
        "annotations": [],
    }
    results = [
        {
            "image_id": 7 + number,
            "category_id": 3,
            "segmentation": {"size": each["size"], "counts": each["counts"].decode()},
            "score": 0.5,
        }
        for number, each in enumerate(encoded)
    ]
    (tmp_path / "dataset.json").write_text(json.dumps(dataset))
    (tmp_path / "results.json").write_text(json.dumps(results))
    found = read_labels(tmp_path)
    assert [label.name for label in found.labels] == names
    for label, each in zip(found.labels, encoded, strict=True):
        expected = masks.toBbox(each).tolist()
        assert label.box == (tuple(expected) if expected[2] else None)
    with pytest.raises(LabelFileError, match="image_id are numbers, which only its dataset explains"):
        read_labels(tmp_path / "results.json")


# ---- one format after the other


def read_text(tmp_path: Path, name: str, text: str) -> Given:
    return read_labels(written(tmp_path, {name: text}))


def test_yolo_lines(tmp_path: Path) -> None:
    files = {
        "data.yaml": "train: images/train\nval: images/val\nnames: [car, bus]\n",
        "labels/train/a.txt": "0 0.5 0.5 0.2 0.4\n1 0.5 0.5 0.2 0.4 0.9\n",
        "labels/val/b.txt": "1 0.1 0.1 0.5 0.2 0.3 0.6\n1 0.1 0.1 0.5 0.2 0.3 0.6 0.8\n",
        "labels/val/nothing.txt": "",
        "labels/val/not-looked-at.txt": "\n",
        "readme.txt": "no labels",
    }
    given = read_labels(written(tmp_path, files))
    found = [(one.name, one.category, tuple(np.round(one.box or (), 6)), one.score) for one in given.labels]
    assert found == [
        ("a", "car", (0.4, 0.3, 0.2, 0.4), None),
        ("a", "bus", (0.4, 0.3, 0.2, 0.4), 0.9),
        ("b", "bus", (0.1, 0.1, 0.4, 0.5), None),
        ("b", "bus", (0.1, 0.1, 0.4, 0.5), 0.8),
    ]
    assert (given.empty, given.classes) == (["nothing"], ("car", "bus"))
    (tmp_path / "labels/train/a.txt").write_text("2 0.5 0.5 0.2 0.4\n")
    with pytest.raises(LabelFileError, match=r"labels/train/a\.txt, line 1: there is no name for class 2; there are 2"):
        read_labels(tmp_path)
    (tmp_path / "labels/train/a.txt").write_text("0 0.5 0.5 0.2\n")
    with pytest.raises(LabelFileError, match="is not the number of a class and its box"):
        read_labels(tmp_path)


def test_yolo_keypoints_classes_and_classifiers(tmp_path: Path) -> None:
    pose = written(tmp_path / "pose", {"data.yaml": "kpt_shape: [2, 3]\nnames: {0: person}\n", "labels/a.txt": ""})
    (pose / "labels/a.txt").write_text("0 0.5 0.5 0.2 0.2 1 1 2 1 1 2 0.7\n0 0.5 0.5 0.2 0.2 1 1 2 1 1 2\n")
    assert [(one.category, one.score) for one in read_labels(pose).labels] == [("person", 0.7), ("person", None)]
    classes = written(tmp_path / "cvat", {"obj.names": "car\n", "obj_train_data/city/a.txt": "0 0.5 0.5 0.2 0.2\n"})
    assert [(one.name, one.category) for one in read_labels(classes).labels] == [("city/a", "car")]
    given = read_text(tmp_path, "classify/a.txt", "0.83 sea lion\n0.10 cat\n")
    assert given.labels == [Label("a", "sea lion", score=0.83), Label("a", "cat", score=0.1)]


def test_cvat_shapes(tmp_path: Path) -> None:
    shapes = (
        '<box label="car" xtl="10" ytl="20" xbr="30" ybr="60" rotation="90"/>'
        '<polygon label="bus" points="1,2;5,2;3,9"/><mask label="bus" left="4" top="5" width="6" height="7" rle="1"/>'
        '<ellipse label="car" cx="10" cy="20" rx="5" ry="8"/><tag label="night"/>'
        '<polyline label="lane" points="0,0;1,1"/>'
    )
    text = f'<annotations><image id="0" name="a.jpg" width="100" height="80">{shapes}</image><image name="b.jpg"/>'
    given = read_text(tmp_path, "a.xml", text + "</annotations>")
    assert [(one.category, one.box and tuple(np.round(one.box, 6))) for one in given.labels] == [
        ("car", (0, 30, 40, 20)),
        ("bus", (1, 2, 4, 7)),
        ("bus", (4, 5, 6, 7)),
        ("car", (5, 12, 10, 16)),
        ("night", None),
    ]
    assert given.left_out == {"polylines": 1}
    with pytest.raises(LabelFileError, match="CVAT for video"):
        read_text(tmp_path, "a.xml", '<annotations><track id="0"/></annotations>')


def test_label_studio_annotations(tmp_path: Path) -> None:
    def region(kind: str, **value: object) -> dict[str, object]:
        return {"original_width": 200, "original_height": 100, "type": kind, "value": value}

    box = {"x": 50, "y": 50, "width": 10, "height": 10, "rectanglelabels": ["car"]}
    tasks = [
        {
            "data": {"image": "/data/upload/3/1a2b3c4d-a%20b.jpg"},
            "annotations": [
                {"updated_at": "2", "result": [region("rectanglelabels", **box, rotation=90)]},
                {"updated_at": "3", "was_cancelled": True, "result": []},
                {"updated_at": "1", "result": []},
            ],
        },
        {
            "data": {"image": "s3://bucket/p/b.jpg"},
            "annotations": [{"result": [region("choices", choices=["x", "y"])]}],
        },
        {"data": {"image": "https://host/p/c%20d.jpg?t=1"}, "annotations": [{"result": []}]},
        {"data": {"picture": "e.png", "text": "t"}, "annotations": [], "predictions": [{"result": [], "score": 1}]},
        {
            "data": {"image": "f.png"},
            "annotations": [
                {
                    "result": [
                        region("polygonlabels", points=[[10, 10], [30, 20], [20, 50]], polygonlabels=["bus"]),
                        region("ellipselabels", x=50, y=50, radiusX=10, radiusY=20, ellipselabels=["bus"]),
                        region("brushlabels", rle=[1], brushlabels=["bus"]),
                    ]
                }
            ],
        },
    ]
    given = read_text(tmp_path, "a.json", json.dumps(tasks))
    found = [(one.name, one.category, one.box and tuple(np.round(one.box, 6))) for one in given.labels]
    assert found == [
        # Turned around its upper left corner in pixels (100, 50): from 20 x 10 to the 10 x 20 left of it.
        ("a b.jpg", "car", (45, 50, 5, 20)),
        ("f.png", "bus", (10, 10, 20, 40)),
        ("f.png", "bus", (40, 30, 20, 40)),
        ("p/b.jpg", "x", None),
        ("p/b.jpg", "y", None),
    ]
    assert given.empty == ["/p/c d.jpg"]
    assert given.left_out == {"brush masks": 1, "annotations beside a later one of the same picture": 1}
    assert not given.is_predicted
    predicted = [
        {"data": {"image": "a.jpg"}, "predictions": [{"score": 0.5, "result": [region("choices", choices=["x"])]}]}
    ]
    given = read_text(tmp_path, "a.json", json.dumps(predicted))
    assert given.is_predicted
    assert given.labels == [Label("a.jpg", "x", score=0.5)]


def test_label_studio_rows(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "annotation_id": 1, "image": "a.jpg", "weak_label": "city", "choice": "night", "updated_at": "1"},
        {"id": 2, "annotation_id": 2, "image": "b.jpg", "choice": {"choices": ["day", "rain"]}, "updated_at": "1"},
        {"id": 1, "annotation_id": 3, "image": "a.jpg", "weak_label": "city", "choice": "dawn", "updated_at": "2"},
    ]
    given = read_text(tmp_path, "a.json", json.dumps(rows))
    assert [label[:2] for label in given.labels] == [("a.jpg", "dawn"), ("b.jpg", "day"), ("b.jpg", "rain")]
    text = "id,annotation_id,image,choice,weak_label\n1,1,a.jpg,night,city\n2,,b.jpg,,city\n3,2,c.jpg,,city\n"
    given = read_text(tmp_path, "a.csv", text)
    assert [label[:2] for label in given.labels] == [("a.jpg", "night")]
    assert given.empty == ["c.jpg"]


def test_fiftyone_and_voc_without_labels(tmp_path: Path) -> None:
    content = {"classes": ["a", "b"], "labels": {"x": 1, "y": None, "z": {"label": "c", "confidence": 0.5}}}
    given = read_text(tmp_path, "labels.json", json.dumps(content))
    assert given.labels == [Label("x", "b"), Label("z", "c", score=0.5)]
    with pytest.raises(LabelFileError, match="'x': its label 2 is none of its classes"):
        read_text(tmp_path, "labels.json", json.dumps({"classes": ["a", "b"], "labels": {"x": 2}}))
    with pytest.raises(LabelFileError, match="no annotation in it has an object"):
        read_text(tmp_path, "a.xml", "<annotation><filename>a.jpg</filename></annotation>")


def test_metadata_of_an_image_folder(tmp_path: Path) -> None:
    lines = '{"file_name": "images/a.jpg", "label": "city"}\n{"file_name": "b", "sample": "x/b.jpg", "label": null}\n'
    given = read_text(tmp_path, "metadata.jsonl", lines)
    assert given.labels == [Label("images/a.jpg", "city")]
    for line, message in (
        ("[1]", "line 1: this is no JSON object with a file_name"),
        ('{"file_name": "a", "objects": {"bbox": [[1, 2, 3, 4]]}}', "its objects have 1 boxes and 0 classes"),
    ):
        with pytest.raises(LabelFileError, match=message):
            read_text(tmp_path, "metadata.jsonl", line)


def test_voc_with_numbers_for_names_is_not_taken_for_yolo(tmp_path: Path) -> None:
    files = {
        "Annotations/000012.xml": LABEL_FORMATS["voc"].example["dataset/Annotations/city/a.xml"],
        "ImageSets/Main/car_trainval.txt": "000012 -1\n",
    }
    assert format_of(Source(written(tmp_path, files))) == "voc"


def test_tables(tmp_path: Path) -> None:
    given = read_text(tmp_path, "a.csv", "filename;car;bus\na.jpg;0,25;0,75\n")
    assert given.labels == [Label("a.jpg", "bus", score=0.75, probabilities=(0.25, 0.75))]
    with pytest.raises(LabelFileError, match=r"'a\.jpg' are no probabilities that sum to 1 \(score, other: 0\.5, 3\)"):
        read_text(tmp_path, "a.csv", "filename,score,other\na.jpg,0.5,3\n")
    given = read_text(
        tmp_path, "a.csv", "filename,class_name,sample\na.png,car,city/a.jpg\nb.png,,b.jpg\n'=c,'=x,'=c\n"
    )
    assert given.labels == [Label("city/a.jpg", "car"), Label("'=c", "=x")]


# ---- what is wrong


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"[" * 100_000, "cannot be read as JSON"),
        ("a.json", b'{"images": [{"id": [], "file_name": 1}], "categories": [], "annotations": []}', "not a COCO file"),
        ("a.json", b'[{"image_id": "a", "category_id": 1, "bbox": [0, 0, -1, 1]}]', "a width or height below 0"),
        ("a.json", b'[{"image_id": "a", "category_id": 1, "bbox": [0, 0, NaN, 1]}]', "not a finite number"),
        (
            "a.json",
            b'[{"image_id": "a", "category_id": 1, "segmentation": {"size": [2, 2], "counts": "z"}}]',
            "no mask",
        ),
        ("a.json", b'[{"image_id": "a", "category_id": 1, "segmentation": [["x", 1]]}]', "damaged"),
        ("a.json", b"\xff\xfe\xff", "cannot be read"),
        ("a.json", b"[]", "in no format that is known"),
        ("a.xml", b"<annotations><image/></annotations>", "an <image> has no name"),
        ("a.xml", b"<annotations><image>", "cannot be read as XML"),
        ("a.xml", b"<annotations>" + b"<g>" * 200, "nested too deeply"),
        ("a.xml", b'<!DOCTYPE a [<!ENTITY e "x">]><annotations/>', "declares a document type or entities"),
        (
            "a.xml",
            b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><annotations/>',
            "declares a document type or entities",
        ),
        ("a.xml", b'<?xml version="1.0" encoding="none"?><annotations/>', "cannot be read as XML"),
        ("a.csv", b"\0\0", "cannot be read"),
        ("a.csv", b"filename,score\na,1\n", "in no format that is known"),
        ("a.csv", b"filename,class,score\na,b,c\n", "a score of 'a' is not a finite number"),
        ("a.zip", b"PK\5\6" + b"\0" * 18, "in no format that is known"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0", "cannot be read"),
    ],
)
def test_hostile_files_cost_one_clear_error(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LabelFileError, match=message):
        read_labels(tmp_path / name)


def test_what_is_read_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.labels.source.LARGEST_BYTES", 1000)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b" " * 1_000_000)
    (tmp_path / "a.zip").write_bytes(bomb.getvalue())
    with pytest.raises(LabelFileError, match="holds more than"):
        read_labels(tmp_path / "a.zip")
    (tmp_path / "a.zip").write_bytes(bomb.getvalue()[:40] + b"\0" * 10 + bomb.getvalue()[50:])
    with pytest.raises(LabelFileError, match=r"cannot be read|holds more"):
        read_labels(tmp_path / "a.zip")
    with pytest.raises(LabelFileError, match="there is no such file or folder"):
        read_labels(tmp_path / "lost.json")


def test_a_file_that_is_read_twice_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.labels.source.LARGEST_BYTES", 5)
    source = Source(written(tmp_path, {"a.txt": "123", "b.txt": "45", "c.txt": "6"}))
    assert [source.read(name) for name in ("a.txt", "a.txt", "b.txt", "a.txt")] == [b"123", b"123", b"45", b"123"]
    with pytest.raises(LabelFileError, match="holds more than"):
        source.read("c.txt")


def test_two_formats_in_one_folder_are_told(tmp_path: Path) -> None:
    for name in ("coco", "yolo"):
        written(tmp_path, LABEL_FORMATS[name].example)
    with pytest.raises(LabelFileError, match="it may be coco or yolo: name the folder or file of one format alone"):
        read_labels(tmp_path)
    assert rows_of(read_labels(tmp_path, "coco")) == BOXES
