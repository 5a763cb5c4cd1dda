"""Single bytes changed on the disk: found by `curate verify --quick`, and told by the pipeline's own readers.

One *tried* is one object or file with one byte changed (or, of some shards, cut or made longer), after which it is put
back. *Silent*: nobody noticed.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

import numpy as np

from curation.cli.commands.verify import revisions_of
from curation.core.atomic import write_bytes
from curation.core.errors import BaseError
from curation.datapool import store
from curation.embeddings.shards import read_metadata, read_shards, shard_files
from curation.history.dvc_cache import Cache, checkout, open_cache
from curation.inspection.verify import verify
from curation.pipeline import paths
from tests.pipeline.project import Project
from tests.torture.kills import cache_objects, small_project
from tests.torture.tally import Tally

OBJECTS, BASES, SHARDS = 500, 100, 300


def changed(content: bytes, rng: np.random.Generator) -> bytes:
    """Return other bytes: one byte is another one."""
    place = int(rng.integers(len(content)))
    return content[:place] + bytes([content[place] ^ int(rng.integers(1, 256))]) + content[place + 1 :]


def resized(content: bytes, rng: np.random.Generator) -> bytes:
    """Return other bytes: fewer or more of them."""
    return content[: int(rng.integers(len(content)))] if rng.integers(2) else content + rng.bytes(3)


def attack(
    files: list[Path],
    count: int,
    rng: np.random.Generator,
    notices: Callable[[Path], bool],
    mutate: Callable[[bytes, np.random.Generator], bytes] = changed,
) -> Tally:
    """Change one file after the other, and ask whether it was noticed.

    Args:
        files: which ones; a changed one is a new file under the same name, so that links to the former one stay.
        count: how often.
        rng: chooses.
        notices: of the path of what was changed.
        mutate: changes bytes.
    """
    tally = Tally()
    files = [path for path in files if path.stat().st_size]
    for _ in range(count):
        path = files[int(rng.integers(len(files)))]
        aside = path.with_name(f"{path.name}.aside")
        content = path.read_bytes()
        os.rename(path, aside)
        write_bytes(path, mutate(content, rng))
        tally.tried += 1
        if not notices(path):
            tally.silent += 1
            tally.told.append(f"{path}: nobody noticed")
        os.replace(aside, path)
    return tally


def flips_in(project: Project, seed: int, part: int) -> Iterator[tuple[str, Tally]]:
    """Yield what became of bytes changed in a project with a committed iteration; it is as before in the end."""
    rng = np.random.default_rng(seed)
    with chdir(project.folder), open_cache() as cache:
        yield "flips in the cache", attack(cache_objects(project), OBJECTS // part, rng, _found_by_verify(cache))
        datapool = project.run("python", "-m", "stages.resolve_base", "--hash", "HEAD").output.strip()
        objects = [cache.path(value) for value in (datapool, *cache.listing(datapool).values())]
        yield "flips in the datapool to build on", attack(objects, BASES // part, rng, _told_by_checkout(datapool))
        shards = shard_files(paths.DATAPOOL / store.EMBEDDINGS_FOLDER)
        yield "flips in embedding shards", attack(shards, SHARDS // part, rng, _told_by_shards)
        yield "shards cut or made longer", attack(shards, SHARDS // part, rng, _told_by_shards, resized)


def _found_by_verify(cache: Cache) -> Callable[[Path], bool]:
    def found(path: Path) -> bool:
        return any(lie.path == path for verdict in verify(revisions_of("HEAD", cache)) for lie in verdict.lies)

    return found


def _told_by_checkout(datapool: str) -> Callable[[Path], bool]:
    def told(path: Path) -> bool:
        try:
            checkout(datapool, Path("taken-out"))
        except BaseError as error:
            return f"rm -f {path}" in error.message and not Path("taken-out").exists()
        return False

    return told


def _told_by_shards(path: Path) -> bool:
    for read in (read_shards, read_metadata):
        try:
            read(path.parent)
        except BaseError as error:
            if path.name not in error.message:
                return False
        else:
            return False
    return True


def flips(folder: Path, seed: int, part: int) -> Iterator[tuple[str, Tally]]:
    """Yield what became of all changed bytes.

    Args:
        folder: an empty one.
        seed: of what is changed.
        part: every so many-th is tried; 1 = all.
    """
    yield from flips_in(small_project(folder, "a"), seed, part)
