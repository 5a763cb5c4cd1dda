"""Uniting what two branches curated, while git merges them.

What the pipeline makes (`dvc.lock`, `base.json`, `code.json`, the reports) cannot be merged line by line: one side's is
taken, and `dvc repro` makes it anew on the union of both datapools.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from curation.core.atomic import write_bytes, write_text
from curation.core.errors import BaseError
from curation.history import git
from curation.history.dvc_cache import open_cache
from curation.history.label_merge import merged_label_file
from curation.pipeline import paths

GENERATED = (paths.DVC_LOCK, paths.BASE_JSON, paths.CODE, paths.REPORTS)
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
    """Settle what can be: of generated files HEAD's stay, and DVC merges its lists of raw files.

    Raises:
        BaseError: other files have conflicts.
    """
    for path in conflicts():
        if any(path == made or made in path.parents for made in GENERATED):
            _take_one_side(path)
        elif path.suffix == ".dvc" and path.parent == paths.LABELS:
            _merge_labels(path)
        elif path.suffix == ".dvc":
            _merge_by_dvc(path)
    left = conflicts()
    if left:
        raise BaseError(
            f"{len(left)} files have conflicts that only you can settle: {', '.join(map(str, left[:10]))}. Edit them, "
            "`git add` them, and run `python -m curate merge` again; or give up with `git merge --abort`"
        )


def _take_one_side(path: Path) -> None:
    """Take HEAD's side of a conflict, or the other's where HEAD has none."""
    for side in ("--ours", "--theirs"):
        if git.git("checkout", side, "--", path.as_posix()) is not None:
            git.git("add", "--", path.as_posix())
            return


def _merge_labels(path: Path) -> None:
    """Unite the labels of a task that both sides imported; of a sample that both have, HEAD's stay."""
    ours, theirs = (git.git("show", f":{number}:./{path.as_posix()}") for number in (2, 3))
    if ours is None or theirs is None:
        return
    with open_cache() as cache:
        text, different = merged_label_file(ours, theirs, path.stem, cache)
    write_text(path, text)
    git.git("add", "--", path.as_posix())
    run_dvc("checkout", "--quiet", path.as_posix())
    if different:
        click.echo(
            f"merge: {path}: {len(different)} samples have other labels on the other side, {different[0]!r} for "
            "one: this side's stay"
        )


def _merge_by_dvc(path: Path) -> None:
    """Let DVC merge a .dvc file of a folder: what either side added. If it cannot, the conflict stays."""
    with TemporaryDirectory(dir=path.parent, prefix=".merging-") as folder:  # DVC reads only what is in the project
        sides = []
        for number, side in enumerate(("ancestor", "our", "their"), start=1):
            text = git.git("show", f":{number}:./{path.as_posix()}")
            file = Path(folder) / side
            file.write_text(text or "")
            sides += [f"--{side}", str(file)]
        if run_dvc("git-hook", "merge-driver", *sides) == 0:
            write_bytes(path, (Path(folder) / "our").read_bytes())
            git.git("add", "--", path.as_posix())


def bring_raw_files() -> None:
    """Bring the raw files of both sides into the workspace.

    Raises:
        BaseError: neither the cache nor the remote holds them all.
    """
    tracked = paths.RAW.with_name(f"{paths.RAW.name}.dvc")
    if tracked.exists() and run_dvc("checkout", "--quiet", str(tracked)) and run_dvc("pull", "--quiet", str(tracked)):
        raise BaseError(
            "the raw files of the other side are in neither cache nor remote: ask whoever made its commits to "
            "`dvc push`, then run `python -m curate merge` again; or give up with `git merge --abort`"
        )


def stage_results() -> None:
    """Add to git's index what the run has changed."""
    git.git("add", "--update", "--", ".")
    for path in GENERATED:
        if path.exists():
            git.git("add", "--", path.as_posix())


def run_dvc(*arguments: str) -> int:
    """Run DVC and return its exit status; variables that git exports to hooks are not handed on."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], env=environment, stdin=subprocess.DEVNULL, check=False
    ).returncode
