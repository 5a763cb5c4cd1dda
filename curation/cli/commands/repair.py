"""`repair`: make good what a kill in the middle of DVC's writing has left."""

import click

from curation.history import git
from curation.history.repair import repair


@click.command(name="repair")
def command() -> None:
    r"""Bring back the files of DVC that a kill, or a power cut, left cut off.

    DVC writes dvc.lock, the .dvc files and .dvc/tmp/rwlock in place. Killed in the middle of that it leaves a part of
    one, and then refuses its commands. What git has is brought back from there; what DVC makes anew is deleted. Whole
    files are never touched, and `dvc repro` goes on from what the cache holds.

    \b
    python -m curate repair && dvc repro
    """
    git.require_repository()
    repaired = repair()
    for file in repaired:
        click.echo(f"repair: {file.path} {file.action}")
    click.echo("Next: dvc repro" if repaired else "repair: nothing is cut off, nothing was changed")
