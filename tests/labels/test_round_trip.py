"""Export, label with the tool's own library where it is installed, import: the labels are those that were made."""

import csv
import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from ruamel.yaml import YAML

from curation.export.format import COLUMNS, Listing
from curation.export.formats.registry import FORMATS
from curation.export.images import scaled_size, targets_of
from curation.export.listing import listing_of
from curation.export.location import parse_location
from curation.labels.matching import match_names
from curation.labels.reading import read_labels
from curation.labels.samples import label_table
from curation.labels.stored import Annotation, as_coco, from_coco, labelled_by

ROWS = [("city/a.tif", "city/a.tif", "city"), ("night/drive-07-mp4.png", "night/drive.mp4", ""), ("b.jpg", "b.jpg", "")]
SIZES = {"city/a.tif": (640, 480), "night/drive-07-mp4.png": (1920, 1080), "b.jpg": (320, 240)}
OTHERS = {"x/b.png", "night/drive-08-mp4.png"}
SHARES = (0.1, 0.2, 0.25, 0.5)
CLASS_OF = {"city/a.tif": "city", "night/drive-07-mp4.png": "bus"}


def exported(name: str, folder: Path) -> Listing:
    """Export as JPEG with a short side of 240 pixels, and return what was listed."""
    rows = [(*row[:2], 0, None, 1, 0, 0, row[2], *SIZES[row[0]]) for row in ROWS]
    samples = pd.DataFrame(rows, columns=list(COLUMNS[:10]))
    names = targets_of(samples, "jpg", ("mp4",))
    place = parse_location("local-files:my pictures") if name == "label-studio" else None
    listing = listing_of(samples, names, ("bus", "city"), images=place, scale=partial(scaled_size, size=240))
    for file in FORMATS[name].files(listing, folder / FORMATS[name].target):
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_text(file.text)
    return listing


def pictures(listing: Listing) -> list[tuple[str, str, str, float, float]]:
    """Return of each picture that is labelled: name, place, class, width and height."""
    rows = listing.samples[listing.samples["sample"].isin(CLASS_OF)]
    return [
        (name, location, CLASS_OF[sample], width, height)
        for name, location, sample, width, height in zip(
            rows["filename"], rows["location"], rows["sample"], rows["width"], rows["height"], strict=True
        )
    ]


def box(width: float, height: float) -> list[float]:
    return [SHARES[0] * width, SHARES[1] * height, SHARES[2] * width, SHARES[3] * height]


def by_pycocotools(listing: Listing, folder: Path) -> Path:
    from pycocotools.coco import COCO

    dataset = COCO(str(next((folder / "dataset").rglob("*.json"))))
    numbers = {each["name"]: each["id"] for each in dataset.loadCats(dataset.getCatIds())}
    images = {each["file_name"]: each["id"] for each in dataset.loadImgs(dataset.getImgIds())}
    results = [
        {"image_id": images[name], "category_id": numbers[category], "bbox": box(width, height), "score": 0.5}
        for name, _, category, width, height in pictures(listing)
    ]
    (folder / "labelled.json").write_text(json.dumps(dataset.loadRes(results).dataset))
    return folder / "labelled.json"


def by_elements(listing: Listing, folder: Path) -> Path:
    for name, _, category, width, height in pictures(listing):
        path = (folder / "dataset/Annotations" / name).with_suffix(".xml")
        tree = ElementTree.parse(path)
        item = ElementTree.SubElement(tree.getroot(), "object")
        ElementTree.SubElement(item, "name").text = category
        edges = ElementTree.SubElement(item, "bndbox")
        left, top, wide, high = box(width, height)
        for edge, value in (("xmin", left), ("ymin", top), ("xmax", left + wide), ("ymax", top + high)):
            ElementTree.SubElement(edges, edge).text = str(value)
        tree.write(path)
    return folder / "dataset"


def by_yolo(listing: Listing, folder: Path) -> Path:
    folder /= "dataset"
    names = YAML(typ="safe", pure=True).load((folder / "data.yaml").read_text())["names"]
    for name, _, category, *_ in pictures(listing):
        number = next(number for number, each in names.items() if each == category)
        path = (folder / "labels" / name).with_suffix(".txt")
        assert path.is_file()
        path.write_text(f"{number} {SHARES[0] + SHARES[2] / 2} {SHARES[1] + SHARES[3] / 2} {SHARES[2]} {SHARES[3]}\n")
    return folder


def by_label_studio(listing: Listing, folder: Path) -> Path:
    tasks = json.loads((folder / "labelling/tasks.json").read_text())
    of_place = {location: (category, *size) for _, location, category, *size in pictures(listing)}
    for task in tasks:
        task["annotations"] = []
        del task["data"]["sample"]  # so that the place of the picture has to do
        if task["data"]["image"] in of_place:
            category, width, height = of_place[task["data"]["image"]]
            value: dict[str, object] = {
                edge: 100 * share for edge, share in zip(("x", "y", "width", "height"), SHARES, strict=True)
            }
            value |= {"rotation": 0, "rectanglelabels": [category]}
            region = {"type": "rectanglelabels", "original_width": width, "original_height": height, "value": value}
            task["annotations"] = [{"result": [region], "was_cancelled": False}]
    (folder / "export.json").write_text(json.dumps(tasks))
    return folder / "export.json"


