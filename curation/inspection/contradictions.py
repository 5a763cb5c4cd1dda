"""Where the record of an iteration contradicts itself, or what it builds on."""

from collections.abc import Iterator, Sequence
from hashlib import md5
from pathlib import Path

from curation.datapool.store import REMOVED_CSV, SAMPLES_CSV, TAKEN_OUT_JSON
from curation.history import git
from curation.history.accepted import lost_samples, readable_parents, was_recorded_before
from curation.history.dvc_cache import Cache
from curation.history.dvc_lock import dependency_hash, output_hash, stages_at
from curation.history.layout import LAYOUT
from curation.inspection.revision import Revision
from curation.pipeline import paths
from curation.tables.datapool import REMOVED, SAMPLES
from curation.tables.files import read_csv


def contradictions(recorded: Revision, stages: Sequence[str]) -> Iterator[str]:
    """Yield where the record of an iteration contradicts itself or what it builds on, a sentence each.

    A commit that records no datapool of its own may be half an iteration, in which stages need not fit together.

    Args:
        recorded: the iteration.
        stages: whose inputs are compared with what other stages have made.
    """
    if not records_an_iteration(recorded):
        yield from lost_by_merge(recorded)
        return
    for name in stages:
        for item in recorded.stages.get(name, {}).get("deps", []):
            made = output_hash(recorded.stages, Path(item["path"]))
            if made is not None and "md5" in item and made != item["md5"]:
                yield f"dvc.lock contradicts itself: {item['path']} is {made}, but {name} read {item['md5']}"
    wanted, text = output_hash(recorded.stages, paths.BASE_JSON), recorded.text(paths.BASE_JSON) or ""
    found = md5(text.encode(errors="surrogateescape"), usedforsecurity=False).hexdigest()
    if wanted is not None and wanted != found:
        yield f"{paths.BASE_JSON}: recorded {wanted}, but git holds {found}"
    wanted, text = output_hash(recorded.stages, paths.CODE), recorded.text(paths.CODE) or ""
    found = md5(text.encode(errors="surrogateescape"), usedforsecurity=False).hexdigest()
    if wanted is not None and wanted != found:
        yield f"{paths.CODE}: recorded {wanted}, but git holds {found}"
    base_hash = output_hash(recorded.stages, paths.BASE)
    if recorded.base is not None and len(recorded.base.datapools) == 1 and recorded.base.datapools[0] != base_hash:
        yield from _not_taken_from(recorded, recorded.base.datapools[0], base_hash)
    yield from _not_built_on(recorded)


def _not_taken_from(recorded: Revision, datapool: str, base_hash: str | None) -> Iterator[str]:
    """Yield what is wrong with a base that is another datapool than `base.json` names: samples may have been removed.

    Args:
        recorded: whose record.
        datapool: that `base.json` names.
        base_hash: of what was built on.
    """
    before, after = filenames(recorded.cache, datapool), filenames(recorded.cache, base_hash)
    listing = recorded.cache.listing(base_hash) if base_hash and recorded.cache.has(base_hash) else {}
    if TAKEN_OUT_JSON not in listing:
        yield f"{paths.BASE_JSON} names datapool {datapool}, but {paths.BASE} is {base_hash}"
    elif before is not None and after is not None:
        removed = removed_names(recorded.cache, base_hash)
        if [name for name in before if name not in removed] != after:
            yield f"{paths.BASE}: it is not datapool {datapool} without what was taken out for good"


def _not_built_on(recorded: Revision) -> Iterator[str]:
    """Yield where a datapool does not begin with its base, or drops what a parent of the commit had accepted."""
    have = filenames(recorded.cache, recorded.datapool_hash)
    base = filenames(recorded.cache, dependency_hash(recorded.stages, "merge_datapool", paths.BASE))
    if have is None:
        return
    if base is not None and have[: len(base)] != base:
        yield f"{paths.DATAPOOL}: its samples do not begin with the {len(base)} samples of its base"
    if (recorded.params.get("base") or {}).get("datapool", "auto") != "auto":
        return
    parents = readable_parents(_parents(recorded), LAYOUT)
    hashes = {parent: output_hash(stages_at(parent, paths.DVC_LOCK), paths.DATAPOOL) for parent in parents}
    read = [parent for parent in parents if filenames(recorded.cache, hashes[parent]) is not None]
    lost = _lost(recorded, read)
    # `git revert` goes back to a datapool that was accepted before: nothing is hidden there. A merge is none,
    # and neither is what follows one that cannot be read.
    if lost and (parents != _parents(recorded)[:1] or not was_recorded_before(str(recorded.commit), LAYOUT)):
        yield from lost


def lost_by_merge(recorded: Revision) -> Iterator[str]:
    """Yield what a merge drops that was not made by the pipeline: what one of its parents had accepted."""
    if recorded.commit is not None and recorded.stages and len(_parents(recorded)) > 1:
        yield from _lost(recorded, _parents(recorded))


def _lost(recorded: Revision, parents: Sequence[str]) -> list[str]:
    """Return one message for each of some parents whose accepted samples a revision drops."""

    def names(datapool: str) -> frozenset[str] | None:
        found = filenames(recorded.cache, datapool)
        return None if found is None else removed_names(recorded.cache, datapool).union(found)

    lost = lost_samples(recorded.name, recorded.stages, recorded.base, parents, LAYOUT, names)
    return [message.removeprefix(f"{recorded.name}: ") for message in lost]


def _parents(recorded: Revision) -> list[str]:
    return git.parents_of(str(recorded.commit))


def records_an_iteration(recorded: Revision) -> bool:
    """Return whether a commit records another datapool than its first parent."""
    datapool = output_hash(recorded.stages, paths.DATAPOOL)
    former = [
        output_hash(stages_at(parent, paths.DVC_LOCK), paths.DATAPOOL)
        for parent in readable_parents([f"{recorded.commit}^"], LAYOUT)[:1]
    ]
    return datapool is not None and [datapool] != former


def filenames(cache: Cache, datapool: str | None) -> list[str] | None:
    """Return the filenames in a datapool, in order of selection; None where the cache does not hold them."""
    if datapool is None or not cache.has(datapool):
        return None
    samples = cache.listing(datapool).get(SAMPLES_CSV)
    if samples is None or not cache.has(samples):
        return None
    return list(read_csv(cache.path(samples), SAMPLES)["filename"])


def removed_names(cache: Cache, datapool: str | None) -> frozenset[str]:
    """Return the filenames of which a datapool, whose listing the cache holds, has tombstones."""
    removed = cache.listing(datapool).get(REMOVED_CSV) if datapool else None
    if removed is None or not cache.has(removed):
        return frozenset()
    return frozenset(read_csv(cache.path(removed), REMOVED)["filename"])
