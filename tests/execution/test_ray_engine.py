"""The engine of Ray on a cluster of two nodes on this machine, one of which is killed.

Ray is no part of the development environment: docs/guides/cluster.md says how to run these tests.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curation.cleaning.decode_files import decode_all
from curation.cleaning.spread import decode_with
from curation.core.errors import ClusterError, RawDataError
from curation.execution.choice import engine_of
from curation.execution.engine import Engine
from curation.params.execution import ExecutionParams
from tests.cleaning.test_decode_files import SETTINGS
from tests.cleaning.test_spread import in_words, shards_in, tasks_in
from tests.execution import ray_work
from tests.hostile_decoders import decode_or_do_harm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the package ray, which is no development dependency"),
    pytest.mark.xdist_group("ray"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        made.add_node(num_cpus=1)
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def engine(cluster: Any) -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", cluster.address)
        with engine_of(ExecutionParams(engine="ray")) as made:
            yield made


def test_tasks_and_errors_come_back(engine: Engine) -> None:
    assert engine.shards == 2
    assert sorted(engine.run(ray_work.squared, range(20), cpus=1)) == [(n, n * n) for n in range(20)]
    with pytest.raises(RawDataError, match="3 is gone"):
        list(engine.run(ray_work.refuse, [3], cpus=1))
    with pytest.raises(ClusterError, match="would not give the same bytes"):
        engine.require_alike(lambda: {"process": str(os.getpid())})


def test_a_killed_node_changes_nothing(
    engine: Engine, cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    raw, here, there = (Path(name) for name in ("raw", "here", "there"))
    here.mkdir()
    there.mkdir()
    tasks, values = tasks_in(raw), np.arange(50_000.0)
    expected = decode_all(tasks, raw, here, SETTINGS, 2, decode_or_do_harm)
    with engine.actors(ray_work.Sum, [1, 2, 3]) as actors:
        first = actors.call("add", values, replayed=True)
        cluster.remove_node(sorted(cluster.worker_nodes, key=lambda node: node.node_id)[0], allow_graceful=False)
        found = decode_with(engine, tasks, raw, there, SETTINGS, 2, decode_or_do_harm)
        assert actors.call("seen") == first
        assert actors.call("add", values, only=1, replayed=True) == [3 * first[1] + values.sum()]
    assert list(map(in_words, found)) == list(map(in_words, expected))
    assert shards_in(there) == shards_in(here)
