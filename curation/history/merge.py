"""Uniting what two branches curated, while git merges them.

What the pipeline makes (`dvc.lock`, `base.json`, `code.json`, the reports, the lists of kept pictures) cannot be merged
line by line: one side's is taken, and `dvc repro` makes it anew on the union of both datapools.
"""

import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from ruamel.yaml import YAML

from curation.core.atomic import write_text
from curation.core.errors import BaseError
from curation.history import git
from curation.history.dvc_cache import Cache, open_cache
from curation.history.dvc_files import Sides, add_size, merged_dvc_file
from curation.history.label_merge import merged_label_file
from curation.history.readable import RAW_LIST, marked_in_index
from curation.pipeline import paths

GENERATED = (paths.DVC_LOCK, paths.BASE_JSON, paths.CODE, paths.REPORTS, paths.PICTURES)
"""The files that the pipeline makes and git holds."""


def begin_in_hook() -> None:
    """Make a merge known that git is about to commit: it writes MERGE_HEAD only if its hook fails.

    What it merges it names to the hook in variables such as GITHEAD_1234abcd…
    """
    prefix = "GITHEAD_"
    commits = sorted(name.removeprefix(prefix) for name in os.environ if name.startswith(prefix))
    location = git.git("rev-parse", "--git-path", "MERGE_HEAD")
    if commits and location is not None and not git.merge_heads():
        write_text(Path(location.strip()), "".join(f"{commit}\n" for commit in commits))


def conflicts() -> list[Path]:
    """Return the files below the project's folder that git could not merge."""
    listing = git.git("diff", "--name-only", "--diff-filter=U", "--relative", "-z") or ""
    return [Path(name) for name in listing.split("\0") if name]


def settle_conflicts() -> None:
    """Settle what can be: of generated files HEAD's stay, and lists of raw files are merged file by file.

    Raises:
        BaseError: other files have conflicts.
    """
    _reopen_what_was_added_with_markers()
    reasons = []
    for path in conflicts():
        if any(path == made or made in path.parents for made in GENERATED):
            _take_one_side(path)
        elif path.suffix == ".dvc":
            try:
                _merge_dvc_file(path)
            except BaseError as error:
                reasons.append(error.message)
    left = conflicts()
    others = [path for path in left if path.suffix != ".dvc"]
    if others:
        reasons.append(
            f"{len(others)} files have conflicts that only you can settle: {', '.join(map(str, others[:10]))}. Edit "
            "them, `git add` them, and run `python -m curate merge` again; or give up with `git merge --abort`"
        )
    if left:
        raise BaseError("\n".join(reasons))


def _reopen_what_was_added_with_markers() -> None:
    """Take back a `git add` of files that hold conflict markers: their conflicts are as open as before."""
    for path in marked_in_index():
        git.git("checkout", "--merge", "--", path.as_posix())


def _take_one_side(path: Path) -> None:
    """Take HEAD's side of a conflict, or the other's where HEAD has none."""
    for side in ("--ours", "--theirs"):
        if git.git("checkout", side, "--", path.as_posix()) is not None:
            git.git("add", "--", path.as_posix())
            return


def _merge_dvc_file(path: Path) -> None:
    """Merge a `.dvc` file of a folder from what git's index holds of the three sides."""
    texts = Sides(*(git.git("show", f":{number}:./{path.as_posix()}") for number in (1, 2, 3)))
    with open_cache() as cache:
        text = _merged(path, texts, cache)
    write_text(path, text)
    git.git("add", "--", path.as_posix())
    if path.parent == paths.LABELS:
        _dvc("checkout", "--quiet", path.as_posix())


