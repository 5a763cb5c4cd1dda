"""Labels of samples as one table: whatever the file, in pixels of the sample."""

from collections.abc import Mapping

import pandas as pd

from curation.labels.given import Box, Given, Label, LabelFileError

COLUMNS = ("sample", "category", "x", "y", "width", "height", "score", "probabilities")
"""`x`, `y`, `width` and `height` of the box are NaN for a class of the picture as a whole, as `score` is where there is
none; `probabilities` is a tuple, of `Given.classes`, or None."""


def label_table(given: Given, samples: Mapping[str, str], sizes: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    """Return the labels of samples.

    Args:
        given: the content of a file.
        samples: the sample that each of its names means; labels of other names are left out.
        sizes: width and height of samples in pixels, as far as they are known.

    Returns:
        One row a label, with `COLUMNS`, in the order of the file.

    Raises:
        LabelFileError: a box is in shares of a sample whose size is not known.
    """
    rows = []
    for label in given.labels:
        if label.name in samples:
            sample = samples[label.name]
            box = in_pixels(label, sizes.get(sample)) or (None, None, None, None)
            rows.append((sample, label.category, *box, label.score, label.probabilities))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(COLUMNS[2:7], float))


def in_pixels(label: Label, size: tuple[float, float] | None) -> Box | None:
    """Return the box of a label in pixels of the sample; None where it has none.

    A picture that was exported in another size has boxes in its own pixels: they are scaled.

    Args:
        label: as the file has it.
        size: width and height of the sample in pixels, if known.

    Raises:
        LabelFileError: the box is in shares, and the size is not known.
    """
    if label.box is None or label.extent is None:
        return label.box
    if size is None:
        if max(label.extent) > 100:
            return label.box
        raise LabelFileError(f"the box of {label.name!r} is in shares of a picture whose size is not known")
    wide, high = size[0] / label.extent[0], size[1] / label.extent[1]
    left, top, width, height = label.box
    return left * wide, top * high, width * wide, height * high
