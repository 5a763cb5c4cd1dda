"""The content of an exported list: samples with the pictures, classes and places that a format may name."""

from collections.abc import Sequence

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
    size: int | None = None,
) -> Listing:
    """Return samples as a list that every format can write.

    Args:
        samples: of the datapool, with `width` and `height` in full size.
        names: path of each sample's picture in the folder of pictures.
        classes: by their number from 0.
        of_videos: whether the folder of a video is a class.
        images: where the tool finds the pictures; None = beside the list.
        size: short side in pixels that pictures are scaled down to; None = full size.
    """
    rows = with_classes(samples, classes, of_videos=of_videos)
    rows = rows.assign(sample=samples["filename"], filename=list(names))
    rows["location"] = [name if images is None else images.of(name) for name in names]
    if size is not None:
        sizes = [
            (width, height) if pd.isna(width) or pd.isna(height) else scaled_size(int(width), int(height), size)
            for width, height in zip(rows["width"], rows["height"], strict=True)
        ]
        rows = rows.assign(width=[width for width, _ in sizes], height=[height for _, height in sizes])
    return Listing(rows[list(COLUMNS)], tuple(classes), images)
