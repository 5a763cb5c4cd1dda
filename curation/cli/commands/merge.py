"""`merge`: two branches that curated side by side become one datapool."""

import subprocess
from pathlib import Path

import click

from curation.core.errors import BaseError
from curation.history import git
from curation.history.accepted import check_rebased
from curation.history.dvc_cache import sample_names
from curation.history.layout import LAYOUT
from curation.history.merge import (
    begin_in_hook,
    bring_raw_files,
    complete_raw_list,
    drive,
    has_former_driver,
    run_dvc,
    settle_conflicts,
    stage_results,
)
from curation.history.workspace import unaccounted


@click.command(name="merge")
@click.argument("revision", required=False)
@click.option("--hook", is_flag=True, hidden=True, help="Called by git, before it commits a merge.")
@click.option("--after-rebase", is_flag=True, hidden=True, help="Called by git, after a rebase.")
@click.option(
    "--driver",
    nargs=4,
    hidden=True,
    metavar="BASE OURS THEIRS NAME",
    type=click.Path(path_type=Path),
    help="Called by git, to merge one .dvc file.",
)
def command(revision: str | None, hook: bool, after_rebase: bool, driver: tuple[Path, Path, Path, Path] | None) -> None:
    """Unite the datapools of two branches, while git merges them.

    With REVISION, a branch or commit, the merge is begun here; without, git has begun it (`git merge`), and left it
    unfinished. Conflicts in what the pipeline makes are settled, `dvc repro` unites both datapools, and `git commit`
    ends the merge.
    """
    git.require_repository()
    if driver is not None:
        drive(*driver)
        return
    if after_rebase:
        _look_after_rebase()
        return
    if revision is not None:
        _begin(revision)
    if hook:
        begin_in_hook()
    if not git.merge_heads():
        raise BaseError(_nothing_to_merge())
    if has_former_driver():
        click.echo(
            "merge: run hooks/install.sh once more, so that git merges .dvc files as this command does", err=True
        )
    settle_conflicts()
    if not unaccounted():
        stage_results()
        click.echo("merge: one side's datapool holds what the other accepted, so there is nothing to unite")
        return
    bring_raw_files()
    complete_raw_list()
    if run_dvc("repro"):
        raise BaseError(
            "the datapools are not united yet: correct what `dvc repro` reports above, and run "
            "`python -m curate merge` again; or give up with `git merge --abort`, then `dvc checkout`"
        )
    stage_results()
    click.echo("merge: both datapools are united; look at reports/report.pdf, then end the merge with `git commit`")
    if hook:
        # Git has made the merge's tree already: with an error it stops, and `git commit` takes the tree as it is now.
        raise SystemExit(1)


def _look_after_rebase() -> None:
    """Say where a rebase has replaced an iteration by the other side's.

    Raises:
        BaseError: it has.
    """
    if check_rebased(LAYOUT, sample_names):
        raise BaseError(
            "a rebase cannot unite datapools, and this one has left out what your commits had accepted. "
            "`git reset --hard ORIG_HEAD` brings them back; then unite both sides with `git pull --no-rebase`, or "
            "`python -m curate merge BRANCH`"
        )


def _nothing_to_merge() -> str:
    if git.rebasing():
        return (
            "a rebase is going on, which cannot unite datapools: `git rebase --abort`, then `git pull --no-rebase`, or "
            "`python -m curate merge BRANCH`"
        )
    return "no merge is going on: `python -m curate merge BRANCH` begins one"


def _begin(revision: str) -> None:
    if git.merge_heads():
        raise BaseError(
            "a merge is going on already: run this without a branch, or give it up with `git merge --abort`"
        )
    if git.commit_of(revision) is None:
        advice = git.missing_history() or "give a branch, such as origin/main"
        raise BaseError(f"{revision!r} is not a revision that git knows here; {advice}")
    done = subprocess.run(
        ["git", "merge", "--no-commit", "--no-ff", "--end-of-options", revision],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if not git.merge_heads():
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise BaseError(f"git merges nothing: {' '.join(lines) or 'it gives no reason'}")
