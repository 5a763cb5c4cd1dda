"""The format `yolo`: a dataset for YOLO."""

import json
from pathlib import Path, PurePosixPath

from curation.core.errors import OutputError
from curation.export.format import Format, Listing, TextFile, divided

_IMAGES = "images"

UNLABELLED = "\n"
"""The content of a file that nobody has labelled yet. A tool that found nothing in the picture leaves an empty file."""


def yolo_files(listing: Listing, target: Path) -> list[TextFile]:
    """Return a dataset where TARGET is a folder or ends with .yaml, and else the list of a dataset's pictures.

    A dataset is its `data.yaml`, and a file without labels for each picture, without which FiftyOne sees no picture.
    Files of labels that are there already may hold labels by now, and stay.

    Raises:
        OutputError: two pictures differ in their ending only, and would have the same labels; or the pictures are in
            a folder of another name than `images`, beside which nobody looks for labels.
    """
    if target.suffix not in ("", ".yaml", ".yml"):
        return [TextFile(target, as_yolo(listing))]
    file = target if target.suffix else target / "data.yaml"
    labels = [TextFile(file.parent / path, UNLABELLED, is_edited=True) for path in label_paths(listing)]
    return [*labels, TextFile(file, as_yolo_dataset(listing))]


def as_yolo(listing: Listing) -> str:
    """Return the list of pictures that a YOLO dataset's `train:` names, one path a line, below `images`.

    https://docs.ultralytics.com/datasets/detect/
    """
    if listing.images is not None:
        return "".join(f"{path}\n" for path in listing.samples["location"])
    return "".join(f"./{_IMAGES}/{name}\n" for name in listing.samples["filename"])


def label_paths(listing: Listing) -> list[str]:
    """Return where the labels of each picture are, relative to the dataset's folder.

    That is where its readers look: `labels` in the place of the last folder `images` of the path.

    Raises:
        OutputError: two pictures differ in their ending only.
    """
    paths: dict[str, None] = {}
    for name in listing.samples["filename"]:
        stem, _ = divided(name)
        before, _, after = f"/{_IMAGES}/{stem}".rpartition(f"/{_IMAGES}/")
        path = f"{before}/labels/{after}.txt".removeprefix("/")
        if path in paths:
            raise OutputError(
                f"two samples would both be {stem!r} for YOLO, whose labels have no ending of a picture: export the "
                "images and the list with --format jpg or png, or rename one of the raw files"
            )
        paths[path] = None
    return list(paths)


def as_yolo_dataset(listing: Listing) -> str:
    """Return the `data.yaml` of a YOLO dataset whose pictures are in `images` beside it, with the classes as names.

    There is no validation set yet: `val`, which the format asks for, is the same folder. Without `path`, paths count
    from the file itself. https://docs.ultralytics.com/datasets/detect/

    Raises:
        OutputError: the user's folder of pictures is not called `images`.
    """
    names = [f"  {number}: {json.dumps(label, ensure_ascii=False)}\n" for number, label in enumerate(listing.classes)]
    root = ""
    if listing.images is not None:
        folder = PurePosixPath(listing.images.prefix)
        if folder.name != _IMAGES:
            raise OutputError(
                f"--images {str(folder)!r}: YOLO looks for labels in the folder `labels` beside `images`, so the "
                "folder of pictures has to be called images"
            )
        root = f"path: {json.dumps(str(folder.parent), ensure_ascii=False)}\n"
    classes = "names:\n" + "".join(names) if names else "names: {}\n"
    return f"{root}train: {_IMAGES}\nval: {_IMAGES}\n{classes}"


FORMAT = Format(
    yolo_files,
    sentence="data.yaml of a YOLO dataset in the folder TARGET and a file for the labels of each image in `labels`, "
    "for images exported to `images` in it; labels that are there already stay. If TARGET ends with .txt, the list of "
    "its images alone",
    source="https://docs.ultralytics.com/datasets/detect/",
    columns=("filename", "location"),
    target="dataset",
    locations=("folder",),
    example={
        "dataset/labels/city/a.txt": UNLABELLED,
        "dataset/labels/drive-07-mp4.txt": UNLABELLED,
        "dataset/data.yaml": """\
train: images
val: images
names:
  0: "beach"
  1: "city"
""",
    },
)
