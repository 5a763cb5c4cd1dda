"""All formats of lists by name."""

from curation.core import markdown
from curation.core.registry import discover
from curation.export.format import Format

FORMATS = discover(__name__, "FORMAT", Format, hyphens=True)
"""By the names that `curate export` takes."""


def reference() -> str:
    """Return the page of the reference that describes every format, each with an example."""
    rows = [(f"`{name}`", each.sentence, f"<{each.source}>") for name, each in FORMATS.items()]
    text = (
        "# Export formats\n\n"
        "`python -m curate export NAME TARGET` writes the list of the selected samples; each format is a file of "
        "`curation/export/formats`.\n`python -m curate export images TARGET` writes the pictures themselves.\n\n"
        f"{markdown.table(['format', 'what it is', 'described at'], rows)}"
    )
    for name, each in FORMATS.items():
        text += f"\n## {name}\n\n`python -m curate export {name} {each.target}` writes\n"
        text += markdown.files(each.example)
    return text
