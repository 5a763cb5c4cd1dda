"""Real videos and photographs, where a folder with them lies beside the repository."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curation.tables.samples import IGNORED, OVER_LIMIT, PROCESSED, TAKEN_IN
from tests.pipeline.project import Project

pytestmark = pytest.mark.slow

STATUSES = (*TAKEN_IN, OVER_LIMIT, IGNORED, PROCESSED)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file."""
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def put(project: Project, source: Path, names: list[str] | None = None) -> None:
    """Copy files into data/raw; `names` are relative to the source folder."""
    for name in names or sorted(str(file.relative_to(source)) for file in source.rglob("*") if file.is_file()):
        target = project.folder / "data/raw" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target)


def check_datapool(project: Project, sizes: list[int]) -> None:
    """Check what holds for every datapool."""
    from lightly.utils.io import load_embeddings

    embeddings, _, filenames = load_embeddings(str(project.folder / "datapool/datapool_latest.csv"))
    samples = project.samples()
    assert filenames == samples["filename"].tolist()
    assert len(set(filenames)) == len(filenames) == sizes[-1]
    assert project.iterations()["size_after"].tolist() == sizes
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    for raw_path in samples["raw_path"].unique():
        assert (project.folder / "data/raw" / raw_path).is_file()


def check_counts(project: Project) -> dict[str, int]:
    """Check that every raw file is accounted for exactly once, and return how."""
    raw = [file for file in (project.folder / "data/raw").rglob("*") if file.is_file() and file.name != ".gitignore"]
    files = pd.read_parquet(project.folder / "data/clean/files.parquet")
    counts = {str(status): int(number) for status, number in files["status"].value_counts().items()}
    assert sum(counts.values()) == len(raw)
    report = json.loads((project.folder / "reports/report.json").read_text())
    told = report["cleaning"]["files"]
    assert {status: told[status] for status in counts} == counts
    assert told["total"] == len(raw) == sum(told[status] for status in STATUSES)
    return counts


def check_sampling(project: Project, fps: float) -> None:
    """Check the frames that were taken of the videos of this iteration."""
    files = pd.read_parquet(project.folder / "data/clean/files.parquet").set_index("path")
    samples = pd.read_parquet(project.folder / "data/clean/samples.parquet")
    for path, taken in samples.groupby("raw_path"):
        row = files.loc[path]
        assert row["samples"] == row["declared_frames"]
        assert row["corrupt"] == 0 < row["skipped"]
        numbers = (taken["time_s"].to_numpy() + 1e-3) * fps // 1
        assert (np.diff(numbers) >= 1).all()
        assert numbers[-1] < row["samples"] - row["skipped"]
        digits = len(str(row["samples"]))
        assert taken["filename"].str.contains(rf"-\d{{{digits}}}-\w+\.png$").all()


@pytest.mark.long
def test_videos_in_two_iterations(fresh: Project, shared_data: Path) -> None:
    project = fresh
    put(project, shared_data / "videos_batch1")
    project.dvc("repro")
    check_datapool(project, [5])
    check_counts(project)
    project.commit("iteration 1")
    put(project, shared_data / "videos_batch2")
    project.set_params(ingest__fps=2)
    (project.folder / "relevant_filenames.txt").write_text("# all, and what is absent\n*.mp4\n*.webm\nabsent/*\n")
    told = project.dvc("repro").output
    check_datapool(project, [5, 10])
    assert check_counts(project)["processed"] == 3
    check_sampling(project, fps=2)
    assert "line 4: no file in data/raw matches 'absent/*'" in told
    unmatched = project.read_json("reports/ingest.json")["unmatched_relevant_lines"]
    assert unmatched == [{"line": 4, "text": "absent/*"}]
    project.commit("iteration 2")
    before = project.lock()
    project.dvc("repro", "--force")
    assert project.lock() == before
    assert project.status() == ""


def test_photographs_in_two_batches_with_weak_labels(fresh: Project, shared_data: Path) -> None:
    source = shared_data / "images_clothing10"
    rows = read_rows(source / "labels.csv")
    project = fresh
    put(project, source, [row["path"] for row in rows if row["batch"] == "1"])
    project.repro()
    project.commit("iteration 1")
    put(project, source, [row["path"] for row in rows if row["batch"] == "2"])
    project.set_params(select__n_samples=12)
    project.repro()
    check_datapool(project, [5, 17])
    names = sorted({row["label"] for row in rows})
    for _, sample in project.samples().iterrows():
        assert names[int(sample["label"])] == sample["label_name"] == sample["filename"].split("/")[0]


def test_hostile_images_end_as_expected(fresh: Project, shared_data: Path) -> None:
    source = shared_data / "images_hostile"
    expected = read_rows(source / "expected.csv")
    project = fresh
    put(project, source, [row["path"] for row in expected])
    project.dvc("repro")
    check_counts(project)
    files = pd.read_parquet(project.folder / "data/clean/files.parquet").set_index("path")["status"]
    wanted = {
        "keep": {"kept"},
        "drop_exact_duplicate": {"duplicate"},
        "drop_corrupt": {"corrupt"},
        "reject_without_dying": {OVER_LIMIT},
        "ignore": {"ignored"},
        "keep_or_reject_clearly": {"kept", "low_quality"},
    }
    for row in expected:
        assert files[row["path"]] in wanted[row["expect"]], row
