"""Load exports with the loaders of the tools that are installed here, and print how many pictures each finds and opens.

Run it with the Python of an environment that holds some of the tools; it needs nothing else, and tools that are missing
are named. `tests/tools/write_exports.py` writes what it loads; `docs/dev/tools.md` has the commands.
"""

import argparse
import csv
import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

VOC = "voc/VOCdevkit/VOC2012"
COCO_JSON = "annotations/instances_default.json"


class Found(NamedTuple):
    """Of a dataset, as a tool has it in memory.

    Attributes:
        pictures: how many.
        opened: how many of them could be decoded.
        classes: names by their order, or those that occur where the tool keeps no order.
    """

    pictures: int
    opened: int
    classes: Sequence[str]


Load = Callable[[Path], Found]


def opened(paths: Iterable[object]) -> int:
    """Count pictures that Pillow, which every tool brings along, decodes."""
    from PIL import Image

    count = 0
    for path in paths:
        with Image.open(str(path)) as picture:
            picture.load()
        count += 1
    return count


def ultralytics_of(where: str) -> Load:
    """Return what loads a `data.yaml` as a training run does."""

    def load(folder: Path) -> Found:
        from ultralytics.data import YOLODataset
        from ultralytics.data.utils import check_det_dataset

        data = check_det_dataset(str(folder / where), autodownload=False)
        counts = []
        for split in ("train", "val"):
            dataset = YOLODataset(img_path=data[split], data=data, task="detect", imgsz=64, augment=False)
            counts.append((len(dataset), sum(dataset[index]["img"].shape[0] == 3 for index in range(len(dataset)))))
        return Found(*min(counts), list(data["names"].values()))

    return load


def torchvision_coco(images: str, file: str) -> Load:
    """Return what loads with `CocoDetection`; without IMAGES, the file has the whole paths."""

    def load(folder: Path) -> Found:
        from torchvision.datasets import CocoDetection

        dataset = CocoDetection(str(folder / images) if images else "", str(folder / file))
        names = [category["name"] for category in dataset.coco.cats.values()]
        return Found(len(dataset), sum(dataset[index][0].size[0] > 0 for index in range(len(dataset))), names)

    return load


def torchvision_voc(folder: Path) -> Found:
    """Load with `VOCDetection`."""
    from torchvision.datasets import VOCDetection

    dataset = VOCDetection(str(folder / "voc"), year="2012", image_set="trainval")
    return Found(len(dataset), sum(dataset[index][0].size[0] > 0 for index in range(len(dataset))), [])


def datasets_of(argument: str, where: str) -> Load:
    """Return what loads with the builder `imagefolder`, the file or the folder.

    Of a folder, `datasets` makes splits of folders with names like `train` and `test`.
    """

    def load(folder: Path) -> Found:
        import datasets

        rows = datasets.load_dataset("imagefolder", split="train", **{argument: str(folder / where)})
        names = sorted({name for name in rows["label"] if name})
        return Found(len(rows), sum(row["image"].convert("RGB").size[0] > 0 for row in rows), names)

    return load


def fiftyone_of(kind: str, *places: str, **options: str) -> Load:
    """Return what loads a type of dataset.

    Args:
        kind: its name in `fiftyone.types`.
        places: names of those arguments that are paths in the folder.
        options: all arguments.
    """

    def load(folder: Path) -> Found:
        import fiftyone as fo

        arguments = {name: str(folder / value) if name in places else value for name, value in options.items()}
        dataset = fo.Dataset.from_dir(dataset_type=getattr(fo.types, kind), **arguments)
        names: list[str] = dataset.default_classes or next(iter(dataset.classes.values()), [])
        found = Found(len(dataset), opened(sample.filepath for sample in dataset), list(names))
        dataset.delete()
        return found

    return load


def supervision_yolo(folder: Path) -> Found:
    """Load folder by folder, since the loader does not look into sub-folders, and merge."""
    import supervision as sv

    root = folder / "images"
    folders = [each for each in (root, *sorted(root.rglob("*"))) if each.is_dir()]
    parts = [
        sv.DetectionDataset.from_yolo(
            str(each), str(folder / "labels" / each.relative_to(root)), str(folder / "data.yaml")
        )
        for each in folders
    ]
    dataset = sv.DetectionDataset.merge([part for part in parts if len(part)])
    return Found(len(dataset), sum(image is not None for _, image, _ in dataset), dataset.classes)


def supervision_coco(folder: Path) -> Found:
    """Load with `from_coco`."""
    import supervision as sv

    dataset = sv.DetectionDataset.from_coco(str(folder / "images"), str(folder / COCO_JSON))
    return Found(len(dataset), sum(image is not None for _, image, _ in dataset), dataset.classes)


def pycocotools_coco(folder: Path) -> Found:
    """Load with `COCO`."""
    from pycocotools.coco import COCO

    coco = COCO(str(folder / COCO_JSON))
    images = coco.loadImgs(coco.getImgIds())
    names = [category["name"] for category in coco.loadCats(coco.getCatIds())]
    return Found(len(images), opened(folder / "images" / image["file_name"] for image in images), names)


def datumaro_of(form: str, where: str) -> Load:
    """Return what loads a format of Datumaro."""

    def load(folder: Path) -> Found:
        from datumaro.components.annotation import AnnotationType
        from datumaro.components.dataset import Dataset

        dataset = Dataset.import_from(str(folder / where), form)
        pictures = [item for item in dataset if item.media is not None]
        categories = dataset.categories().get(AnnotationType.label)
        names = [each.name for each in categories.items] if categories else []
        return Found(len(dataset), sum(item.media.data is not None for item in pictures), names)

    return load


