"""Taking another project's datapool into the cache, so that it can be united with this one's."""

from pathlib import Path
from tempfile import TemporaryDirectory

from stages import paths
from stages.datapool import store
from stages.errors import BaseError
from stages.history.dvc_cache import Cache, download


def source_and_revision(text: str) -> tuple[str, str]:
    """Divide `PATH_OR_URL@REV`; without a revision it is HEAD.

    An `@` that belongs to a path, or to a URL such as `git@host:path`, divides nothing.
    """
    source, at, revision = text.rpartition("@")
    if not at or Path(text).exists() or not source or not revision or ":" in revision:
        return text, "HEAD"
    return source, revision


def taken_in(source: str, revision: str, cache: Cache) -> tuple[str, int]:
    """Bring the datapool of another repository into the cache.

    Args:
        source: path or URL of a git repository made from this template.
        revision: a commit, branch or tag of it.
        cache: of this project.

    Returns:
        DVC's hash of the datapool, and how many samples it holds.

    Raises:
        BaseError: there is no such repository or revision, or no datapool at it, or its files cannot be had.
    """
    with TemporaryDirectory(prefix="combine-", dir=cache.temporary_folder()) as folder:
        target = Path(folder) / paths.DATAPOOL.name
        download(source, revision, paths.DATAPOOL, target)
        if not (target / store.SAMPLES_CSV).is_file():
            raise BaseError(f"{source}@{revision}: {paths.DATAPOOL} there is no datapool of this template")
        return cache.add_folder(target), len(store.read_samples(target))
