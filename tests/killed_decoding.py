"""Decoding that is killed, and notes of the files that it has begun: worker processes import this."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from curation.cleaning.decode_file import DecodedFile, Settings, decode_file
from curation.cleaning.decode_files import decode_all
from curation.cleaning.pack_folder import PackFolder
from curation.cleaning.results import Results
from curation.cleaning.tasks import RawFile, tasks_of
from curation.core.kinds import IMAGE
from tests import ROOT

SETTINGS = Settings(
    max_pixels=100_000_000, proxy_size=64, corruption_threshold=0.1, decode_timeout_s=60, decode_memory_mb=512
)
NOTES = "CURATION_TESTS_NOTES"
"""Variable that names the file in which each file is noted that a worker begins."""

_LOOK_S = 0.001


def noting_decode(
    file: RawFile,
    threads: int,
    announce: Callable[[int], None],
    *,
    raw_folder: Path,
    shard_folder: Path,
    settings: Settings,
) -> DecodedFile:
    """Note that a file begins, and decode it."""
    with Path(os.environ[NOTES]).open("a") as notes:
        notes.write(f"{file.path}\n")
    return decode_file(file, threads, announce, raw_folder=raw_folder, shard_folder=shard_folder, settings=settings)


def decode_here() -> None:
    """Decode the images in `raw`, of the current folder, in two worker processes; `packs` has the results."""
    shutil.rmtree("shards", ignore_errors=True)
    Path("shards").mkdir()
    paths = sorted(path.name for path in Path("raw").iterdir())
    results = Results(PackFolder(Path("packs")), "code", lambda file: file.path, 1 << 30, print)
    tasks = tasks_of((path, IMAGE, 1) for path in paths)
    decode_all(tasks, Path("raw"), Path("shards"), SETTINGS, 2, noting_decode, results=results)


def killed(command: Sequence[str], folder: Path, notes: Path, begun: int | None, later_s: float = 0.0) -> int:
    """Run a command, and kill it when some files have begun.

    Args:
        command: what to run.
        folder: where.
        notes: file for the files that begin; there must be none.
        begun: files; None: it is not killed.
        later_s: seconds from then to the kill.

    Returns:
        Its exit status; less than 0 where it was killed.
    """
    environment = os.environ | {NOTES: str(notes), "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        while begun is not None and process.poll() is None:
            if len(noted(notes)) >= begun:
                time.sleep(later_s)
                os.killpg(process.pid, signal.SIGKILL)
                break
            time.sleep(_LOOK_S)
        return process.wait()


def noted(notes: Path) -> list[str]:
    """Return the files that have begun."""
    return notes.read_text().splitlines() if notes.exists() else []


def repeated(runs: Sequence[Sequence[str]]) -> list[int]:
    """Return how many of the files that each run has begun were begun once more by a later one.

    Args:
        runs: the files that each has begun.
    """
    return [
        len(set(begun) & {path for later in runs[place + 1 :] for path in later}) for place, begun in enumerate(runs)
    ]
