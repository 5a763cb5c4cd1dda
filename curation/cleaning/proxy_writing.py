"""Writing proxies and crops while a file is decoded; a disk that is full is no fault of the file."""

from collections.abc import Iterator
from contextlib import contextmanager

from curation.cleaning.crop_shards import CropWriter
from curation.core.errors import OutputError
from curation.image.crops import Crop
from curation.image.proxies import ShardWriter, member_name


def add_proxy(writer: ShardWriter, index: int, jpeg: bytes) -> None:
    """Add the proxy of a frame or page to a shard."""
    with writing():
        writer.add(member_name(index), jpeg)


def add_crop(writer: CropWriter, index: int, crop: Crop) -> None:
    """Add a crop of a frame or page to the shard of crops."""
    with writing():
        writer.add_crop(index, crop)


@contextmanager
def writing() -> Iterator[None]:
    """Tell a disk that cannot be written from a file that cannot be decoded.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"proxies cannot be written ({error}): see whether the disk is full") from None
