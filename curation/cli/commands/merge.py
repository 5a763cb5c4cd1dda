"""`merge`: two branches that curated side by side become one datapool."""

import subprocess

import click

from curation.core.errors import BaseError
from curation.history import git
from curation.history.merge import begin_in_hook, bring_raw_files, run_dvc, settle_conflicts, stage_results
from curation.history.workspace import check


@click.command(name="merge")
@click.argument("revision", required=False)
@click.option("--hook", is_flag=True, hidden=True, help="Called by git, before it commits a merge.")
def command(revision: str | None, hook: bool) -> None:
    """Unite the datapools of two branches, while git merges them.

    With REVISION, a branch or commit, the merge is begun here; without, git has begun it (`git merge`), and left it
    unfinished. Conflicts in what the pipeline makes are settled, `dvc repro` unites both datapools, and `git commit`
    ends the merge.
    """
    git.require_repository()
    if revision is not None:
        _begin(revision)
    if hook:
        begin_in_hook()
    if not git.merge_heads():
        raise BaseError("no merge is going on: `python -m curate merge BRANCH` begins one")
    settle_conflicts()
    if not check(None):
        stage_results()
        click.echo("merge: one side's datapool holds what the other accepted, so there is nothing to unite")
        return
    bring_raw_files()
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


def _begin(revision: str) -> None:
    if git.merge_heads():
        raise BaseError(
            "a merge is going on already: run this without a branch, or give it up with `git merge --abort`"
        )
    if git.commit_of(revision) is None:
        raise BaseError(f"{revision!r} is not a revision that git knows here; give a branch, such as origin/main")
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
