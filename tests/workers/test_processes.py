"""Worker processes: whatever an item does to its worker costs that item alone."""

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from curation.core.errors import RawDataError
from curation.workers.outcomes import Done, Failure, Limits, Progress
from curation.workers.processes import run_in_workers
from curation.workers.worker import Memory
from tests import ROOT
from tests.hostile_work import Unloadable, do_harm

LIMITS = Limits(timeout_s=60, memory_mb=256)
LINUX = sys.platform == "linux"


def _outcomes(
    batches: Sequence[Sequence[str]],
    *,
    workers: int = 1,
    cores: int = 1,
    limits: Limits = LIMITS,
    size_of: Callable[[str], int] = len,
) -> dict[str, str | Failure]:
    """Run orders; return what became of each."""
    ends: dict[str, str | Failure] = {}
    steps: dict[str, int] = defaultdict(int)
    for order, event in run_in_workers(do_harm, batches, workers=workers, cores=cores, limits=limits, size_of=size_of):
        assert order not in ends
        match event:
            case Progress(number):
                steps[order] += number
            case Done(result):
                ends[order] = result
            case Failure():
                assert steps[order] == 0
                ends[order] = event
    assert set(ends) == {order for batch in batches for order in batch}
    return ends


@pytest.mark.parametrize("workers", [1, 3])
def test_a_worker_that_dies_costs_one_item(workers: int) -> None:
    batches = [["a", "abort", "b", "segfault", "c"], ["exit", "d", "kill"], [], ["e"]]
    assert _outcomes(batches, workers=workers) == {
        "a": "A",
        "abort": Failure("died", -signal.SIGABRT),
        "b": "B",
        "segfault": Failure("died", -signal.SIGSEGV),
        "c": "C",
        "exit": Failure("died", 3),
        "d": "D",
        "kill": Failure("died", -signal.SIGKILL),
        "e": "E",
    }


def test_what_failed_is_tried_again_with_one_thread(tmp_path: Path) -> None:
    once = f"abort_once:{tmp_path / 'marker'}"
    assert _outcomes([[once, "a"], ["abort_with_threads"]], cores=8) == {
        once: "ABORT_ONCE",
        "a": "A",
        "abort_with_threads": "ABORT_WITH_THREADS",
    }
    assert (tmp_path / "marker").exists()


@pytest.mark.thorough
def test_a_worker_without_progress_is_ended() -> None:
    limits = Limits(timeout_s=0.2, memory_mb=None)
    failure = Failure("time")
    orders = ["spin", "sleep", "compute"]
    assert _outcomes([orders], limits=limits) == dict.fromkeys(orders, failure)


@pytest.mark.thorough
def test_progress_extends_the_time() -> None:
    assert _outcomes([["announce"]], limits=Limits(timeout_s=1, memory_mb=None)) == {"announce": "ANNOUNCE"}


@pytest.mark.thorough
@pytest.mark.skipif(not LINUX, reason="other kernels do not tell what a process reads")
def test_reading_on_extends_the_time_but_not_reading_in_circles(tmp_path: Path) -> None:
    long, short = tmp_path / "long", tmp_path / "short"
    long.write_bytes(bytes(60 * 1024))
    short.write_bytes(bytes(1024))
    orders = [f"read:{long}", f"read_forever:{short}"]
    limits = Limits(timeout_s=0.5, memory_mb=None)
    assert _outcomes([orders], limits=limits, size_of=lambda order: Path(order.partition(":")[2]).stat().st_size) == {
        orders[0]: "READ",
        orders[1]: Failure("time"),
    }


def test_steps_are_told_and_taken_back(tmp_path: Path) -> None:
    once = f"abort_once:{tmp_path / 'marker'}"
    events = list(run_in_workers(do_harm, [["step", once]], workers=1, cores=1, limits=LIMITS))
    steps = {
        order: sum(e.steps for item, e in events if item == order and isinstance(e, Progress)) for order, _ in events
    }
    assert steps == {"step": 3, once: 0}


