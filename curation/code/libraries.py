"""The versions of the libraries that code imports and that can change its bytes."""

import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec

WITHOUT_INFLUENCE = frozenset(
    {
        *("click", "tqdm", "typing_extensions"),  # what is shown
        *("pydantic", "pydantic_core", "ruamel"),  # what is refused
        *("dvc", "dvc_data", "dvc_objects", "scmrepo", "filelock"),  # where files are kept
        *("psutil", "ray", "threadpoolctl"),  # how fast it goes, and where
        *("aiohttp", "botocore", "fsspec", "s3fs"),  # how objects come here, whose size and version are checked
    }
)
"""Import names of libraries that never change what a stage writes."""

DISTRIBUTIONS = {
    "PIL": ("pillow",),
    "lightning_fabric": ("pytorch-lightning",),
    "cv2": ("opencv-python", "opencv-python-headless"),
    "faiss": ("faiss-cpu", "faiss-gpu"),
    "open_clip": ("open_clip_torch",),
    "pi_heif": ("pi-heif",),
    "pytorch_lightning": ("pytorch-lightning",),
    "sklearn": ("scikit-learn",),
    "yaml": ("PyYAML",),
}
"""Where the name of an import is not that of its distribution. Others are looked up, which takes longer."""


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the version of each library that is installed and can change bytes, by import name, sorted.

    Args:
        names: top-level names of imports that are not the project's own.
    """
    third_party = {name for name in names if name not in sys.stdlib_module_names and name not in WITHOUT_INFLUENCE}
    found = {name: _version(name) for name in sorted(third_party)}
    return {name: value for name, value in found.items() if value is not None}


@cache
def _version(name: str) -> str | None:
    """Return a library's version without the part that names a build (`+cpu`); None where it is not installed."""
    for distribution in DISTRIBUTIONS.get(name, (name,)):
        try:
            return version(distribution).partition("+")[0]
        except PackageNotFoundError:
            continue
    if find_spec(name) is None:
        return None
    (distribution, *_) = packages_distributions().get(name, [""])
    return version(distribution).partition("+")[0] if distribution else None
