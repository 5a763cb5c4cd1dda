"""Reading folders out of the DVC cache by hash. The only module that uses DVC's internals (as of DVC 3.67).

DVC's public way to a former output, `dvc get . datapool --rev REV`, copies instead of linking and cannot resolve a
bare hash, which is all that the copies of `dvc exp run --temp` know.
"""

import io
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.core.errors import BaseError
from curation.core.hashing import md5_of_file

if TYPE_CHECKING:
    from dvc.repo import Repo


def checkout(folder_hash: str, target: Path) -> int:
    """Link (or copy) a cached folder to `target`, fetching from the remote what the cache lacks.

    DVC takes an object for what its name says. Here every file is read first, and compared with its name: what has
    changed in the cache must not flow into another iteration.

    Args:
        folder_hash: DVC's hash of the folder, 32 hexadecimal digits and `.dir`.
        target: replaced if it exists.

    Returns:
        How many files had to be fetched.

    Raises:
        BaseError: neither the cache nor the remote holds it, or the cache is damaged.
    """
    from dvc.fs import localfs
    from dvc_data.hashfile.checkout import checkout as checkout_object

    with _repository() as repo:
        tree, fetched = _load(repo, folder_hash)
        missing = [entry for _, _, entry in tree if not _exists(repo, entry.value)]
        if missing:
            _fetch(repo, missing, folder_hash)
        _require_sound(repo, folder_hash, (("/".join(key), entry.value) for key, _, entry in tree))
        checkout_object(str(target.absolute()), localfs, tree, repo.cache.local, force=True, state=repo.state)
        return fetched + len(missing)


def read_file(folder_hash: str, name: str) -> bytes | None:
    """Return the bytes of one file of a cached folder, None where the cache does not hold it.

    Raises:
        BaseError: the file, or the folder's listing, is damaged.
    """
    with _repository() as repo:
        if not _exists(repo, folder_hash):
            return None
        tree, _ = _load(repo, folder_hash)
        for key, _, entry in tree:
            if key == tuple(name.split("/")) and _exists(repo, entry.value):
                _require_sound(repo, folder_hash, [(name, entry.value)])
                return _path(repo, entry.value).read_bytes()
    return None


def sample_names(folder_hash: str) -> frozenset[str] | None:
    """Return the filenames that a cached datapool accounts for: its samples, and those taken out of it for good.

    Returns:
        None where the cache does not hold the datapool.
    """
    import pandas as pd

    tables = [read_file(folder_hash, name) for name in ("samples.csv", "removed.csv")]
    if tables[0] is None:
        return None
    return frozenset(
        name
        for content in tables
        if content is not None
        for name in pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)["filename"]
    )


class Cache:
    """The objects of the DVC cache, by hash. What is missing is fetched from the default remote.

    The paths are those of the cache's own files: only to be read.
    """

    def __init__(self, repo: "Repo") -> None:
        self._repo = repo
        self._sound: set[str] = set()

    def file(self, file_hash: str) -> Path:
        """Return the path of a file's object, whose bytes were compared with its hash.

        Raises:
            BaseError: neither the cache nor the remote holds it, or it is damaged.
        """
        from dvc_data.hashfile.hash_info import HashInfo

        if not _exists(self._repo, file_hash):
            _fetch(self._repo, [HashInfo("md5", file_hash)], file_hash)
        if file_hash not in self._sound:
            _require_sound(self._repo, file_hash, [("it", file_hash)])
            self._sound.add(file_hash)
        return _path(self._repo, file_hash)

    def listing(self, folder_hash: str) -> dict[str, str]:
        """Return the hash of each file in a folder, by its path with `/`, sorted.

        Raises:
            BaseError: neither the cache nor the remote holds the folder's listing.
        """
        tree, _ = _load(self._repo, folder_hash)
        return dict(sorted(("/".join(key), str(entry.value)) for key, _, entry in tree))

    def has(self, object_hash: str) -> bool:
        """Return whether the cache (not the remote) holds an object."""
        return _exists(self._repo, object_hash)

    def has_whole(self, object_hash: str) -> bool:
        """Return whether the cache holds an object and, of a folder, all its files."""
        if not self.has(object_hash):
            return False
        return not object_hash.endswith(".dir") or all(map(self.has, self.listing(object_hash).values()))

    def path(self, object_hash: str) -> Path:
        """Return where the cache keeps an object, whether it is there or not."""
        return _path(self._repo, object_hash)

    def temporary_folder(self) -> Path:
        """Return DVC's folder for temporary files: mostly in the file system of the cache."""
        folder = Path(str(self._repo.tmp_dir))
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def add_folder(self, folder: Path) -> str:
        """Put a folder and its files into the cache, and return DVC's hash of it."""
        from dvc.fs import localfs
        from dvc_data.hashfile.build import build
        from dvc_data.hashfile.transfer import transfer

        odb = self._repo.cache.local
        staging, _, tree = build(odb, str(folder.absolute()), localfs, "md5")
        transfer(staging, odb, {tree.hash_info}, shallow=False)
        return str(tree.hash_info.value)

    def add_listing(self, files: Mapping[str, str]) -> str:
        """Put the list of a folder's files into the cache, and return DVC's hash of the folder.

        Args:
            files: hash of each file, by its path with `/`. Their own objects need not be there.
        """
        from dvc_data.hashfile.hash_info import HashInfo
        from dvc_data.hashfile.meta import Meta
        from dvc_data.hashfile.tree import Tree

        tree: Any = Tree()  # type: ignore[no-untyped-call]
        for name, value in files.items():
            tree.add(tuple(name.split("/")), Meta(), HashInfo("md5", value))
        tree.digest()
        self._repo.cache.local.add(tree.path, tree.fs, tree.oid)
        return str(tree.oid)

    def fetch(self, hashes: list[str]) -> None:
        """Fetch objects, not what listings among them name, from the default remote, as far as it holds them.

        Raises:
            BaseError: there is no remote, or it cannot be reached.
        """
        from dvc.exceptions import DvcException
        from dvc_data.hashfile.hash_info import HashInfo

        try:
            self._repo.cloud.pull([HashInfo("md5", value) for value in hashes])
        except DvcException as error:
            raise BaseError(
                f"{len(hashes)} objects are not in the DVC cache and could not be fetched ({error}): "
                "`dvc remote list` names the remotes, `dvc remote add --default NAME URL` adds one"
            ) from None


