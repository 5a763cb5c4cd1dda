"""What is kept of a decoded frame or image."""

from dataclasses import dataclass

from curation.image.crops import Crop
from curation.image.quality import Quality
from curation.image.window import ValueRange, Window


@dataclass(frozen=True)
class DecodedImage:
    """The result of one pass over an image file.

    Attributes:
        width: pixels, after orientation.
        height: pixels, after orientation.
        pixel_hash: 32 hexadecimal digits; equal for equal pixels, whatever the container.
        proxy: JPEG bytes.
        quality: figures of its proxy's size.
        note: what else there is to say; empty as a rule.
        crops: what was cut out of it.
        values: of more than 8 bits a channel, the range of its values; None for others.
        window: through which the values are seen in the proxy.
        is_empty: whether it would have values of more than 8 bits, but none of its pixels has one.
    """

    width: int
    height: int
    pixel_hash: str
    proxy: bytes
    quality: Quality
    note: str = ""
    crops: tuple[Crop, ...] = ()
    values: ValueRange | None = None
    window: Window | None = None
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class DecodedSample:
    """One frame or image that came out of its decoder, besides its proxy.

    Attributes:
        frame: index among all frames of the video; 0 for images.
        time_s: seconds from the first frame; NaN for images.
        width: pixels, upright.
        height: pixels, upright.
        pixel_hash: 32 hexadecimal digits; empty for a damaged frame.
        fault: what is wrong with it, else empty.
        member: name of its proxy in the file's shard, where the file is not refused; empty for a damaged frame, and for
            one whose pixels an earlier frame of the video has.
        quality: figures of its proxy's size; None for a damaged frame.
    """

    frame: int
    time_s: float
    width: int
    height: int
    pixel_hash: str
    fault: str
    member: str
    quality: Quality | None
