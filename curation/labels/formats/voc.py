"""The format `voc`: Pascal VOC, an XML file a picture."""

from pathlib import PurePosixPath

from curation.labels.format import LabelFormat
from curation.labels.given import Given, Label, LabelFileError, box_of, number
from curation.labels.source import Source
from curation.labels.xml import elements, root_of, text_at

_ANNOTATIONS = "Annotations"


def is_voc(source: Source) -> bool:
    """Tell whether the first XML file is the annotation of one picture."""
    names = source.ending_with(".xml")
    return bool(names) and root_of(source.read(names[0]))[0] == "annotation"


def read_voc(source: Source) -> Given:
    """Read the boxes of all annotations. One without objects says nothing, since exports begin with such.

    Raises:
        LabelFileError: an annotation is incomplete.
    """
    labels: list[Label] = []
    for name in source.ending_with(".xml"):
        for annotation in elements(source.read(name), "annotation"):
            picture = text_at(annotation, "filename", name)
            if "/" not in picture:
                picture = (_below_annotations(name).parent / picture).as_posix()
            width, height = (annotation.findtext(f"size/{edge}") for edge in ("width", "height"))
            what = f"{name}: a number of its size"
            extent = (number(width, what), number(height, what)) if width and height else None
            for item in annotation.findall("object"):
                edges = [
                    number(text_at(item, f"bndbox/{edge}", f"{name}: an object"), f"{name}: {edge}")
                    for edge in ("xmin", "ymin", "xmax", "ymax")
                ]
                box = box_of([edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]], picture)
                labels.append(Label(picture, text_at(item, "name", f"{name}: an object"), box, extent))
    if not labels:
        raise LabelFileError("no annotation in it has an object")
    return Given(labels, classes=tuple(sorted({label.category for label in labels})))


def _below_annotations(name: str) -> PurePosixPath:
    """Return the path of an annotation below the dataset's folder of them."""
    parts = PurePosixPath(name).parts
    start = parts.index(_ANNOTATIONS) + 1 if _ANNOTATIONS in parts[:-1] else 0
    return PurePosixPath(*parts[start:])


LABEL_FORMAT = LabelFormat(
    is_voc,
    read_voc,
    sentence="Pascal VOC: a folder with an XML file for each picture, or the dataset around it",
    source="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html",
    example={
        "dataset/Annotations/city/a.xml": """\
<annotation>
  <filename>a.jpg</filename>
  <size><width>640</width><height>480</height><depth>3</depth></size>
  <object>
    <name>car</name>
    <bndbox><xmin>64</xmin><ymin>48</ymin><xmax>192</xmax><ymax>144</ymax></bndbox>
  </object>
</annotation>
""",
        "dataset/Annotations/drive-07-mp4.xml": """\
<annotation>
  <filename>drive-07-mp4.png</filename>
  <size><width>1920</width><height>1080</height><depth>3</depth></size>
  <object>
    <name>bus</name>
    <bndbox><xmin>192</xmin><ymin>108</ymin><xmax>576</xmax><ymax>324</ymax></bndbox>
  </object>
</annotation>
""",
    },
)
