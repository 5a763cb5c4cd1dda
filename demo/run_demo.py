"""Run the pipeline on the demo's first three clips, and say where the report is and what to do next.

`make demo` calls this. It can be called again: it leaves what is there, and `dvc repro` runs only what has changed.
It never changes files that somebody else has put into `data/raw`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from curation.core.atomic import TEMPORARY_PREFIX, atomic_file
from curation.core.errors import CurationError, RawDataError
from curation.core.hashing import sha256_of_file
from curation.pipeline.command import with_clear_errors
from demo.make_demo_data import BATCHES, make_demo_data

CLIPS = Path("demo/clips")
RAW = Path("data/raw")
REPORTS = (Path("reports/report.pdf"), Path("reports/report.html"))

NEXT_STEPS = f"""
Next: accept this iteration, then add the other two clips. Only these are processed, and the selection fills the gaps
of the first:

    source .venv/bin/activate
    git add -A && git commit -m "First iteration"
    cp -r {CLIPS / BATCHES[1]}/. {RAW}/
    dvc repro
    git add -A && git commit -m "Second iteration"

To try another parameter instead of accepting: dvc exp run -S select.n_samples=20
To train on the clips, beginning with the pretrained weights (some minutes): dvc exp run -S train.enabled=true
"""


def check_repository(root: Path) -> None:
    """Refuse to run where git or DVC could not keep what the pipeline makes.

    Raises:
        CurationError: `root` is not inside a git repository, or `dvc init` has not been run in it.
    """
    if shutil.which("git") is None:
        raise CurationError("git was not found; install it (apt-get install git), then run `make demo` again")
    if not _succeeds("git", "-C", str(root), "rev-parse", "--git-dir"):
        raise CurationError(
            f"{root} is not a git repository; clone the project with git, or make one of it: "
            'git init && git add -A && git commit -m "Start"'
        )
    if not (root / ".dvc/config").is_file():
        raise CurationError(f"{root} is not a DVC repository (.dvc/config is missing); run: .venv/bin/dvc init")


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def files_below(folder: Path) -> dict[str, Path]:
    """Return the files below `folder` by their path relative to it, sorted; without unfinished copies."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if not path.is_dir() and not path.name.startswith(TEMPORARY_PREFIX)
    }


def place(clips: Path, raw: Path) -> list[str]:
    """Copy the first batch to `raw`, as far as it is not there.

    Args:
        clips: Folder with one folder a batch.
        raw: Folder of raw data; it is made where it does not exist.

    Returns:
        Paths of the copied files, relative to `raw`.

    Raises:
        RawDataError: `raw` holds something that is not from the demo. Nothing is copied then.
    """
    known = {name: path for batch in BATCHES for name, path in files_below(clips / batch).items()}
    present = files_below(raw)
    foreign = [
        name
        for name, path in present.items()
        if name not in known or not path.is_file() or sha256_of_file(path) != sha256_of_file(known[name])
    ]
    if foreign:
        shown = ", ".join(ascii(name) for name in foreign[:3]) + (", …" if len(foreign) > 3 else "")
        raise RawDataError(
            f"{raw} holds {len(foreign)} file(s) that are not the demo's: {shown}. Nothing was changed. To curate "
            f"them, run `dvc repro` (after `source .venv/bin/activate`). To see the demo, use another clone."
        )
    missing = [name for name in files_below(clips / BATCHES[0]) if name not in present]
    for name in missing:
        with atomic_file(raw / name) as temporary:
            shutil.copyfile(known[name], temporary)
    return missing


def make_clips(clips: Path) -> None:
    """Make the demo's clips where they are not complete."""
    if all((clips / batch).is_dir() for batch in BATCHES):
        return
    shutil.rmtree(clips, ignore_errors=True)
    click.echo(f"demo: making five clips in {clips} (some seconds)")
    make_demo_data(clips)


def repro() -> int:
    """Run `dvc repro` with the tools of the Python that runs this; return its exit status."""
    tools = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"}
    return subprocess.run([str(tools / "dvc"), "repro"], env=environment, check=False).returncode


def run_demo() -> None:
    """Make the clips, place three of them, run the pipeline, say what to do next."""
    check_repository(Path.cwd())
    make_clips(CLIPS)
    copied = place(CLIPS, RAW)
    click.echo(f"demo: {len(copied)} files copied to {RAW}" if copied else f"demo: the clips are in {RAW} already")
    status = repro()
    if status != 0:
        raise CurationError(f"dvc repro ended with status {status}; its messages above say why")
    click.echo("\nThe report:")
    for report in REPORTS:
        click.echo(f"    {report.resolve()}")
    click.echo(NEXT_STEPS)


@click.command()
def main() -> None:
    """Run the whole pipeline on three generated driving clips."""
    with_clear_errors("demo", run_demo)


if __name__ == "__main__":
    main()
