"""A git repository in the current folder, and a cache of DVC that is a dictionary."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@e.org")


def git(*arguments: str) -> str:
    """Run git, and return what it prints."""
    return subprocess.run(["git", *IDENTITY, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def commit(message: str = "commit") -> str:
    """Commit everything, and return the commit's hash."""
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", message)
    return git("rev-parse", "HEAD")


class FakeCache:
    """Listings of folders by hash; of files the paths below a folder."""

    def __init__(self, listings: Mapping[str, Mapping[str, str]], folder: Path) -> None:
        self.listings, self.folder = listings, folder

    def has(self, value: str) -> bool:
        return value in self.listings or self.path(value).is_file()

    def listing(self, value: str) -> dict[str, str]:
        return dict(self.listings[value])

    def path(self, value: str) -> Path:
        return self.folder / value


def opened(cache: Any) -> Callable[[], AbstractContextManager[Any]]:
    """Return what stands in for `open_cache`."""

    @contextmanager
    def open_cache() -> Iterator[Any]:
        yield cache

    return open_cache


def track(folder_hash: str | None, files: int = 0) -> None:
    """Write `data/raw.dvc` as DVC does; None deletes it."""
    path = Path("data/raw.dvc")
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if folder_hash:
        path.write_text(f"outs:\n- md5: {folder_hash}\n  nfiles: {files}\n  hash: md5\n  path: raw\n")
