"""All formats of labels by name."""

from curation.core import markdown
from curation.core.registry import discover
from curation.labels.format import LabelFormat

LABEL_FORMATS = discover(__name__, "LABEL_FORMAT", LabelFormat, hyphens=True)
"""By the names that `curate import-labels --format` takes."""


def reference() -> str:
    """Return the page of the reference that describes every format, each with an example."""
    rows = [(f"`{name}`", each.sentence, f"<{each.source}>") for name, each in LABEL_FORMATS.items()]
    text = (
        "# Label formats\n\n"
        "Labels and predictions are read in the formats of the tools that write them, told apart by their content: a "
        "file, a folder,\nor a zip archive. Each format is a file of `curation/labels/formats`. "
        "[Labels and predictions](../guides/labels.md) says how they are used.\n\n"
        f"{markdown.table(['format', 'what it is', 'described at'], rows)}"
    )
    for name, each in LABEL_FORMATS.items():
        text += f"\n## {name}\n{markdown.files(each.example)}"
    return text
