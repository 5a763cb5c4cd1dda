"""Embedding on a cluster gives the bits of one process."""

from pathlib import Path

import pytest

from curation.core.errors import CheckpointError, ClusterError
from curation.execution.cluster_engine import ClusterEngine
from curation.execution.local import HERE
from curation.model import spread_embedding
from curation.model.embedding import embed_proxies
from curation.model.spread_embedding import embed_as, embed_with
from curation.params.execution import ExecutionParams
from tests.execution.fake_cluster import FakeCluster
from tests.model_source import SourceOfJpegs
from tests.test_embed import save_random

SOURCE = SourceOfJpegs(13)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "random.ckpt"
    save_random(path)
    return path


def test_bits_are_those_of_one_process_whichever_nodes_are_lost(checkpoint: Path) -> None:
    how = (SOURCE.members, checkpoint, 4, "cpu", "fp32")
    expected = embed_proxies(SOURCE, *how)
    for engine in (HERE, ClusterEngine(FakeCluster(["a", "b"], {"a": 1}, cpus=3), cpus_per_task=2)):
        assert embed_with(engine, SOURCE, *how).tobytes() == expected.tobytes()
    assert embed_as(ExecutionParams(), SOURCE, *how).tobytes() == expected.tobytes()
    nothing = embed_as(ExecutionParams(engine="ray"), SOURCE, [], *how[1:])  # no cluster is asked
    assert nothing.shape == (0, expected.shape[1])


def test_other_nodes_are_refused_before_they_compute(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = iter(["AVX512", "AVX2"])  # this machine, and the node
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: next(kinds))
    monkeypatch.setattr(spread_embedding, "computation", lambda *_: "the same")
    cluster = FakeCluster(["a"])
    with pytest.raises(ClusterError, match="what computes embeddings is AVX2 on node a, and AVX512 here"):
        embed_with(ClusterEngine(cluster), SOURCE, SOURCE.members, checkpoint, 4, "cpu", "fp32")
    assert not cluster.most_open


def test_an_unusable_checkpoint_is_the_same_error(tmp_path: Path) -> None:
    (tmp_path / "no.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError):
        embed_with(ClusterEngine(FakeCluster(["a"])), SOURCE, SOURCE.members, tmp_path / "no.ckpt", 4, "cpu", "fp32")
