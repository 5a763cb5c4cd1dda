"""The outcome of decoding a raw file."""

from collections.abc import Sequence
from dataclasses import dataclass

from curation.cleaning.crop_shards import KeptCrop
from curation.image.decoded_sample import DecodedSample
from curation.image.window import ValueRange, Window


@dataclass(frozen=True)
class DecodedFile:
    """The outcome of decoding one raw file.

    Attributes:
        path: relative to the folder of raw data.
        media: `image`, `video` or `pages`.
        samples: all that came out of the decoder, of a video or of pages the chosen ones.
        missing: chosen frames or pages that should have come, but did not.
        is_corrupt: whether the file as a whole is refused.
        reason: why; or what is missing.
        shard: temporary name of the shard with its proxies.
        limit: the parameter whose limit the file exceeds, so that it is refused without being damaged; else empty.
        skipped: frames that were left out on purpose.
        decoded: frames that came out of the decoder, or would have if they had not been left out.
        crops: what was cut out of its pictures.
        is_unsupported: whether it is refused since it is of a kind that is not read.
        values: of more than 8 bits a channel that have no range of their own, the range of the values; else None.
        window: through which these are seen in the proxies; None where that differs from one to the other.
        content_hash: of an object in a bucket, SHA-256 of its bytes; empty where it could not be fetched.
        declared: of such an object, the frames that it says it has; None: unknown.
        is_unreachable: whether it is refused since it could not be fetched; its content is not at fault.
    """

    path: str
    media: str
    samples: Sequence[DecodedSample]
    missing: int
    is_corrupt: bool
    reason: str
    shard: str
    limit: str = ""
    skipped: int = 0
    decoded: int = 0
    crops: Sequence[KeptCrop] = ()
    is_unsupported: bool = False
    values: ValueRange | None = None
    window: Window | None = None
    content_hash: str = ""
    declared: int | None = None
    is_unreachable: bool = False
