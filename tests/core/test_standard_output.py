"""Standard output that cannot be written: quiet where nobody reads it, one message otherwise."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from curation.core.standard_output import is_at_fault
from tests import ROOT

FULL = Path("/dev/full")


def run(module: str, *arguments: str, output: int) -> subprocess.CompletedProcess[str]:
    """Run a module in the repository with that standard output."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("module", "arguments", "status"),
    [("curate", ("params", "clean"), 141), ("curate", ("--help",), 1), ("stages.code", ("--now",), 141)],
)
def test_nothing_is_said_where_nobody_reads(module: str, arguments: tuple[str, ...], status: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = run(module, *arguments, output=writer)
    finally:
        os.close(writer)
    assert (done.stderr, done.returncode) == ("", status)


@pytest.mark.thorough
@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("module", "arguments", "name"),
    [
        ("curate", ("params", "clean"), "curate"),
        ("curate", ("--help",), "curate"),
        ("stages.code", ("--help",), "code"),
    ],
)
def test_a_full_disk_behind_standard_output_is_one_message(module: str, arguments: tuple[str, ...], name: str) -> None:
    with FULL.open("w") as full:
        done = run(module, *arguments, output=full.fileno())
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: {name}: its output cannot be written: No space left on device; what it printed is cut off\n"
    )


def test_a_full_disk_behind_a_file_is_another_error() -> None:
    class Full:
        def write(self, _: str) -> None:
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full") as printed:
        click.echo("text", file=Full())  # type: ignore[arg-type]
    assert not is_at_fault(printed.value), "the innermost frame is the file's"
    with pytest.raises(OSError, match="o") as other:
        Path("/proc/no such file").read_text()
    assert not is_at_fault(other.value)