def labelformat_yolo(folder: Path) -> Found:
    """Load with the reader of YOLOv8 datasets."""
    from labelformat.formats.yolov8 import YOLOv8ObjectDetectionInput

    found = YOLOv8ObjectDetectionInput(folder / "data.yaml", "train")
    images = [folder / "images" / image.filename for image in found.get_images()]
    return Found(len(images), opened(images), [category.name for category in found.get_categories()])


def labelformat_coco(folder: Path) -> Found:
    """Load with the reader of COCO datasets."""
    from labelformat.formats.coco import COCOObjectDetectionInput

    found = COCOObjectDetectionInput(folder / COCO_JSON)
    images = [folder / "images" / image.filename for image in found.get_images()]
    return Found(len(images), opened(images), [category.name for category in found.get_categories()])


def pandas_csv(folder: Path) -> Found:
    """Read the table, and open what it names below the pictures of YOLO."""
    import pandas as pd

    table = pd.read_csv(folder / "selected.csv", keep_default_na=False)
    names = table[["label", "label_name"]].drop_duplicates().sort_values("label")["label_name"]
    return Found(len(table), opened(folder / "images" / name for name in table["filename"]), [*filter(None, names)])


LOADERS: tuple[tuple[str, str, Load], ...] = (
    ("ultralytics", "YOLODataset", ultralytics_of("data.yaml")),
    ("ultralytics", "the same, --images", ultralytics_of("rooted/data.yaml")),
    ("supervision", "from_yolo", supervision_yolo),
    ("supervision", "from_coco", supervision_coco),
    ("pycocotools", "COCO", pycocotools_coco),
    ("torchvision", "CocoDetection", torchvision_coco("images", COCO_JSON)),
    ("torchvision", "the same, --images", torchvision_coco("", "rooted/coco.json")),
    ("torchvision", "VOCDetection", torchvision_voc),
    ("datasets", "data_files=metadata.jsonl", datasets_of("data_files", "metadata.jsonl")),
    ("datasets", "data_dir=FOLDER", datasets_of("data_dir", ".")),
    *(
        ("fiftyone", name or kind, fiftyone_of(kind, "dataset_dir", "data_path", "labels_path", **options))
        for kind, name, options in (
            ("FiftyOneImageClassificationDataset", "", {"dataset_dir": "fiftyone"}),
            ("FiftyOneImageClassificationDataset", "the same, --images", {"labels_path": "rooted/labels.json"}),
            ("CSVDataset", "", {"labels_path": "rooted/selected.csv", "media_field": "location"}),
            ("YOLOv5Dataset", "", {"dataset_dir": ".", "yaml_path": "data.yaml", "split": "train"}),
            ("COCODetectionDataset", "", {"data_path": "images", "labels_path": COCO_JSON}),
            ("COCODetectionDataset", "the same, --images", {"labels_path": "rooted/coco.json"}),
            ("VOCDetectionDataset", "", {"data_path": f"{VOC}/JPEGImages", "labels_path": f"{VOC}/Annotations"}),
        )
    ),
    ("datumaro", "coco", datumaro_of("coco", ".")),
    ("datumaro", "yolo", datumaro_of("yolo", ".")),
    ("datumaro", "voc", datumaro_of("voc", VOC)),
    ("labelformat", "yolov8", labelformat_yolo),
    ("labelformat", "coco", labelformat_coco),
    ("pandas", "read_csv", pandas_csv),
)
"""Package, its loader, and what loads with it."""


def load_exports(folder: Path) -> bool:
    """Print a line for each loader, and return whether all of those that are installed found and opened everything."""
    with (folder / "selected.csv").open(encoding="utf-8", newline="") as file:
        wanted = len(list(csv.DictReader(file)))
    print(f"{wanted} samples\n{'tool':<25}{'loader':<36}{'found':>6}{'opened':>8}  classes")
    is_good = True
    with suppress(ImportError):
        import curation.model  # noqa: F401  (torchvision loads without its compiled operators, too)
    for package, loader, load in LOADERS:
        try:
            version = getattr(importlib.import_module(package), "__version__", "")
        except Exception:
            print(f"{package:<25}{loader:<36}not installed, or cannot be imported")
            continue
        try:
            found = load(folder)
        except Exception as error:
            is_good = False
            print(f"{package + ' ' + version:<25}{loader:<36}{type(error).__name__}: {str(error)[:200]}")
            continue
        is_good &= found.pictures == found.opened == wanted
        name = f"{package} {version}"
        print(f"{name:<25}{loader:<36}{found.pictures:>6}{found.opened:>8}  {', '.join(found.classes)}")
    return is_good


def main() -> None:
    """Load what was exported, and fail where something was not found or opened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the exports")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        # Nothing of the tools' settings and caches stays, and none of them asks the network.
        for name in ("HF_HOME", "YOLO_CONFIG_DIR", "FIFTYONE_DATABASE_DIR", "MPLCONFIGDIR"):
            os.environ[name] = str(Path(scratch) / name.lower())
        os.environ |= {"HF_HUB_OFFLINE": "1", "YOLO_OFFLINE": "true", "FIFTYONE_DO_NOT_TRACK": "true"}
        sys.exit(0 if load_exports(arguments.folder.resolve()) else 1)


if __name__ == "__main__":
    main()
