"""`doctor`: what keeps DVC from reading the raw data."""

from pathlib import Path

import click

from curation.core.errors import RawDataError
from curation.pipeline import paths
from curation.raw.obstacles import obstacles

_DVCIGNORE = Path(".dvcignore")


@click.command(name="doctor")
def command() -> None:
    r"""Name what DVC cannot read in data/raw, and say what to do about it.

    DVC reads data/raw as a whole before any stage. Where it stops there, it says `surrogates not allowed`, `No such
    file or directory`, `Too many levels of symbolic links`, `Permission denied` or `No such device or address`, or
    waits without a word. This command finds the files and folders, opens none, and changes nothing. The exit status is
    1 if DVC stops at one.

    \b
    python -m curate doctor
    """
    ignores = _DVCIGNORE.read_text(encoding="utf-8").splitlines() if _DVCIGNORE.is_file() else []
    found = obstacles(paths.RAW, ignores)
    for obstacle in found:
        click.echo(f"{obstacle.path}: {obstacle.reason}. Try: {obstacle.remedy}")
    if stops := sum(obstacle.stops for obstacle in found):
        raise RawDataError(f"DVC stops at {stops} of the {len(found)} named above: mend them, then `dvc repro`")
    click.echo("doctor: DVC can read data/raw" + (", but leaves out what is named above" if found else ""))