def test_the_memory_of_the_main_process_is_not_taken_for_a_workers() -> None:
    assert len(bytearray(b"1") * 2**28) == 2**28  # more than the workers' limit
    assert _outcomes([["abort"]]) == {"abort": Failure("died", -signal.SIGABRT)}


@pytest.mark.skipif(not LINUX, reason="other kernels do not limit the memory of a process")
def test_memory_is_limited() -> None:
    assert _outcomes([["a", "allocate", "b"], ["hold"]]) == {
        "a": "A",
        "allocate": Failure("memory"),
        "b": "B",
        "hold": Failure("memory"),
    }
    assert _outcomes([["hold"]], limits=Limits(60, 512)) == {"hold": "230"}
    assert _outcomes([["hold"]], limits=Limits(60, None)) == {"hold": "230"}


@pytest.mark.skipif(not LINUX, reason="other kernels do not limit the memory of a process")
def test_the_memory_limit_holds_inside_only() -> None:
    memory = Memory(1)
    assert memory.is_near_limit()
    with memory.limited(), pytest.raises(MemoryError):
        bytes(2**28)
    assert len(bytes(2**28)) == 2**28
    assert not Memory(None).is_near_limit()


def test_threads_are_shared_among_what_is_left(tmp_path: Path) -> None:
    waiting, touching = f"await:{tmp_path / 'file'}", f"touch:{tmp_path / 'file'}"
    assert _outcomes([[waiting], [touching]], workers=4, cores=9) == {waiting: "4", touching: "4"}
    assert _outcomes([[waiting]], workers=4, cores=9) == {waiting: "9"}
    assert _outcomes([[waiting]], workers=4, cores=1) == {waiting: "1"}


def test_an_error_of_the_project_or_a_full_disk_ends_the_run() -> None:
    with pytest.raises(RawDataError, match="the file is gone"):
        _outcomes([["a", "raise_own", "b"]])
    with pytest.raises(OSError, match="No space left") as caught:
        _outcomes([["a", "raise_full", "b"]])
    assert "do_harm" in caught.value.__notes__[0]


def test_any_other_error_costs_its_item() -> None:
    outcomes = _outcomes([["a", "raise", "b"]])
    refused = Failure("raised", words="what no decoder should say (AssertionError)")
    assert outcomes == {"a": "A", "raise": refused, "b": "B"}


def test_workers_that_cannot_begin_end_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ChildProcessError, match=r"ended before they began to work \(exit status 1\)"):
        list(run_in_workers(Unloadable(), [["a"]], workers=1, cores=1, limits=LIMITS))
    assert "no number" in capfd.readouterr().err


def test_no_work_needs_no_worker() -> None:
    assert _outcomes([]) == {}


PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's jobs in the background ignore it
from curation.workers.outcomes import Limits
from curation.workers.processes import run_in_workers
from tests.hostile_work import do_harm
for _ in run_in_workers(do_harm, [[sys.argv[1]], [sys.argv[2]]], workers=2, cores=2, limits=Limits(600, None)):
    pass
"""


@pytest.mark.skipif(not LINUX, reason="other kernels do not end a process when its parent ends")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_the_main_process(tmp_path: Path, how: signal.Signals) -> None:
    files = [tmp_path / "sleep", tmp_path / "compute"]
    orders = [f"{file.name}:{file}" for file in files]
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *orders], cwd=ROOT, stderr=subprocess.DEVNULL) as main:
        while not all(file.exists() and file.read_text() for file in files):
            assert main.poll() is None
            time.sleep(0.02)
        main.send_signal(how)
    assert main.returncode == -how
    for file in files:
        while _is_running(int(file.read_text())):  # the test's own time limit ends this
            time.sleep(0.02)


def _is_running(pid: int) -> bool:
    """Return whether a process exists and is not merely waiting for its parent to take note of its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_worker_loads_nothing_but_what_decoding_needs() -> None:
    program = "import sys, curation.workers.worker, curation.cleaning.decode_file; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    shown = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert not {"torch", "pandas", "pyarrow", "scipy", "numba", "pydantic", "tqdm"} & set(shown.stdout.split())
