"""The format `csv`: a table for spreadsheets and scripts."""

import csv
import io

import pandas as pd

from curation.export.format import COLUMNS, Format, Listing, one_file
from curation.export.location import KINDS

_PLACE = "location"
HEADER = tuple(name for name in COLUMNS if name != _PLACE)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(listing: Listing) -> str:
    """Return a table with a header; a name that a spreadsheet would take for a formula begins with an apostrophe.

    Where the user says where the pictures are, the last column is the place of each.
    """
    header = HEADER if listing.images is None else (*HEADER, _PLACE)
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(header)
    for row in listing.samples[list(header)].itertuples(index=False):
        writer.writerow([_cell(value) for value in row])
    return lines.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return "" if pd.isna(value) else value  # type: ignore[call-overload]


FORMAT = Format(
    one_file(as_csv),
    sentence="a table with provenance and sizes",
    source="https://www.rfc-editor.org/rfc/rfc4180",
    columns=(*HEADER, _PLACE),
    target="selected.csv",
    locations=KINDS,
    example={
        "selected.csv": """\
filename,raw_path,frame,time_s,iteration,rank,label,label_name,width,height,class_id,class_name,sample
city/a.jpg,city/a.jpg,0,,1,0,1,city,640,480,1,city,city/a.jpg
drive-07-mp4.png,drive.mp4,7,0.28,1,1,0,,1920,1080,,,drive-07-mp4.png
""",
    },
)