def _merged(path: Path, texts: Sides, cache: Cache) -> str:
    """Merge a `.dvc` file of a folder file by file, and one of labels sample by sample; see `merged_dvc_file`."""
    if path.parent != paths.LABELS or texts.ours is None or texts.theirs is None:
        return merged_dvc_file(path, texts, cache)
    text, different = merged_label_file(path, texts, cache)
    if different:
        click.echo(
            f"merge: {path}: both sides changed the labels of {len(different)} samples, {different[0]!r} for one: this "
            "side's stay; the other's can be imported again",
            err=True,
        )
    return text


def has_former_driver() -> bool:
    """Return whether this clone still lets DVC merge `.dvc` files, as hooks/install.sh once set it up."""
    return (git.git("config", "merge.dvc.driver") or "").startswith("dvc ")


def drive(base: Path, ours: Path, theirs: Path, path: Path) -> None:
    """Merge a `.dvc` file while git merges, as its driver.

    Args:
        base: file with the text that both sides began with.
        ours: with HEAD's; becomes the merged one. If that cannot be, git's conflict markers are written into it: the
            one side's file would be taken for the outcome otherwise.
        theirs: with the other side's.
        path: of the file, for messages.

    Raises:
        BaseError: the sides contradict each other, or their lists of files cannot be fetched.
    """
    texts = Sides(
        *(file.read_text(encoding="utf-8", errors="surrogateescape") or None for file in (base, ours, theirs))
    )
    try:
        with open_cache() as cache:
            merged = _merged(path, texts, cache)
    except BaseError:
        labels = [word for side in ("HEAD", "base", "the other side") for word in ("-L", side)]
        git.git("merge-file", *labels, str(ours), str(base), str(theirs))
        raise
    ours.write_bytes(merged.encode(errors="surrogateescape"))  # git's own temporary file


def bring_raw_files() -> None:
    """Bring the raw files of both sides into the workspace.

    Raises:
        BaseError: neither the cache nor the remote holds them all, or files in the workspace are in the way.
    """
    if not RAW_LIST.exists() or _dvc("checkout", "--quiet", str(RAW_LIST)) is None:
        return
    failure = _dvc("pull", "--quiet", str(RAW_LIST))
    if failure is not None:
        raise BaseError(
            f"the raw files of both sides could not be brought into {paths.RAW} (DVC: {failure}). Where they are in "
            "neither cache nor remote, ask whoever made the other side's commits to `dvc push --all-commits`; files "
            "that no commit names yet belong somewhere else meanwhile. Then run `python -m curate merge` again; or "
            "give up with `git merge --abort`"
        )


def complete_raw_list() -> None:
    """Write into the list of raw files how many bytes they have, where it was merged without having them all."""
    text = RAW_LIST.read_text(encoding="utf-8") if RAW_LIST.exists() else ""
    content = YAML().load(text) or {}
    output = (content.get("outs") or [{}])[0]
    if "size" in output or not str(output.get("md5", "")).endswith(".dir"):
        return
    with open_cache() as cache:
        is_known = cache.has(output["md5"]) and add_size(output, cache.listing(output["md5"]), cache)
    if is_known:
        stream = io.StringIO()
        YAML().dump(content, stream)
        write_text(RAW_LIST, stream.getvalue())


def stage_results() -> None:
    """Add to git's index what the run has changed."""
    git.git("add", "--update", "--", ".")
    for path in GENERATED:
        if path.exists():
            git.git("add", "--", path.as_posix())


def run_dvc(*arguments: str) -> int:
    """Run DVC and return its exit status."""
    return _run_dvc(arguments, None).returncode


def _dvc(*arguments: str) -> str | None:
    """Run DVC silently, and return the first line of its errors, None where it succeeds."""
    done = _run_dvc(arguments, subprocess.PIPE)
    lines = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
    return None if done.returncode == 0 else (lines or ["it gives no reason"])[0]


def _run_dvc(arguments: Sequence[str], errors: int | None) -> subprocess.CompletedProcess[str]:
    """Run DVC; variables that git exports to hooks are not handed on."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, stderr=errors, text=True, errors="replace", check=False
    )
