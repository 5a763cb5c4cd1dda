"""Taking samples out of a datapool for good, and finding what still holds them.

The list of what is out (`base.removed_file`) is an input of the pipeline like any other: the next `dvc repro` carries
it out. History keeps what it held; who has to delete it there gets the commands that do.
"""

import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple

import pandas as pd

from curation.cleaning.removed import is_removed
from curation.core.errors import BaseError
from curation.datapool import store
from curation.datapool.removal import tombstones
from curation.history import git
from curation.history.dvc_cache import Cache
from curation.history.dvc_lock import output_hash
from curation.inspection.revision import Revision
from curation.pipeline import paths
from curation.raw.tracks import file_path, file_paths
from curation.tables.files import read_parquet


class Found(NamedTuple):
    """The samples and raw files that a user's names stand for.

    Attributes:
        samples: filename, raw_path, content_hash, pixel_hash, sorted by filename.
        raw_files: those of which nothing may come in again.
    """

    samples: pd.DataFrame
    raw_files: set[str]


def found_by(start: Revision, names: Sequence[str]) -> Found:
    """Find the samples that names stand for: a sample's filename, or a raw file's path for all of its samples.

    Args:
        start: in whose datapool.
        names: at least one.

    Raises:
        BaseError: a name is unknown, or taken out already.
    """
    processed = start.processed
    filenames, raw_paths = set(processed["filename"]), set(processed["raw_path"])
    for name in names:
        if name in filenames or name in raw_paths:
            continue
        if name in set(start.removed["filename"]) | set(start.removed["raw_path"]):
            raise BaseError(
                f"{name!r} has been taken out already; `python -m curate remove --where` says what holds it"
            )
        if name in set(start.ledger["path"]):
            raise BaseError(f"{name!r} gave no sample: there is nothing to take out; delete it from {paths.RAW}")
        like = get_close_matches(name, sorted(filenames | raw_paths), 3)
        hint = f". Did you mean {' or '.join(map(repr, like))}?" if like else ""
        raise BaseError(f"{name!r} is neither a sample nor a raw file of {start.name}{hint}")
    raw_files = {path for path in raw_paths if not {path, file_path(path)}.isdisjoint(names)}
    wanted = processed[processed["filename"].isin(names) | processed["raw_path"].isin(raw_files)]
    return Found(wanted.drop_duplicates("filename").sort_values("filename", ignore_index=True), raw_files)


def listed_with(listed: pd.DataFrame, found: Found, reason: str) -> pd.DataFrame:
    """Return the list with some samples more; what it has stays as it is."""
    rows = [listed, tombstones(found.samples, found.raw_files, reason)]
    return pd.concat(rows, ignore_index=True).drop_duplicates("filename", ignore_index=True)


@dataclass(frozen=True)
class Holder:
    """A commit that still holds something that was removed.

    Attributes:
        commit: 40 hexadecimal digits.
        subject: its first line.
        samples: how many of the samples are in its datapool or were candidates for it; None if its datapool is not in
            the cache.
        has_raw_file: whether its data/raw holds a raw file of theirs.
    """

    commit: str
    subject: str
    samples: int | None
    has_raw_file: bool


def holders(samples: pd.DataFrame, raw_files: Collection[str], cache: Cache) -> Iterator[Holder]:
    """Yield the commits of all branches, tags and experiments that still hold something, newest first.

    Args:
        samples: columns of `curation.tables.datapool.REMOVED`.
        raw_files: paths below data/raw that are to go.
        cache: of DVC; what is only on a remote is not fetched.
    """
    count = lru_cache(maxsize=None)(lambda datapool: _count_in(datapool, samples, cache))
    has_file = lru_cache(maxsize=None)(lambda folder: _has_raw_file(folder, frozenset(raw_files), cache))
    lock, raw = paths.DVC_LOCK.as_posix(), f"{paths.RAW.as_posix()}.dvc"
    listing = git.git("log", "--all", "--format=%H %s", "--", f"./{lock}", f"./{raw}") or ""
    for line in listing.splitlines():
        commit, _, subject = line.partition(" ")
        recorded = Revision(commit[:12], commit, cache)
        datapool = output_hash(recorded.stages, paths.DATAPOOL)
        found = 0 if datapool is None else count(datapool)
        folders = [str(out["md5"]) for out in recorded.raw_outputs if "md5" in out]
        raw_found = any(has_file(folder) for folder in folders)
        if found != 0 or raw_found:
            yield Holder(commit, subject, found, raw_found)


def _count_in(datapool: str, samples: pd.DataFrame, cache: Cache) -> int | None:
    """Count the removed samples of which a datapool has embeddings; None if the cache lacks some of it."""
    if not cache.has(datapool):
        return None
    names = set[str]()
    for name, file_hash in cache.listing(datapool).items():
        if name.startswith(f"{store.EMBEDDINGS_FOLDER}/"):
            if not cache.has(file_hash):
                return None
            rows = read_parquet(cache.path(file_hash), ["filename", "content_hash", "pixel_hash"])
            names.update(rows.loc[is_removed(rows, samples), "filename"])
    return len(names)


def _has_raw_file(folder: str, raw_files: frozenset[str], cache: Cache) -> bool:
    files = file_paths(raw_files)
    return bool(files) and cache.has(folder) and not files.isdisjoint(cache.listing(folder))


def checkpoints(start: Revision, samples: pd.DataFrame) -> list[tuple[str, int]]:
    """Return the checkpoints that may have learned from some samples, with the iteration that first used each.

    A model is trained on the samples of its own iteration, and further trained in later ones: so it is every checkpoint
    that came up when, or after, one of the samples' raw files was processed.
    """
    ledger = start.ledger
    known = ledger[ledger["path"].isin(samples["raw_path"])]
    first = int(known["iteration"].min()) if len(known) else 0
    uses = start.iterations.drop_duplicates("checkpoint_hash")
    return [
        (str(row["checkpoint_hash"]), int(row["iteration"]))
        for row in uses.to_dict("records")
        if int(row["iteration"]) >= first
    ]


def remotes() -> dict[str, str]:
    """Return the URL of each DVC remote, by name."""
    from dvc.repo import Repo

    with Repo() as repo:
        return {name: str(settings.get("url", "")) for name, settings in sorted(repo.config["remote"].items())}


def purge_commands(raw_files: Collection[str], names: Collection[str], *, experiments: bool) -> list[str]:
    """Return the commands that delete for good what earlier commits hold, in their order.

    Args:
        raw_files: paths below data/raw that are still there.
        names: of DVC remotes.
        experiments: whether there are any.
    """
    files = sorted(file_paths(raw_files))
    commands = [f"rm -f -- {shlex.quote((paths.RAW / name).as_posix())}" for name in files]
    if raw_files:
        tracked = paths.RAW.with_name(f"{paths.RAW.name}.dvc").exists()
        commands += ["dvc add data/raw"] if tracked else []
    commands += [
        f"rm -f -- {paths.EMBEDDING_CACHE} {paths.TRAINING_STATE}",
        "dvc repro",
        "git add --all",
        "git commit --message 'Take samples out for good'",
    ]
    commands += ["dvc exp remove --all-commits"] if experiments else []
    commands += ["dvc gc --workspace --force"]
    return commands + [f"dvc gc --workspace --cloud --remote {shlex.quote(name)} --force" for name in names]


def has_experiments() -> bool:
    """Return whether git holds experiments of DVC."""
    return bool((git.git("for-each-ref", "--count=1", "refs/exps") or "").strip())
