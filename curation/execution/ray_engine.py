"""The engine of a Ray cluster, and the only module that imports Ray.

Only Ray Core is used. Ray tries a task once: `ClusterEngine` tries again what is lost, on a node that answers.
"""

import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np

import curation
from curation.core.cores import available_cores
from curation.core.errors import ClusterError, MissingPackageError
from curation.execution.cluster import LostError
from curation.execution.cluster_engine import ClusterEngine
from curation.execution.nodes import facts
from curation.execution.storage import Storage
from curation.params.execution import ExecutionParams

_LARGE = 100_000
"""Bytes of an array above which it is sent to a node once, whatever number of calls take it."""

_ANSWER_S = 10.0
"""A node that does not answer for so long is not given anything; it gets a process started within this time."""

_SOUND_S = 5.0
"""So long it is not asked again which nodes answer, since many tasks of a node are lost at once."""

_WARM_S = 1800.0
_SETTINGS = ("OMP_NUM_THREADS", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE", "NUMBA_CPU_NAME")
"""Variables of the environment that say how libraries compute: nodes have them as this process has."""


@contextmanager
def ray_engine(execution: ExecutionParams) -> Iterator[ClusterEngine]:
    """Connect to the cluster that `RAY_ADDRESS` names, or start one on this machine; leave it at the end.

    Raises:
        MissingPackageError: Ray is not installed.
        ClusterError: the cluster cannot be reached, or its nodes differ from this machine.
    """
    address = os.environ.get("RAY_ADDRESS", "")
    _prepare_environment(address)
    try:
        import ray
    except ImportError:
        raise MissingPackageError(
            "execution.engine: ray needs the package Ray: `python -m pip install -r requirements-ray.lock`, "
            "or set execution.engine: local in params.yaml"
        ) from None
    try:
        _connect(ray, address)
        storage = None if execution.storage is None else Storage.at(execution.storage)
        engine = ClusterEngine(RayCluster(ray), execution.shards, execution.cpus_per_task, storage)
        engine.require_alike(facts)
        yield engine
    finally:
        ray.shutdown()


def _prepare_environment(address: str) -> None:
    """Set what Ray reads when it is imported: it tells nobody of its use, and a cluster of our own has a password."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # they are told when the result is asked for
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # dozens of lines of a lost node, told by `ClusterEngine`
    if not address and "RAY_AUTH_MODE" not in os.environ:
        # Ray listens on all interfaces, and who reaches it may run what he likes.
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _connect(ray: Any, address: str) -> None:
    """Connect to a cluster, or start one.

    Raises:
        ClusterError: it cannot be reached.
    """
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    if not address:
        found = {"PYTHONPATH": os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path)}
        ray.init("local", num_cpus=available_cores(), include_dashboard=False, runtime_env={"env_vars": found}, **quiet)
        return
    if address.startswith("ray://"):
        raise ClusterError(
            f"RAY_ADDRESS={address} is the address of a Ray client server, which is not used: run the pipeline on a "
            "machine of the cluster's network, with RAY_ADDRESS=HOST:6379"
        )
    settings = {name: os.environ[name] for name in _SETTINGS if name in os.environ}
    code = {"py_modules": [str(Path(curation.__file__).parent)], "excludes": ["__pycache__"], "env_vars": settings}
    try:
        ray.init(address, runtime_env=code, **quiet)
    except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        words = " ".join(str(error).split())
        raise ClusterError(f"the Ray cluster at RAY_ADDRESS={address} cannot be used: {words}") from None
    if os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
        click.echo(
            f"warning: the Ray cluster at {address} asks for no token, so whoever reaches its ports can run programs "
            "on it: see docs/guides/cluster.md",
            err=True,
        )


class _Host:
    """An object on a node, in a process of its own."""

    def __init__(self, make: Callable[[Any], object], part: Any) -> None:
        self._make = make
        self._part = part
        self._object: object = None

    def open(self) -> None:
        """Make the object, if it is not there yet; an error of that is told in the next call."""
        if self._object is None:
            self._object = self._make(self._part)

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the object."""
        self.open()
        return getattr(self._object, method)(*arguments)


def _apply(function: Callable[[Any], Any], item: Any) -> Any:
    return function(item)


def _answer(function: Callable[[], Any]) -> Any:
    return function()


class RayCluster:
    """A Ray cluster, see `Cluster`. Tickets are object references, handles are those of actors.

    Args:
        ray: the package, connected.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._task = ray.remote(max_retries=0)(_apply)
        self._question = ray.remote(max_retries=0, num_cpus=0)(_answer)
        self._host = ray.remote(max_restarts=0, max_task_retries=0)(_Host)
        self._sound: tuple[float, list[str]] | None = None

    @property
    def cpus(self) -> int:
        """The CPUs of all nodes together; at least 1."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def sound_nodes(self) -> list[str]:
        """Return the nodes that answer, sorted."""
        now = time.monotonic()
        if self._sound is None or now - self._sound[0] > _SOUND_S:
            found = sorted(self._answers(os.getpid, _ANSWER_S))
            self._sound = (time.monotonic(), found)
        return self._sound[1]

    def each_node(self, function: Callable[[], Any]) -> dict[str, Any]:
        """Call a function once on every node that answers; a node goes by its address here."""
        names = {node["NodeID"]: node["NodeManagerAddress"] for node in self._ray.nodes()}
        found = self._answers(function, _WARM_S)
        shared = len({names[node] for node in found}) < len(found)  # several on one machine
        return {f"{names[node]} ({node[:8]})" if shared else names[node]: value for node, value in found.items()}

    def _answers(self, function: Callable[[], Any], timeout_s: float) -> dict[str, Any]:
        """Call a function on every node that has CPUs, and return what those gave that came back in time.

        Raises:
            ClusterError: it is lost on every node.
        """
        nodes = [node["NodeID"] for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        asked = {self._question.options(**self._on(node)).remote(function): node for node in nodes}
        ready, late = self._ray.wait(list(asked), num_returns=len(asked), timeout=timeout_s) if asked else ([], [])
        self.cancel(late)
        found, words = {}, list[str]()
        for ticket in ready:
            try:
                found[asked[ticket]] = self.result(ticket)
            except LostError as lost:
                words.append(str(lost))
        if words and not found:
            raise ClusterError(f"no node of the cluster can do anything ({words[0]}): look at the nodes' logs")
        return found

    def submit(self, function: Any, item: Any, cpus: int, node: str | None) -> Any:
        """Begin work on an item."""
        return self._task.options(num_cpus=cpus, **self._on(node)).remote(function, item)

    def first_done(self, tickets: Sequence[Any]) -> Any:
        """Wait until one of some tickets has a result."""
        (ticket,), _ = self._ray.wait(list(tickets), num_returns=1)
        return ticket

    def result(self, ticket: Any) -> Any:
        """Wait for what a ticket stands for."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(ticket)
        except errors.RayTaskError as error:
            if isinstance(error.cause, errors.RayError):
                raise LostError(_in_words(error.cause)) from None
            raise error.cause from None
        except errors.RayError as error:
            raise LostError(_in_words(error)) from None

    def cancel(self, tickets: Sequence[Any]) -> None:
        """Give up what tickets stand for."""
        for ticket in tickets:
            self._ray.cancel(ticket)

    def start(self, make: Any, part: Any, cpus: int, node: str | None) -> Any:
        """Begin to make an object of a part."""
        spread = self._on(node) or {"scheduling_strategy": "SPREAD"}
        host = self._host.options(num_cpus=cpus, **spread).remote(make, part)
        host.open.remote()
        return host

    def ask(self, handle: Any, method: str, arguments: Sequence[Any]) -> Any:
        """Call a method of an object."""
        return handle.call.remote(method, *arguments)

    def shared(self, value: Any) -> Any:
        """Return what stands for a value: large arrays, and functions, are sent to a node once."""
        is_large = callable(value) or (isinstance(value, np.ndarray) and value.nbytes > _LARGE)
        return self._ray.put(value) if is_large else value

    def end(self, handles: Sequence[Any]) -> None:
        """Let objects go."""
        for handle in handles:
            self._ray.kill(handle)

    def _on(self, node: str | None) -> dict[str, Any]:
        """Return the options that put something onto a certain node; it is lost if that node is gone."""
        if node is None:
            return {}
        strategy = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
        return {"scheduling_strategy": strategy}


def _in_words(error: BaseException) -> str:
    """Return the kind and the first line of an error of Ray, which tells pages more."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