def by_cvat(listing: Listing, folder: Path) -> Path:
    lines = map(json.loads, (folder / "selected/manifest.jsonl").read_text().splitlines()[2:])
    found = {name: (category, *size) for name, _, category, *size in pictures(listing)}
    root = ElementTree.Element("annotations")
    for number, line in enumerate(lines):
        name = line["name"] + line["extension"]
        attributes = {"id": str(number), "name": name, "width": str(line["width"]), "height": str(line["height"])}
        image = ElementTree.SubElement(root, "image", attributes)
        if name in found:
            left, top, wide, high = box(line["width"], line["height"])
            edges = {"xtl": left, "ytl": top, "xbr": left + wide, "ybr": top + high}
            ElementTree.SubElement(
                image, "box", {"label": str(found[name][0]), **{edge: str(at) for edge, at in edges.items()}}
            )
    ElementTree.ElementTree(root).write(folder / "annotations.xml")
    return folder / "annotations.xml"


def by_fiftyone(listing: Listing, folder: Path) -> Path:
    folder /= "dataset"
    content = json.loads((folder / "labels.json").read_text())
    stems = {name.rpartition(".")[0]: content["classes"].index(category) for name, _, category, *_ in pictures(listing)}
    content["labels"] = {name: stems.get(name) for name in content["labels"]}
    (folder / "labels.json").write_text(json.dumps(content))
    return folder / "labels.json"


def by_spreadsheet(listing: Listing, folder: Path) -> Path:
    rows = list(csv.DictReader(io.StringIO((folder / "selected.csv").read_text())))
    with (folder / "selected.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), delimiter=";")
        table.writeheader()
        table.writerows(row | {"class_name": CLASS_OF.get(row["sample"], "")} for row in rows)
    return folder / "selected.csv"


def by_labelimg(listing: Listing, folder: Path) -> Path:
    """As labelImg 1.8 writes files where one folder of pictures is open: its last name, and the picture's last name."""
    for name, _, category, width, height in pictures(listing):
        left, top, wide, high = box(width, height)
        picture = folder / "dataset/JPEGImages" / name
        (folder / "dataset/Annotations" / name).with_suffix(".xml").write_text(
            f"<annotation>\n\t<folder>{picture.parent.name}</folder>\n\t<filename>{picture.name}</filename>\n"
            f"\t<path>{picture}</path>\n\t<source>\n\t\t<database>Unknown</database>\n\t</source>\n"
            f"\t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n\t\t<depth>3</depth>\n\t</size>\n"
            f"\t<segmented>0</segmented>\n\t<object>\n\t\t<name>{category}</name>\n\t\t<pose>Unspecified</pose>\n"
            f"\t\t<truncated>0</truncated>\n\t\t<difficult>0</difficult>\n\t\t<bndbox>\n"
            f"\t\t\t<xmin>{int(left)}</xmin>\n\t\t\t<ymin>{int(top)}</ymin>\n"
            f"\t\t\t<xmax>{int(left + wide)}</xmax>\n\t\t\t<ymax>{int(top + high)}</ymax>\n"
            "\t\t</bndbox>\n\t</object>\n</annotation>\n"
        )
    return folder / "dataset"


def by_pandas(listing: Listing, folder: Path) -> Path:
    table = pd.read_csv(folder / "selected.csv", dtype=str, keep_default_na=False)
    table["class_name"] = [CLASS_OF.get(name, "") for name in table["sample"]]
    table.to_csv(folder / "labelled.csv", index=False)
    return folder / "labelled.csv"


def by_datasets(listing: Listing, folder: Path) -> Path:
    folder /= "dataset"
    rows = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    classes = json.loads((folder / "classes.json").read_text())
    for row in rows:
        category = CLASS_OF.get(row["sample"])
        row["label"] = None if category is None else classes.index(category)
    (folder / "metadata.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


TOOLS: dict[str, tuple[Callable[[Listing, Path], Path], bool]] = {
    "coco": (by_pycocotools, True),
    "csv": (by_spreadsheet, False),
    "cvat": (by_cvat, True),
    "fiftyone": (by_fiftyone, False),
    "imagefolder": (by_datasets, False),
    "label-studio": (by_label_studio, True),
    "voc": (by_elements, True),
    "yolo": (by_yolo, True),
}
"""What labels an export of each format, and whether it draws boxes."""

VARIANTS = [
    *((name, label, has_boxes) for name, (label, has_boxes) in TOOLS.items()),
    ("csv", by_pandas, False),
    ("voc", by_labelimg, True),
]


def test_all_formats_make_the_round_trip() -> None:
    assert TOOLS.keys() == {*FORMATS}


@pytest.mark.parametrize(("name", "label", "has_boxes"), VARIANTS, ids=[label.__name__ for _, label, _ in VARIANTS])
def test_labels_come_back_as_they_were_made(
    name: str, label: Callable[[Listing, Path], Path], has_boxes: bool, tmp_path: Path
) -> None:
    given = read_labels(label(exported(name, tmp_path), tmp_path))
    match = match_names(given.names, SIZES.keys() | OTHERS)
    assert (match.ambiguous, match.unmatched) == ({}, ())
    table = label_table(given, match.samples, SIZES)
    stored = from_coco(as_coco(labelled_by(table, [], given.classes, SIZES)))
    for sample, category in CLASS_OF.items():
        (found,) = stored.samples[sample]
        assert found.category == category
        width, height = SIZES[sample]
        assert found.box == (pytest.approx(tuple(box(width, height)), abs=0.01 * width) if has_boxes else None)
    assert stored.samples.keys() == CLASS_OF.keys()
    assert Annotation("city", None, None) in stored.samples["city/a.tif"] or has_boxes
