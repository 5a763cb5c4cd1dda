"""Shards of crops under their temporary names, as the processes that decode write them, and what is in them."""

from dataclasses import dataclass
from pathlib import Path

from curation.cleaning.tasks import RawFile
from curation.core.records import Records
from curation.image.crops import Crop
from curation.image.proxies import ShardWriter, member_name

_CROPS = ".crops"


@dataclass(frozen=True, slots=True)
class KeptCrop:
    """A crop that was written.

    Attributes:
        frame: index of the frame; 0 for images.
        key: of the box that was wanted (`curation.image.crops.WantedBox`).
        left: of the box, pixels in the upright picture.
        top: likewise.
        width: likewise.
        height: likewise.
        member: name of the crop in the file's shard of crops.
    """

    frame: int
    key: int
    left: int
    top: int
    width: int
    height: int
    member: str


def crop_shard(shard: str) -> str:
    """Return the temporary name of the shard of crops that goes with a shard of proxies."""
    return f"{shard}{_CROPS}"


def is_crop_shard(name: str) -> bool:
    """Return whether a shard under its temporary name holds crops."""
    return name.endswith(_CROPS)


def kept_crop(file: RawFile, frame: int, crop: Crop) -> KeptCrop:
    """Return what is kept of a crop, under a name that only what else is cut out of the file has an influence on."""
    place = next(place for place, box in enumerate(file.boxes[frame]) if box.key == crop.key)
    picture = (file.member or member_name(frame)).removesuffix(".jpg")
    return KeptCrop(frame, crop.key, crop.left, crop.top, crop.width, crop.height, f"{picture}-{place:04d}.jpg")


class CropWriter(ShardWriter):
    """Writes the shard of a video's crops, and notes what is in it."""

    def __init__(self, shard_folder: Path, file: RawFile) -> None:
        super().__init__(shard_folder / crop_shard(file.shard))
        self._file = file
        self.kept = Records(KeptCrop)

    def add_crop(self, index: int, crop: Crop) -> None:
        """Append a crop of a frame."""
        kept = kept_crop(self._file, index, crop)
        self.kept.append(kept)
        self.add(kept.member, crop.jpeg)

    def discard(self) -> None:
        """Remove what was written, to begin again."""
        super().discard()
        self.kept = Records(KeptCrop)
