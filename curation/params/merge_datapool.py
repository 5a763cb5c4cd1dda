"""Section `merge_datapool`: what the datapool keeps besides tables and embeddings."""

from typing import Literal

from pydantic import Field

from curation.params.section import About, Section

KeepPictures = Literal["none", "original", "jpg"]


class MergeDatapoolParams(Section):
    """What the datapool keeps besides tables and embeddings."""

    keep_pictures: KeepPictures = Field(
        default="none",
        description=(
            "Which full-size pictures of selected samples stay with the datapool, so that raw files may be deleted or "
            "expire. A change takes effect with the next iteration, which adds those that earlier ones lack, as far as "
            "their raw files are there."
        ),
        json_schema_extra=About(
            values={
                "none": "none; exports need the raw files",
                "original": "images as they are, frames of videos as PNG, without loss",
                "jpg": "JPEG images as they are, all else as JPEG of quality 95, a third of the size or less",
            }
        ),
    )
