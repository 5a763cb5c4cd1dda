"""The format `voc`: a dataset as Pascal VOC's, an XML file a picture.

M. Everingham, L. Van Gool, C. Williams, J. Winn and A. Zisserman, The Pascal visual object classes (VOC) challenge,
International Journal of Computer Vision 88, 2010; the development kit describes the files.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import pandas as pd

from curation.core.errors import OutputError
from curation.export.format import Format, Listing, TextFile, divided, sizes_of

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, however they are written."""


def voc_files(listing: Listing, target: Path) -> list[TextFile]:
    """Return an annotation without objects for each picture, and lists of them, below TARGET.

    Annotations come first and the lists that name them last. An annotation that is there already may hold labels by
    now, and stays.

    Args:
        listing: with `filename`, `class_name`, `width` and `height`.
        target: folder of the dataset; the pictures belong into `JPEGImages` in it.

    Raises:
        OutputError: two pictures differ in their ending only, without which the format names them, or a name has a
            character that XML or a list of lines cannot hold.
    """
    stems = stems_of(listing.samples)
    annotations = [
        TextFile(target / "Annotations" / f"{stem}.xml", as_annotation(name, width, height), is_edited=True)
        for stem, (name, width, height) in zip(stems, sizes_of(listing.samples), strict=True)
    ]
    lists = [
        TextFile(target / "ImageSets/Main" / f"{name}.txt", text) for name, text in as_lists(stems, listing).items()
    ]
    return [*annotations, *label_map(listing, target), *lists]


def label_map(listing: Listing, target: Path) -> list[TextFile]:
    """Return the classes in their order, as Datumaro and CVAT read them; none if a name would not come back."""
    if any(":" in name or name.startswith("#") or name != name.strip() for name in listing.classes):
        return []
    lines = "".join(f"{name}:::\n" for name in listing.classes)
    return [TextFile(target / "labelmap.txt", f"# label:color_rgb:parts:actions\n{lines}")]


def stems_of(samples: pd.DataFrame) -> list[str]:
    """Return the names of pictures without their endings.

    Raises:
        OutputError: see `voc_files`.
    """
    stems: dict[str, None] = {}
    for name in samples["filename"]:
        stem, _ = divided(name)
        if stem in stems:
            raise OutputError(
                f"two samples would both be {stem!r} for Pascal VOC, which names pictures without their ending: rename "
                "one of the raw files"
            )
        if _NOT_XML.search(name) or stem.splitlines() != [stem]:
            raise OutputError(f"{name!r} has a character that Pascal VOC cannot hold: rename the raw file")
        stems[stem] = None
    return list(stems)


def as_annotation(name: str, width: int, height: int) -> str:
    """Return the annotation of a picture without objects.

    Args:
        name: path of the picture in `JPEGImages`.
        width: in pixels.
        height: in pixels.
    """
    return (
        "<annotation>\n"
        "  <folder>JPEGImages</folder>\n"
        f"  <filename>{escape(name.removeprefix('./'))}</filename>\n"
        f"  <size>\n    <width>{width}</width>\n    <height>{height}</height>\n    <depth>3</depth>\n  </size>\n"
        "  <segmented>0</segmented>\n"
        "</annotation>\n"
    )


def as_lists(stems: list[str], listing: Listing) -> Mapping[str, str]:
    """Return the content of each list of `ImageSets/Main`: all pictures, and which of them have a class.

    Args:
        stems: names of pictures without their endings.
        listing: with `class_name`, in the same order.

    Raises:
        OutputError: a class cannot be a part of a file name.
    """
    lists = {"trainval": "".join(f"{stem}\n" for stem in stems)}
    for name in listing.classes:
        if "/" in name:
            raise OutputError(f"the class {name!r} has a slash, and Pascal VOC makes a file of its name: rename it")
        has = listing.samples["class_name"] == name
        lines = (f"{stem} {1 if it_has else -1:2d}\n" for stem, it_has in zip(stems, has, strict=True))
        lists[f"{name}_trainval"] = "".join(lines)
    return lists


FORMAT = Format(
    voc_files,
    sentence="Annotations and ImageSets of a Pascal VOC dataset in the folder TARGET, for images exported to "
    "`JPEGImages` in it, best with --format jpg for both; annotations that are there already stay",
    source="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html",
    columns=("filename", "class_name", "width", "height"),
    target="dataset",
    example={
        "dataset/Annotations/city/a.xml": """\
<annotation>
  <folder>JPEGImages</folder>
  <filename>city/a.jpg</filename>
  <size>
    <width>640</width>
    <height>480</height>
    <depth>3</depth>
  </size>
  <segmented>0</segmented>
</annotation>
""",
        "dataset/Annotations/drive-07-mp4.xml": """\
<annotation>
  <folder>JPEGImages</folder>
  <filename>drive-07-mp4.png</filename>
  <size>
    <width>1920</width>
    <height>1080</height>
    <depth>3</depth>
  </size>
  <segmented>0</segmented>
</annotation>
""",
        "dataset/labelmap.txt": """\
# label:color_rgb:parts:actions
beach:::
city:::
""",
        "dataset/ImageSets/Main/trainval.txt": """\
city/a
drive-07-mp4
""",
        "dataset/ImageSets/Main/beach_trainval.txt": """\
city/a -1
drive-07-mp4 -1
""",
        "dataset/ImageSets/Main/city_trainval.txt": """\
city/a  1
drive-07-mp4 -1
""",
    },
)
