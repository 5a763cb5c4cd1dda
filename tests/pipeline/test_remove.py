"""Samples leave the datapool for good, and are purged from history."""

import re
from pathlib import Path

import pandas as pd
import pytest

from curation.history.dvc_lock import output_hash, parse_stages
from tests.pipeline.project import ALWAYS, Project

pytestmark = pytest.mark.slow


def _embedded(project: Project) -> set[str]:
    shards = (project.folder / "datapool/embeddings").glob("*.parquet")
    return {name for shard in shards for name in pd.read_parquet(shard, columns=["filename"])["filename"]}


def _objects(project: Project, object_hash: str) -> list[Path]:
    """Return where cache and remote keep an object."""
    folders = (project.folder / ".dvc/cache", project.folder.parent / "remote")
    name = f"files/md5/{object_hash[:2]}/{object_hash[2:]}"
    return [folder / name for folder in folders if (folder / name).exists()]


@pytest.mark.long
def test_a_removed_sample_is_replaced_never_comes_back_and_can_be_purged(project: Project) -> None:
    gone, *kept = project.names()
    proxies = output_hash(parse_stages(project.lock()), Path("data/clean/proxies"))
    assert proxies is not None
    assert len(_objects(project, proxies)) == 2
    told = project.run("python", "-m", "curate", "remove", gone, "--reason", "no consent").output
    assert "1 samples are on the list in removed.csv, 1 of them in the datapool" in told
    assert "select.n_samples=1" in told
    assert re.search(r"commit [0-9a-f]{12} \(iteration 1\): 1 samples", told)

    project.set_params(select__process_all=True, select__n_samples=1)
    assert "1 taken out for good" in project.repro().output
    assert project.names()[:4] == kept
    assert project.state() == (5, 2)
    assert gone not in _embedded(project)
    project.run("python", "-m", "stages.resolve_base", "--check")
    project.commit("take one out")
    assert project.repro().ran() == ALWAYS
    assert project.status() == ""
    assert (
        "taken out of the datapool for good in iteration 2" in project.run("python", "-m", "curate", "why", gone).output
    )
    assert "2 of them made again with the same outcome" in project.run("python", "-m", "curate", "verify").output

    purge = project.run("python", "-m", "curate", "remove", "--where").output
    commands = [line.strip() for line in purge.splitlines() if line.startswith(("  rm ", "  dvc ", "  git "))]
    assert commands[0] == f"rm -f -- data/raw/{gone}"
    assert commands[-1] == "dvc gc --workspace --cloud --remote storage --force"
    for command in commands:
        project.run("sh", "-c", command)
    assert _objects(project, proxies) == []
    assert gone not in {file.name for file in (project.folder / "data/raw").iterdir()}
    assert project.names()[:4] == kept
    assert project.repro().ran() == ALWAYS
    assert "its datapool is not in the cache" in project.run("python", "-m", "curate", "remove", "--where").output