def download(source: str, revision: str, path: Path, target: Path) -> None:
    """Copy an output of another DVC repository.

    Args:
        source: path or URL of its git repository.
        revision: a commit, branch or tag of it.
        path: of the output.
        target: where it goes; nothing is there yet.

    Raises:
        BaseError: there is no such repository, revision or output, or its files cannot be fetched.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from scmrepo.exceptions import SCMError

    try:
        Repo.get(source, path.as_posix(), out=str(target), rev=revision)
    except (DvcException, SCMError, OSError) as error:
        reason = " ".join(str(error).split())
        raise BaseError(
            f"{path} of {source}@{revision} could not be fetched ({reason}): give the path or URL of a git repository "
            "made from this template, and a revision at which an iteration was committed and pushed"
        ) from None


@contextmanager
def open_cache() -> Iterator[Cache]:
    """Open the cache of the DVC repository in the current directory."""
    with _repository() as repo:
        yield Cache(repo)


def _repository() -> "Repo":
    """Open the DVC repository of the current directory."""
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        return Repo()
    except NotDvcRepoError:
        raise BaseError("this is not a DVC repository: run `dvc init`, or clone the template with git") from None


def _load(repo: "Repo", folder_hash: str) -> tuple[Any, int]:
    """Load a folder's listing; fetch it first where the cache lacks it."""
    from dvc_data.hashfile import load
    from dvc_data.hashfile.hash_info import HashInfo

    info = HashInfo("md5", folder_hash)
    fetched = 0
    if not _exists(repo, folder_hash):
        _fetch(repo, [info], folder_hash)
        fetched = 1
    _require_sound(repo, folder_hash, [("its list of files", folder_hash)])
    return load(repo.cache.local, info), fetched


def _exists(repo: "Repo", object_hash: str) -> bool:
    return bool(repo.cache.local.exists(object_hash))


def _path(repo: "Repo", object_hash: str) -> Path:
    """Return where the cache keeps an object."""
    return Path(repo.cache.local.oid_to_path(object_hash))


def _require_sound(repo: "Repo", whole: str, objects: Iterable[tuple[str, str]]) -> None:
    """Compare the bytes of objects in the cache with the hashes that they are named by.

    Args:
        repo: whose cache.
        whole: hash of what they belong to, for the message.
        objects: name for people, and hash.

    Raises:
        BaseError: naming what is damaged, and how to bring it back.
    """
    damaged = [
        (name, _path(repo, object_hash))
        for name, object_hash in objects
        if md5_of_file(_path(repo, object_hash)) != object_hash.removesuffix(".dir")
    ]
    if damaged:
        names = ", ".join(name for name, _ in damaged[:10])
        listed = "".join(f"\n  rm -f {shlex.quote(str(path))}" for _, path in damaged)
        raise BaseError(
            f"{whole} is damaged in the DVC cache: of {len(damaged)} files the bytes are not what their hashes "
            f"stand for ({names}), so nothing is built on it. Root may have written into files that are linked to the "
            "cache: docs/guides/storage.md sets other links. Delete them, and `dvc fetch --all-commits` brings them "
            "back where a remote holds them; `python -m curate verify --quick` finds what else is damaged, and "
            f"base.datapool takes an earlier datapool:{listed}"
        )


def _fetch(repo: "Repo", objects: list[Any], folder_hash: str) -> None:
    """Fetch objects from the default remote, and make sure that they came."""
    from dvc.exceptions import DvcException

    advice = (
        "run `dvc pull` (or `dvc fetch --all-commits`) where a remote holds it, ask whoever made the last commit to "
        "`dvc push`, or choose another datapool with base.datapool"
    )
    try:
        repo.cloud.pull(objects)
    except DvcException as error:
        raise BaseError(
            f"datapool {folder_hash} is not in the DVC cache and could not be fetched ({error}): {advice}"
        ) from None
    lost = [entry for entry in objects if not _exists(repo, entry.value)]
    if lost:
        raise BaseError(f"datapool {folder_hash}: {len(lost)} of its objects are in neither cache nor remote: {advice}")
