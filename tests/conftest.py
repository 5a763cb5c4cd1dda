"""The set-up of all tests: one thread a process, quick tests first, the folder of real data where there is one."""

import gc
import os
import sys

# Read when torch, numpy's BLAS and numba are imported: two test processes on two cores must not each take both.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.nodeid import NodeId
from hypothesis import settings

import curation.model  # noqa: F401  (so that torchvision can be imported, whatever else a test imports)
from tests.no_workers import USERS, in_this_process

settings.register_profile("untimed", deadline=None)  # a busy machine must not fail a test
settings.load_profile("untimed")

# Images of containers often forbid this; each of some hundred processes would then compile what it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests marked `slow` last, in an order in which two processes wait little for each other.

    The first of them makes the project that most start from, those that need none follow it, and those marked `long`
    come before the others.
    """
    quick = [item for item in items if not item.get_closest_marker("slow")]
    slow = [item for item in items if item.get_closest_marker("slow")]
    slow.sort(key=lambda item: item.get_closest_marker("long") is None)
    sharing = [item for item in slow if "first_iteration" in getattr(item, "fixturenames", ())]
    alone = [item for item in slow if item not in sharing]
    items[:] = [*quick, *sharing[:1], *alone, *sharing[1:]]
    for item in items:
        _name_group(item)


def _name_group(item: pytest.Item) -> None:
    """Write a test's `xdist_group` to the end of its name, where the process that shares out the tests looks for it.

    xdist 3.8 would do so itself, but to an attribute that pytest has had no use for since 9.2: each process then makes
    anew what the group shares.
    """
    mark = item.get_closest_marker("xdist_group")
    if mark and item.config.getoption("loadgroup", default=False):
        item._id = NodeId.parse(f"{item.nodeid}@{mark.args[0]}")


def pytest_collection_finish() -> None:
    """Look at what was imported for the last time: collecting garbage passes it over, and forks need not copy it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real videos and images beside the repository, which is not part of it; skips where it is absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _train_with_one_thread() -> Iterator[None]:
    """Let the test's own process train with one thread: eight on two cores wait for each other ten times as long.

    Stages that run as users run them have eight, as have tests with the fixture `training_threads`.
    """
    callbacks = sys.modules.get("curation.model.training.callbacks")  # who trains has imported it by now
    with pytest.MonkeyPatch.context() as patched:
        if callbacks:
            patched.setattr(callbacks, "THREADS", 1)
        yield


@pytest.fixture
def in_one_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process decode, except in tests marked `processes`: each worker process takes half a second to start."""
    if not request.node.get_closest_marker("processes"):
        for user in USERS:
            monkeypatch.setattr(f"{user}.run_in_workers", in_this_process)


@pytest.fixture
def training_threads(monkeypatch: pytest.MonkeyPatch) -> int:
    """Number of threads that users train with, in this test too."""
    monkeypatch.setattr("curation.model.training.callbacks.THREADS", 8)
    return 8
