"""Proxy images: small JPEG files that stand for the samples in training, embedding and report.

They are kept in shards, uncompressed zip files named by their content: one for a video, one for up to 512 images of a
folder. Equal samples give equal bytes: fixed dates, fixed attributes, members in order.
"""

import io
import os
import zipfile
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curation.core.hashing import sha256_of_file

IMAGES_PER_SHARD = 512
_LONGEST = 8
"""A proxy's long side is at most this many times the proxy size; longer images are squeezed."""
_OPEN_SHARDS = 8
_DATE = (1980, 1, 1, 0, 0, 0)


def proxy_dimensions(width: int, height: int, proxy_size: int) -> tuple[int, int]:
    """Return width and height of the proxy of an image.

    The short side becomes `proxy_size`, or stays if it is smaller: nothing is enlarged. The long side keeps the
    proportion up to `8 * proxy_size`, so that a strip of 2 x 60000 pixels does not become a proxy larger than a photo.

    Args:
        width: of the image, pixels.
        height: of the image, pixels.
        proxy_size: pixels.
    """
    scale = min(1.0, proxy_size / min(width, height))
    limit = _LONGEST * proxy_size
    return tuple(min(limit, max(1, round(side * scale))) for side in (width, height))  # type: ignore[return-value]


def to_rgb(image: Image.Image) -> Image.Image:
    """Make an image visible as `RGB`: transparency on white.

    Args:
        image: mode `RGB`, `RGBX`, `RGBA` or `L`.
    """
    image = without_empty_alpha(image)
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def without_empty_alpha(image: Image.Image) -> Image.Image:
    """Return an image that is transparent all over as opaque: then nobody has written anything there.

    Many programs leave the fourth byte of a pixel in TGA and BMP files empty.
    """
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        return image.convert("RGB")
    return image


class ShardWriter:
    """Writes one shard, a member at a time, so that a long video needs no memory for its proxies.

    The zip file appears with its first member; `count` says how many there are.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._archive: zipfile.ZipFile | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, member: str, content: bytes) -> None:
        """Append one proxy."""
        if self._archive is None:
            self._archive = zipfile.ZipFile(self.path, "w", zipfile.ZIP_STORED)
        self._archive.writestr(_member_info(member), content)
        self.count += 1

    def discard(self) -> None:
        """Remove what was written, to begin again."""
        self.close()
        self.path.unlink(missing_ok=True)
        self.count = 0

    def close(self) -> None:
        """Complete the file."""
        if self._archive is not None:
            self._archive.close()
            self._archive = None


def member_name(index: int) -> str:
    """Return the name of the proxy of a video's frame, or of an image's place in its shard."""
    return f"{index:08d}.jpg"


def store_shard(source: Path, folder: Path, members: Iterable[str]) -> str:
    """Bring a finished shard into the folder of shards, without the members that are not wanted.

    Args:
        source: a shard under a temporary name in the same file system; it is moved or removed.
        folder: where the shards are.
        members: those to keep, at least one.

    Returns:
        The shard's name: 16 hexadecimal digits of its content's SHA-256, and `.zip`.
    """
    wanted = set(members)
    with zipfile.ZipFile(source) as archive:
        present = archive.namelist()
        if wanted != set(present):
            kept = source.with_name(f"{source.name}.kept")
            with zipfile.ZipFile(kept, "w", zipfile.ZIP_STORED) as rewritten:
                for name in present:
                    if name in wanted:
                        rewritten.writestr(_member_info(name), archive.read(name))
            os.replace(kept, source)
    name = f"{sha256_of_file(source)[:16]}.zip"
    os.replace(source, folder / name)
    return name


def store_shards(shards: Iterable[Path], folder: Path, members: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Bring finished shards into the folder of shards, and remove those of which nothing is wanted.

    Args:
        shards: see `store_shard`.
        folder: where the shards are.
        members: those to keep, by the shard's temporary name.

    Returns:
        The name of each shard that there is now, by its temporary name.
    """
    names: dict[str, str] = {}
    for shard in sorted(shards):
        if shard.name in members:
            names[shard.name] = store_shard(shard, folder, members[shard.name])
        else:
            shard.unlink()
    return names


def store_empty_shard(folder: Path) -> str:
    """Write a shard without members, since version control drops an empty folder; return its name."""
    temporary = folder / "empty"
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED):
        pass
    return store_shard(temporary, folder, [])


def _member_info(name: str) -> zipfile.ZipInfo:
    """Return a member's header, the same on every machine and at every time."""
    info = zipfile.ZipInfo(name, date_time=_DATE)
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info


class ProxyReader:
    """Reads proxies out of the shards of a folder.

    Shards are opened when first needed, a few are kept open, and each process opens its own: so a reader can be handed
    to the worker processes of a data loader, pickled or forked.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[str, zipfile.ZipFile] = OrderedDict()
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Path]:
        return {"folder": self._folder}

    def __setstate__(self, state: dict[str, Path]) -> None:
        self.__init__(state["folder"])  # type: ignore[misc]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def jpeg(self, shard: str, member: str) -> bytes:
        """Return the bytes of one proxy, a JPEG file."""
        return self._shard(shard).read(member)

    def image(self, shard: str, member: str) -> Image.Image:
        """Return one proxy decoded, mode `RGB`."""
        with Image.open(io.BytesIO(self.jpeg(shard, member)), formats=["JPEG"]) as image:
            return image.convert("RGB")

    def array(self, shard: str, member: str) -> NDArray[np.uint8]:
        """Return one proxy decoded: (height, width, 3) uint8, RGB."""
        return np.asarray(self.image(shard, member))

    def close(self) -> None:
        """Close what is open; the reader can be used again."""
        while self._open:
            self._open.popitem()[1].close()

    def _shard(self, name: str) -> zipfile.ZipFile:
        if self._process != os.getpid():  # forked: file positions are shared with the parent, so open anew
            self._open = OrderedDict()
            self._process = os.getpid()
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name]
        if len(self._open) >= _OPEN_SHARDS:
            self._open.popitem(last=False)[1].close()
        self._open[name] = zipfile.ZipFile(self._folder / name)
        return self._open[name]
