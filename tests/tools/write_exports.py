"""Write the exports that `tests/tools/load_exports.py` loads: of the project in the working directory, or odd names."""

import argparse
import subprocess
import sys
from pathlib import Path

import pandas as pd
from PIL import Image

from curation.cli.commands.export import write_files
from curation.export.classes import class_of
from curation.export.formats.registry import FORMATS
from curation.export.listing import listing_of
from curation.export.location import parse_location
from curation.raw.listing import safe_path
from curation.raw.naming import label_name
from tests.tools.load_exports import COCO_JSON, VOC

LAYOUT = (
    ("images", "images"),
    ("yolo", "data.yaml"),
    ("coco", COCO_JSON),
    ("imagefolder", "."),
    ("csv", "selected.csv"),
    ("fiftyone", "rooted/labels.json", "--images", "{folder}/images"),
    ("csv", "rooted/selected.csv", "--images", "{folder}/images"),
    ("coco", "rooted/coco.json", "--images", "{folder}/images"),
    ("yolo", "rooted/data.yaml", "--images", "{folder}/images"),
    ("images", "fiftyone/data"),
    ("fiftyone", "fiftyone/labels.json"),
    ("images", f"{VOC}/JPEGImages", "--format", "jpg"),
    ("voc", VOC, "--format", "jpg"),
)
"""Arguments of `curate export`, the target in the folder of exports second: most tools share one folder of pictures."""

NAMES = (
    *("train/a.jpg", "test/b.jpg", "val/c.jpg", "Train.jpg", "images/d.jpg", "images/labels/e.jpg", "labels/f.jpg"),
    *("a.b.c.jpg", "-rf.jpg", "=1+1.jpg", "@x/y z.jpg", "#g.jpg", "100%.jpg", "[1]/h[2].jpg", "{br}.jpg", "*/w?.jpg"),
    *("u\u0308n.jpg", "\u540d \u524d/\u5199\u771f.jpg", "q'uo\"te.jpg", "x&y<z>.jpg", "a,b;c.jpg", "~/t.jpg"),
    *("data.json/k.jpg", "annotations/z.jpg", "__sp/_u.jpg", "deep/er/est/n.jpg"),
)
"""Names of raw files that some tool could take for something else."""


def write_exports(folder: Path) -> None:
    """Export everything that `LAYOUT` names."""
    for what, target, *options in LAYOUT:
        placed = [option.format(folder=folder) for option in options]
        subprocess.run([sys.executable, "-m", "curate", "export", what, str(folder / target), *placed], check=True)


def write_names(folder: Path) -> None:
    """Write the same with small pictures of the names that `NAMES` has."""
    names = [safe_path(name) for name in NAMES]
    samples = pd.DataFrame({"filename": names, "raw_path": names, "label_name": [*map(label_name, names)]})
    samples = samples.assign(frame=0, time_s=None, iteration=1, rank=range(len(names)), label=0, width=16, height=12)
    classes = sorted({class_of(label) for label in samples["label_name"] if label})
    for what, target, *options in LAYOUT:
        if what == "images":
            for name in names:
                (folder / target / name).parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (16, 12)).save(folder / target / name)
        else:
            images = parse_location(f"{folder}/images") if "--images" in options else None
            write_files(FORMATS[what].files(listing_of(samples, names, classes, images=images), folder / target))


def main() -> None:
    """Write into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of the exports")
    parser.add_argument("--names", action="store_true", help="small pictures with odd names, in place of the project's")
    arguments = parser.parse_args()
    write = write_names if arguments.names else write_exports
    write(arguments.folder.resolve())


if __name__ == "__main__":
    main()
