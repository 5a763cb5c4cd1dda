"""The content of an exported list: samples with the pictures, classes and places that a format may name."""

from collections.abc import Callable, Sequence

import pandas as pd

from curation.export.classes import with_classes
from curation.export.format import COLUMNS, Listing
from curation.export.images import scaled_size
from curation.export.location import Location


def listing_of(
    samples: pd.DataFrame,
    names: Sequence[str],
    classes: Sequence[str],
    *,
    of_videos: bool = False,
    images: Location | None = None,
    scale: Callable[[int, int], tuple[int, int]] = scaled_size,
) -> Listing:
    """Return samples as a list that every format can write.

    Args:
        samples: of the datapool, with `width` and `height` in full size.
        names: path of each sample's picture in the folder of pictures.
        classes: by their number from 0.
        of_videos: whether the folder of a video is a class.
        images: where the tool finds the pictures; None = beside the list.
        scale: returns width and height of an exported picture, from those of the sample.
    """
    rows = with_classes(samples, classes, of_videos=of_videos)
    rows = rows.assign(sample=samples["filename"], filename=list(names))
    rows["location"] = [name if images is None else images.of(name) for name in names]
    sizes = [
        (width, height) if pd.isna(width) or pd.isna(height) else scale(int(width), int(height))
        for width, height in zip(rows["width"], rows["height"], strict=True)
    ]
    rows = rows.assign(width=[width for width, _ in sizes], height=[height for _, height in sizes])
    return Listing(rows[list(COLUMNS)], tuple(classes), images)
