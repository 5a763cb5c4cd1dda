"""Whether the cache still holds what git says it holds.

DVC names an object by the MD5 of its bytes and trusts the name: a flipped bit in the cache is handed out, and
`dvc status` says "up to date". Here every object is read again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Literal

from curation.history.dvc_cache import Cache
from curation.inspection.revision import Revision
from curation.pipeline import paths

_BLOCK = 2**20


Required = Literal["none", "some", "datapool", "all"]
"""How much must be there to be checked: nothing, one object of all revisions, each one's datapool, or every object."""


@dataclass(frozen=True)
class Lie:
    """An object whose bytes are not what its name says.

    Attributes:
        output: path of the output, and of the file in it.
        object_hash: its name, MD5.
        found: MD5 of its bytes.
        path: where the cache keeps it.
    """

    output: str
    object_hash: str
    found: str
    path: Path


@dataclass(frozen=True)
class Verdict:
    """The state of one revision's objects.

    Attributes:
        revision: whose.
        checked: objects that are what they should be, those checked for another revision included.
        missing: output of each object that the cache does not hold (a remote may).
        lies: objects that are not what they should be.
        faults: what is wrong with files that cannot be read, a sentence each; without `dvc.lock` nothing is checked.
    """

    revision: Revision
    checked: int
    missing: tuple[str, ...]
    lies: tuple[Lie, ...]
    faults: tuple[str, ...] = ()

    def lacks(self, required: Required) -> bool:
        """Return whether something could not be checked that had to be.

        Args:
            required: of each revision; see `Required`.
        """
        pool = paths.DATAPOOL.as_posix()
        if required == "all":
            return bool(self.missing)
        return required == "datapool" and any(path == pool or path.startswith(f"{pool}/") for path in self.missing)


def verify(
    revisions: Iterable[Revision],
    read: Callable[[int], object] = lambda _: None,
    fetch: Callable[[list[str]], object] | None = None,
    found: dict[str, str | None] | None = None,
) -> Iterator[Verdict]:
    """Check the cached objects of revisions; each object is read once.

    Args:
        revisions: in the order in which they are reported.
        read: is called with the number of bytes read, again and again.
        fetch: brings objects, by their hashes, into the cache if it can; None leaves missing ones missing.
        found: gets the MD5 of each object's bytes by its name; None for those that the cache does not hold.
    """
    found = {} if found is None else found
    for recorded in revisions:
        if faults := recorded.faults:
            yield Verdict(recorded, 0, (), (), faults)
            continue
        checked, missing, lies = 0, [], []
        for output, object_hash in recorded_objects(recorded, found, read, fetch):
            actual = _found(recorded.cache, object_hash, found, read)
            if actual is None:
                missing.append(output)
            elif actual != object_hash.removesuffix(".dir"):
                lies.append(Lie(output, object_hash, actual, recorded.cache.path(object_hash)))
            else:
                checked += 1
        yield Verdict(recorded, checked, tuple(missing), tuple(lies))


def recorded_objects(
    recorded: Revision,
    found: dict[str, str | None],
    read: Callable[[int], object],
    fetch: Callable[[list[str]], object] | None = None,
) -> Iterator[tuple[str, str]]:
    """Yield path and hash of every object that a revision names: the raw data, and the outputs kept in the cache.

    The files of a folder follow it, where its listing is there and sound.
    """
    outputs = [output for stage in recorded.stages.values() for output in stage.get("outs", [])]
    named = [
        (str(output["path"]), output.get("md5"))
        for output in [*recorded.raw_outputs, *recorded.picture_outputs, *outputs]
    ]
    wanted = [(path, str(value)) for path, value in named if value is not None and not recorded.is_in_git(path)]
    _fetch_missing(recorded.cache, [value for _, value in wanted], found, fetch)
    for path, object_hash in wanted:
        yield path, object_hash
        is_sound = _found(recorded.cache, object_hash, found, read) == object_hash.removesuffix(".dir")
        if object_hash.endswith(".dir") and is_sound:
            files = recorded.cache.listing(object_hash)
            _fetch_missing(recorded.cache, list(files.values()), found, fetch)
            for name, file_hash in files.items():
                yield f"{path}/{name}", file_hash


def _fetch_missing(
    cache: Cache, hashes: list[str], found: dict[str, str | None], fetch: Callable[[list[str]], object] | None
) -> None:
    """Fetch those objects that the cache does not hold, all at once; what cannot be fetched is not asked for again."""
    missing = [value for value in dict.fromkeys(hashes) if value not in found and not cache.path(value).is_file()]
    if fetch is not None and missing:
        fetch(missing)


def _found(cache: Cache, object_hash: str, found: dict[str, str | None], read: Callable[[int], object]) -> str | None:
    """Return the MD5 of an object's bytes, None where the cache does not hold it."""
    if object_hash not in found:
        path = cache.path(object_hash)
        found[object_hash] = md5_of(path, read) if path.is_file() else None
    return found[object_hash]


def md5_of(path: Path, read: Callable[[int], object]) -> str:
    """Return the MD5 of a file, which is how DVC names it."""
    digest = md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            read(len(block))
    return digest.hexdigest()


def sentence(verdict: Verdict) -> str:
    """Put a verdict into one line, and one more for each lie."""
    name = verdict.revision.name
    if verdict.faults:
        return f"{name}: cannot be verified: {', '.join(verdict.faults)}"
    text = f"{name}: {verdict.checked} objects are sound"
    if verdict.missing:
        text += f", {len(verdict.missing)} are not in the cache ({verdict.missing[0]} for one; `dvc fetch` brings them)"
    for lie in verdict.lies:
        text += f"\n{name}: {lie.output} is damaged: {lie.path} has the MD5 {lie.found}"
    return text
