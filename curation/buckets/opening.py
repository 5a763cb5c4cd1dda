"""From an address to the store that it is in: endpoint and credentials come from DVC's configuration, or as boto does.

DVC's own classes turn the configuration of a remote into arguments of fsspec, so that all that
`dvc remote modify NAME …` sets holds here as it does for `dvc push`. The only module of this room that knows DVC.
"""

from functools import cache
from pathlib import Path
from typing import Any

from curation.buckets.addresses import REMOTE, Address
from curation.buckets.folders import FolderStore
from curation.buckets.s3 import S3Store
from curation.buckets.store import Store
from curation.core.errors import BucketError

_DVC = ".dvc"


def opened(address: Address) -> tuple[Store, str]:
    """Return the store of an address, and the key there; neither asks anything of the network.

    Raises:
        BucketError: there is no such remote, it is no bucket, or a package is missing.
    """
    store, root = _store(address.scheme, _remote_of(address), str(Path.cwd()))
    return store, _path_of(address, root)


def filesystem_of(address: Address) -> tuple[Any, str]:
    """Return the file system of fsspec that an address is in, and the path there without a slash at its end.

    Raises:
        BucketError: as for `opened`.
    """
    if address.scheme == "file":
        return _local(), f"/{address.key}".rstrip("/")
    filesystem, root = _filesystem(address.scheme, _remote_of(address), str(Path.cwd()))
    return filesystem, _path_of(address, root).rstrip("/")


def _remote_of(address: Address) -> str:
    """Return the name of the remote that an address is of; empty for other schemes."""
    return address.name if address.scheme == REMOTE else ""


def _path_of(address: Address, root: str) -> str:
    """Return the path of an address in its store, below the key that the address of a remote stands for."""
    if address.scheme == REMOTE:
        return f"{root}/{address.key}" if root else address.key
    return f"{address.name}/{address.key}"


@cache
def _store(scheme: str, remote: str, folder: str) -> tuple[Store, str]:
    """Return a store, and the key that the address of a remote stands for.

    Args:
        scheme: of the address.
        remote: its name; empty for other schemes.
        folder: in which the configuration of DVC is looked for, and in those above.
    """
    filesystem, root = _of_dvc(scheme, remote, Path(folder))
    arguments: dict[str, Any] = filesystem.fs_args
    if filesystem.protocol == "s3":
        return S3Store(arguments), root.rstrip("/")
    return FolderStore(_of_fsspec(filesystem)), root.rstrip("/")


@cache
def _filesystem(scheme: str, remote: str, folder: str) -> tuple[Any, str]:
    """Return a file system of fsspec, and the key that the address of a remote stands for; see `_store`."""
    filesystem, root = _of_dvc(scheme, remote, Path(folder))
    return _of_fsspec(filesystem), root.rstrip("/")


def _of_fsspec(filesystem: Any) -> Any:
    """Return the file system of fsspec that DVC's stands for."""
    return filesystem.fs if filesystem.protocol != "local" else _local()


def _of_dvc(scheme: str, remote: str, folder: Path) -> tuple[Any, str]:
    """Return DVC's file system, and its key."""
    from dvc.config import Config, RemoteNotFoundError
    from dvc.exceptions import DvcException
    from dvc.fs import RemoteMissingDepsError, get_cloud_fs

    home = next((one / _DVC for one in (folder, *folder.parents) if (one / _DVC).is_dir()), None)
    try:
        config = Config(str(home) if home else None)
        wanted = {"name": remote} if remote else {"url": "/" if scheme == "file" else f"{scheme}://bucket"}
        kind, settings, key = get_cloud_fs(config, **wanted)
        return kind(**settings), str(key) if remote else ""
    except RemoteNotFoundError:
        known = ", ".join(sorted(config.get("remote", {}))) or "none"
        raise BucketError(
            f"remote://{remote}: DVC knows no remote of this name (it knows {known}): `dvc remote add {remote} "
            "s3://BUCKET/FOLDER` adds it, `dvc remote modify` its endpoint and, with --local, its credentials"
        ) from None
    except (DvcException, ImportError, RemoteMissingDepsError) as error:
        words = " ".join(str(error).split())
        package = {"gs": " (`pip install dvc-gs`)", "azure": " (`pip install dvc-azure`)"}.get(scheme, "")
        raise BucketError(f"{scheme}://{remote} cannot be read as things are set up{package}: {words}") from None


def _local() -> Any:
    from fsspec.implementations.local import LocalFileSystem

    return LocalFileSystem()
