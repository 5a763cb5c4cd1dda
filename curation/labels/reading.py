"""Reading labels and predictions in whatever format a tool has written them."""

from pathlib import Path

from curation.labels.formats.registry import LABEL_FORMATS
from curation.labels.given import Given, LabelFileError
from curation.labels.source import Source


def read_labels(path: Path, form: str | None = None) -> Given:
    """Read a file, a folder or a zip archive of labels.

    Args:
        path: of it.
        form: name of its format; None: the one that its content shows.

    Raises:
        LabelFileError: it cannot be read, is in no format or in several, or holds no label.
    """
    source = Source(path)
    try:
        given = LABEL_FORMATS[form or format_of(source)].read(source)
    except LabelFileError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise LabelFileError(
            f"it is damaged, or in no format that is known ({type(error).__name__}: {error})"
        ) from None
    if not given.names:
        raise LabelFileError("it holds no label")
    return given


def format_of(source: Source) -> str:
    """Return the name of the format that a source's content shows.

    Raises:
        LabelFileError: it shows none, or several.
    """
    found = [name for name, each in LABEL_FORMATS.items() if each.recognises(source)]
    if len(found) > 1:
        raise LabelFileError(f"it may be {' or '.join(found)}: name the folder or file of one format alone")
    if not found:
        raise LabelFileError(
            f"it is in no format that is known ({', '.join(LABEL_FORMATS)}); docs/reference/label-formats.md shows an "
            "example of each"
        )
    return found[0]
