"""One iteration after the other in one repository."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.pipeline.project import ALWAYS, Project

pytestmark = pytest.mark.slow


def test_first_iteration_selects_what_was_asked_for(project: Project) -> None:
    assert project.state() == (5, 1)
    assert len(set(project.names())) == 5


def test_nothing_runs_again_after_the_commit(project: Project) -> None:
    before = project.lock()
    assert project.repro().ran() == ALWAYS
    assert project.status() == ""
    assert project.lock() == before
    assert "No changes" in project.dvc("data", "status").output


def test_new_files_append_only_they_are_processed_and_before_the_commit_that_is_redone(project: Project) -> None:
    first = project.names()
    new = project.add_images("b")
    output = project.repro().output
    assert project.state() == (10, 2)
    assert project.names()[:5] == first
    assert set(project.names()[5:]) <= set(new)
    assert "10 samples embedded" in output
    assert "10 reused" in output
    shards = sorted((project.folder / "data/embed/embeddings").glob("*.parquet"))
    assert sum(len(pd.read_parquet(shard)) for shard in shards) == 10

    after_five = project.names()
    project.set_params(select__n_samples=3)
    project.repro()
    assert project.state() == (8, 2)
    assert project.names() == after_five[:8]
    project.set_params(select__n_samples=5)
    project.repro()
    assert project.names() == after_five


@pytest.mark.cold
@pytest.mark.long
def test_forced_runs_give_the_same_hashes(twice: Project) -> None:
    before = twice.lock()
    twice.repro("--force", "merge_datapool")
    assert twice.lock() == before
    assert twice.status() == ""


def test_one_percent_more_data_grows_the_cache_by_about_as_much(fresh: Project) -> None:
    project = fresh
    project.set_params(select__n_samples=2)
    project.add_images("a", count=300)
    project.repro()
    project.commit("iteration 1")
    cache = project.folder / ".dvc/cache/files"
    before = _bytes_below(cache)
    project.add_images("b", count=3)
    project.repro()
    raw = _bytes_below(project.folder / "data/raw")
    grown = _bytes_below(cache) - before
    assert grown < 0.03 * raw + 75_000, f"{grown} bytes more for 1 % of {raw}"
    checkpoint = project.folder / "datapool/checkpoint_latest.ckpt"
    assert checkpoint.stat().st_ino == (project.folder / "data/base/checkpoint_latest.ckpt").stat().st_ino


def test_min_distance_holds_between_new_samples_and_against_old_ones(project: Project) -> None:
    project.add_images("b", count=20)
    project.set_params(select__n_samples=None, select__min_distance=0.05)
    project.repro()
    latest = pd.read_csv(project.folder / "datapool/datapool_latest.csv")
    embeddings = latest.filter(like="embedding_").to_numpy(np.float64)
    distances = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert len(latest) > 5
    assert distances[5:].min() >= 0.05 - 1e-7


def test_datapool_loads_with_lightly(project: Project) -> None:
    from lightly.utils.io import load_embeddings

    embeddings, labels, filenames = load_embeddings(str(project.folder / "datapool/datapool_latest.csv"))
    assert embeddings.shape == (5, 8)
    assert filenames == project.names()
    assert labels == [0] * 5


def test_process_all_chooses_from_what_was_left_out_and_a_round_once_more(project: Project) -> None:
    project.set_params(select__process_all=True, select__n_samples=2)
    project.repro()
    assert project.state() == (7, 2)
    assert len(set(project.names())) == 7
    project.commit("iteration 2")
    project.set_params(base__round=2)
    project.repro()
    assert project.state() == (9, 3)
    assert len(set(project.names())) == 9


def test_retraining_embeds_everything_again(project: Project) -> None:
    old = pd.read_csv(project.folder / "datapool/datapool_latest.csv")
    project.add_images("b")
    project.set_params(train__retrain=True)
    output = project.repro().output
    new = pd.read_csv(project.folder / "datapool/datapool_latest.csv")
    assert "20 samples embedded" in output
    assert project.state() == (10, 2)
    assert list(new["filenames"][:5]) == list(old["filenames"])
    assert not np.allclose(new.filter(like="embedding_")[:5], old.filter(like="embedding_"))
    assert project.iterations()["checkpoint_hash"].nunique() == 2


def test_a_given_checkpoint_is_used_instead_of_training(project: Project, fresh: Project) -> None:
    given = project.folder / "datapool/checkpoint_latest.ckpt"
    (fresh.folder / "given.ckpt").write_bytes(given.read_bytes())
    fresh.set_params(train__checkpoint="given.ckpt")
    fresh.add_images("a")
    assert "checkpoint given.ckpt used" in fresh.repro().output
    assert (fresh.folder / "datapool/checkpoint_latest.ckpt").read_bytes() == given.read_bytes()
    fresh.git("add", "base.json", "dvc.lock", "params.yaml", "data/raw.dvc")
    fresh.git("commit", "--quiet", "--message", "iteration 1")
    (fresh.folder / "given.ckpt").unlink()
    assert fresh.repro().ran() == ALWAYS
    fresh.add_images("b")
    assert "checkpoint of the base reused" in fresh.repro("train").output
    (fresh.folder / "given.ckpt").write_bytes(b"other weights")
    result = fresh.repro(check=False)
    assert result.code != 0
    assert "is not the checkpoint of the datapool" in result.output


def test_given_weights_are_an_input(project: Project, fresh: Project) -> None:
    given = fresh.folder / "given.ckpt"
    given.write_bytes((project.folder / "datapool/checkpoint_latest.ckpt").read_bytes())
    fresh.set_params(train__weights="given.ckpt")
    fresh.add_images("a")
    assert "from the weights of given.ckpt" in fresh.repro().output
    fresh.git("add", "base.json", "dvc.lock", "params.yaml", "data/raw.dvc")
    fresh.git("commit", "--quiet", "--message", "iteration 1")
    assert fresh.repro().ran() == ALWAYS
    given.unlink()
    assert fresh.repro().ran() == ALWAYS
    fresh.add_images("b")
    assert "checkpoint of the base reused" in fresh.repro("train").output
    given.write_bytes(b"other weights")
    result = fresh.repro(check=False)
    assert result.code != 0
    assert "did not begin with the weights of given.ckpt" in result.output


def test_given_embeddings_are_an_input(fresh: Project) -> None:
    names = [*fresh.add_images("a"), *(f"b_{number:03d}.png" for number in range(10))]
    given = fresh.folder / "given.csv"
    rows = [f"{name},{number % 5 + 1},{number},{int(number == 3)}" for number, name in enumerate(names)]
    given.write_text("\n".join(["filenames,embedding_0,embedding_1,selected", *rows]))
    fresh.set_params(embed__embeddings_file="given.csv")
    output = fresh.repro().output
    assert "train: no model, since given.csv gives the embeddings (2 values each)" in output
    assert fresh.state() == (6, 1)
    fresh.git("add", "base.json", "dvc.lock", "params.yaml", "data/raw.dvc")
    fresh.git("commit", "--quiet", "--message", "iteration 1")
    assert fresh.repro().ran() == ALWAYS
    fresh.add_images("b")
    fresh.repro()
    assert fresh.state() == (11, 2)
    given.write_text(given.read_text().replace("1,0,0", "1,1,0"))
    result = fresh.repro(check=False)
    assert result.code != 0
    assert "gives 'a_000.png' another embedding than the datapool has" in result.output


@pytest.mark.long
def test_report_parameters_start_no_iteration(project: Project) -> None:
    before = project.lock()
    assert project.dvc("repro").ran() == ALWAYS
    assert project.lock() == before
    project.set_params(report__title="Another title")
    assert project.dvc("repro").ran() == [*ALWAYS, "report"]
    assert project.state() == (5, 1)
    project.undo()
    project.dvc("repro", "--force")
    assert project.status() == "", project.git("diff", "dvc.lock")
    assert project.lock() == before
    metrics = json.loads(project.dvc("metrics", "show", "--json").output)
    assert "reports/metrics.json" in str(metrics)
    project.dvc("plots", "show", "--json")


def _bytes_below(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
