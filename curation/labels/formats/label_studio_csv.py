"""The format `label-studio-csv`: Label Studio's export as CSV."""

from curation.labels.format import LabelFormat
from curation.labels.given import Given
from curation.labels.label_studio_rows import labels_of_rows
from curation.labels.source import Source
from curation.labels.table import header_of, rows_of

_COLUMNS = ["id", "annotation_id"]


def is_label_studio_csv(source: Source) -> bool:
    """Tell whether it is a table with the columns that Label Studio adds."""
    return set(_COLUMNS) <= set(header_of(source, _COLUMNS))


def read_label_studio_csv(source: Source) -> Given:
    """Read the annotations of all rows.

    Raises:
        LabelFileError: see `labels_of_rows`.
    """
    rows = rows_of(source, _COLUMNS).rows
    given = labels_of_rows(dict(zip(rows.columns, values, strict=True)) for values in rows.itertuples(index=False))
    given.classes = tuple(sorted({label.category for label in given.labels}))
    return given


LABEL_FORMAT = LabelFormat(
    is_label_studio_csv,
    read_label_studio_csv,
    sentence="Label Studio's export as CSV: rectangles, and choices of a control that is called choice",
    source="https://labelstud.io/guide/export",
    example={
        "export.csv": """\
annotation_id,annotator,id,image,label,sample
1,1,1,/data/local-files/?d=city/a.jpg,"[{""x"":10,""y"":10,""width"":20,""height"":20,""rotation"":0,\
""rectanglelabels"":[""car""],""original_width"":640,""original_height"":480}]",city/a.jpg
2,1,2,/data/local-files/?d=drive-07-mp4.png,"[{""x"":10,""y"":10,""width"":20,""height"":20,""rotation"":0,\
""rectanglelabels"":[""bus""],""original_width"":1920,""original_height"":1080}]",drive-07-mp4.png
"""
    },
)
