"""Merging DVC's files of folders: what either side of a merge added to, or took out of, `data/raw`.

A `.dvc` file holds one hash, of the folder's list of files, so to git every two changes contradict each other. The
lists themselves, which the DVC cache or the remote holds, mostly do not.
"""

import io
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import click
from ruamel.yaml import YAML

from curation.buckets.listing import is_listing
from curation.core.errors import BaseError
from curation.history.dvc_cache import Cache
from curation.history.listing_merge import united_listing
from curation.history.readable import fault_of

Listing = Mapping[str, str]
"""Hash of each file of a folder, by its path in there."""

_NAMED = 10
_CONTENT = ("md5", "size", "nfiles")
"""The keys of an output that follow from what is in it."""


class Sides(NamedTuple):
    """What one thing is at three places; None: it is not there.

    Attributes:
        base: where both sides began.
        ours: on HEAD's side.
        theirs: on the side that is merged.
    """

    base: str | None
    ours: str | None
    theirs: str | None


def merge_listings(base: Listing, ours: Listing, theirs: Listing) -> tuple[dict[str, str], list[str]]:
    """Merge two lists of files, file by file.

    Args:
        base: the list that both began with.
        ours: of one side.
        theirs: of the other.

    Returns:
        The merged list, sorted, and the files that each side has changed in another way: other content, deleted by
        one and changed by the other, or a file where the other side has a folder.
    """
    merged: dict[str, str] = {}
    clashes: list[str] = []
    for name in sorted({*base, *ours, *theirs}):
        sides = Sides(base.get(name), ours.get(name), theirs.get(name))
        is_clear, value = three_way(sides)
        if not is_clear:
            clashes.append(name)
        elif value is not None:
            merged[name] = value
    folders = {parent.as_posix() for name in merged for parent in PurePosixPath(name).parents}
    clashes += [name for name in merged if name in folders]
    return merged, sorted(clashes)


def three_way(sides: Sides) -> tuple[bool, str | None]:
    """Return whether at most one side has changed something (or both have alike), and what it is then."""
    if sides.ours in (sides.theirs, sides.base):
        return True, sides.theirs
    return sides.theirs == sides.base, sides.ours


def merged_dvc_file(path: Path, texts: Sides, cache: Cache) -> str:
    """Merge a `.dvc` file.

    Args:
        path: of the file, for messages.
        texts: of the file.
        cache: has the lists of files, or fetches them; the merged one is added to it.

    Returns:
        The text of the merged file. The size of what is in the folder is left out where the cache lacks some of it.

    Raises:
        BaseError: the sides contradict each other, or a list cannot be fetched.
    """
    is_clear, text = three_way(texts)
    if is_clear:
        return text or ""
    ours, theirs = (_parse(path, text) for text in (texts.ours, texts.theirs))
    base = _parse(path, texts.base) if texts.base else {}
    if _frame(ours) != _frame(theirs):
        raise BaseError(
            f"{path} differs on both sides in more than the files that it stands for: edit it, `git add {path}`, and "
            "run `python -m curate merge` again"
        )
    outputs = [(content.get("outs") or [{}])[0] for content in (ours, theirs, base or {})]
    mine, other, former = (str(output["md5"]) if output.get("md5") else None for output in outputs)
    if mine is None or other is None or not (mine.endswith(".dir") and other.endswith(".dir")) or "deps" in ours:
        raise BaseError(
            f"{path} stands for something else on either side, and no folder of files that `dvc add` put together: "
            f"take one side (`git checkout --ours {path}`, or --theirs), `git add {path}`, and run "
            "`python -m curate merge` again; `dvc update` brings an imported folder up to date later"
        )
    merged = _merged_list(path, str(outputs[0].get("path", "")), Sides(former, mine, other), cache)
    _describe(outputs[0], merged, cache)
    stream = io.StringIO()
    YAML().dump(ours, stream)
    return stream.getvalue()


def _merged_list(path: Path, folder: str, hashes: Sides, cache: Cache) -> dict[str, str]:
    """Merge the lists of files that three hashes name.

    Without the list that both began with, which nobody may have any more, no file of either side is left out.
    """
    missing = [value for value in hashes if value is not None and not cache.has(value)]
    reason = ""
    if missing:
        try:
            cache.fetch(missing)
        except BaseError as error:
            reason = f" ({error.message.rpartition(': ')[0]})"
    for side, value in (("this side", hashes.ours), ("the other side", hashes.theirs)):
        if not cache.has(str(value)):
            raise BaseError(
                f"{path}: the list of {side}'s files, {value}, is in neither the DVC cache nor the remote{reason}: ask "
                "whoever made its commits to `dvc push --all-commits`, then run `python -m curate merge`; or give up "
                "with `git merge --abort`"
            )
    has_base = hashes.base is not None and hashes.base.endswith(".dir") and cache.has(hashes.base)
    base = cache.listing(str(hashes.base)) if has_base else {}
    ours, theirs = cache.listing(str(hashes.ours)), cache.listing(str(hashes.theirs))
    merged, clashes = merge_listings(base, ours, theirs)
    for name in [one for one in clashes if is_listing(one) and one in ours and one in theirs]:
        place = (path.parent / folder / name).as_posix()
        merged[name] = united_listing(place, ours[name], theirs[name], cache)
        clashes.remove(name)
        click.echo(
            f"merge: {place} was refreshed on both sides, and names now what either named: `python -m curate update` "
            "brings it up to date",
            err=True,
        )
    merged = dict(sorted(merged.items()))
    if clashes:
        names = ", ".join((path.parent / folder / name).as_posix() for name in clashes[:_NAMED])
        more = f" and {len(clashes) - _NAMED} more" if len(clashes) > _NAMED else ""
        raise BaseError(
            f"{path}: both sides changed {len(clashes)} files in another way: {names}{more}. A name stands for one "
            "content: `git merge --abort`, then on one side `dvc checkout`, rename or delete them in the folder, "
            "`dvc repro`, `git commit`, and merge again"
        )
    return merged


def _describe(output: dict[str, Any], listing: Listing, cache: Cache) -> None:
    """Let an output of a `.dvc` file stand for a list of files."""
    output["md5"] = cache.add_listing(listing)
    output["nfiles"] = len(listing)
    output.pop("size", None)
    add_size(output, listing, cache)


def add_size(output: dict[str, Any], listing: Listing, cache: Cache) -> bool:
    """Add to an output of a `.dvc` file how many bytes its files have, where the cache holds them all."""
    files = [cache.path(value) for value in listing.values()]
    if not all(file.is_file() for file in files):
        return False
    size = sum(file.stat().st_size for file in files)
    insert = getattr(output, "insert", None)  # of ruamel's mappings, which keep the order of keys
    if insert is not None:
        insert(1, "size", size)
    else:
        output["size"] = size
    return True


def _parse(path: Path, text: str | None) -> Any:
    """Read a `.dvc` file in such a way that it can be written again."""
    if text is None:
        raise BaseError(
            f"{path} was deleted on one side, and changed on the other: `git add {path}` keeps it, `git rm {path}` "
            "does not; then run `python -m curate merge` again"
        )
    if fault := fault_of(path, text):
        raise BaseError(f"{path} {fault}: correct it, `git add {path}`, and run `python -m curate merge` again")
    return YAML().load(text)


def _frame(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a `.dvc` file says besides the content of its output."""
    outputs = [
        {key: value for key, value in output.items() if key not in _CONTENT} for output in content.get("outs") or []
    ]
    return {**{key: value for key, value in content.items() if key not in ("outs", "deps", "md5")}, "outs": outputs}
