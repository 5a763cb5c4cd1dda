"""The raw files of the iteration that HEAD holds: those listed and processed, and those that `data/raw.dvc` names."""

from pathlib import Path

from ruamel.yaml import YAML

from curation.buckets.listing import is_listing
from curation.core.errors import BaseError
from curation.core.hashing import md5_of_file
from curation.datapool import store
from curation.history import git
from curation.history.base_rule import is_complete
from curation.history.dvc_lock import output_hash, stages_at
from curation.history.layout import LAYOUT
from curation.pipeline import paths


def accepted_table() -> Path | None:
    """Return ingest's table of HEAD's iteration: from the workspace, or by its hash from the DVC cache.

    Returns:
        A file that is only to be read; None where HEAD's iteration is not complete, or its table is not at hand.
    """
    stages = stages_at("HEAD", paths.DVC_LOCK)
    recorded = output_hash(stages, paths.RAW_FILES)
    if recorded is None or not is_complete(stages, LAYOUT):
        return None
    if paths.RAW_FILES.is_file() and md5_of_file(paths.RAW_FILES) == recorded:
        return paths.RAW_FILES
    from curation.history.dvc_cache import open_cache

    try:
        with open_cache() as cache:
            return cache.file(recorded)
    except BaseError:
        return None


def processed_contents() -> frozenset[str]:
    """Return the content hash of every raw file that HEAD's datapool has taken in; none where it is not at hand."""
    from curation.history.dvc_cache import open_cache

    recorded = output_hash(stages_at("HEAD", paths.DVC_LOCK), paths.DATAPOOL)
    if recorded is None:
        return frozenset()
    try:
        with open_cache() as cache:
            files = cache.listing(recorded)
            ledger = store.join_ledger(cache.file(files[name]) for name in store.ledger_parts(files))
            return frozenset(ledger["content_hash"])
    except BaseError:
        return frozenset()


def tracked_files(*, with_listings: bool = False) -> int:
    """Return how many raw files HEAD's `data/raw.dvc` names; 0 where DVC does not track them, or fills the folder.

    Args:
        with_listings: whether there may be listings of buckets among them, which do not count. Then it is 0, too, where
            the list of the files is not at hand.
    """
    text = git.read_file("HEAD", paths.RAW.with_name(f"{paths.RAW.name}.dvc"))
    content = (YAML(typ="safe").load(text) if text else None) or {}
    outputs = [] if "deps" in content else content.get("outs", [])
    if not with_listings:
        return sum(int(out.get("nfiles", 0)) for out in outputs)
    from curation.history.dvc_cache import open_cache

    try:
        with open_cache() as cache:
            names = [name for out in outputs if "md5" in out for name in cache.listing(str(out["md5"]))]
    except BaseError:
        return 0
    return sum(not is_listing(name) for name in names)
