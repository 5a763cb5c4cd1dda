"""Ctrl-C: one line, status 130, wherever it finds the program."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT

LINE = "work: interrupted; what it had written is whole or gone\n"


@pytest.fixture(autouse=True)
def _heeded() -> Iterator[None]:
    """Let what a test starts heed the signal, which a shell's jobs in the background ignore, and what they start."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


def interrupted(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code that says `ready` when the signal is to come; the whole process group gets it, as from a terminal."""
    start = "from curation.core.interrupt import end_with_one_line; end_with_one_line('work'); import os, time\n"
    return interrupted_python(["-c", start + textwrap.dedent(code)], folder, ROOT)


def interrupted_python(arguments: list[str], folder: Path, imported: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder until it says `ready`, and interrupt it; modules come from another folder first."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(imported)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess([], process.returncode, said, errors)


READY = "print('ready', flush=True)\n"


@pytest.mark.parametrize(
    "code",
    [
        READY + "time.sleep(60)",
        # Taken for another error, as where a library is being imported; or swallowed, with an end as if all were well.
        READY + "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    raise ImportError('half')",
        READY + "try:\n    time.sleep(60)\nexcept BaseException:\n    print('goes on'); os.write(2, b'noise')",
        "import atexit; atexit.register(lambda: os.write(2, b'noise'))\n" + READY + "time.sleep(60)",
        # A child that is forked, as loaders of training data are, and threads that go on. The child says when it is
        # ready: Python forgets the signals that come while it forks.
        "if not os.fork():\n    " + READY + "time.sleep(60)",
        "import threading; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        + READY
        + "time.sleep(60)",
    ],
)
def test_one_line_and_the_status_of_an_interrupt(code: str, tmp_path: Path) -> None:
    done = interrupted(code, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", LINE)


def test_temporary_files_go(tmp_path: Path) -> None:
    code = f"""
        from pathlib import Path
        from curation.core.atomic import atomic_file
        with atomic_file(Path("table.csv")) as temporary:
            temporary.write_text("half")
            {READY.strip()}
            time.sleep(60)
    """
    assert interrupted(code, tmp_path).returncode == 130
    assert list(tmp_path.iterdir()) == []


def test_an_end_that_takes_too_long_is_cut_short(tmp_path: Path) -> None:
    code = """
        import curation.core.interrupt
        curation.core.interrupt.GRACE_S = 0.2
        print('ready', flush=True)
        try:
            time.sleep(60)
        finally:
            time.sleep(60)
    """
    done = interrupted(code, tmp_path)
    assert (done.returncode, done.stderr) == (130, LINE)


@pytest.mark.parametrize("module", ["stages.embed", "curate"])
def test_imports_are_interrupted_alike(module: str, tmp_path: Path) -> None:
    """A library that is imported first, on whose import the signal comes."""
    (tmp_path / "click.py").write_text("import time; print('ready', flush=True); time.sleep(60)")
    done = interrupted_python(["-m", module], ROOT, tmp_path)
    name = module.removeprefix("stages.")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", LINE.replace("work", name))
