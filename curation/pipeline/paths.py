"""The paths that stages read and write, relative to the repository. A test compares them with `dvc.yaml`."""

import os
from pathlib import Path

PARAMS = Path("params.yaml")
DVC_YAML = Path("dvc.yaml")
DVC_LOCK = Path("dvc.lock")
CODE = Path("code.json")
EARLY_CODE = Path("data/early_code.json")
CODE_MEMORY = Path(".dvc/tmp/code.json")
STAT_CACHE = Path(".dvc/tmp/raw_files.bin")
CLEAN_RESULTS = Path(".dvc/tmp/clean")
RAW = Path("data/raw")

RAW_FILES = Path("data/ingest/raw_files.parquet")
INGEST_METRICS = Path("reports/ingest.json")
BASE_JSON = Path("base.json")
BASE = Path("data/base")
GIVEN_WEIGHTS = Path("data/given_weights.txt")
GIVEN_EMBEDDINGS = Path("data/given_embeddings.txt")
GIVEN_PREDICTIONS = Path("data/given_predictions.txt")
SAMPLES = Path("data/clean/samples.parquet")
DROPPED = Path("data/clean/dropped.parquet")
FILES = Path("data/clean/files.parquet")
PROXIES = Path("data/clean/proxies")
OBJECTS = Path("data/clean/objects")
OBJECTS_TABLE = Path("data/clean/objects/objects.parquet")
CHECKPOINT = Path("data/train/checkpoint.ckpt")
LOSS = Path("data/train/loss.csv")
TRAINING_STATE = Path("data/train/training.state")
EMBEDDINGS = Path("data/embed/embeddings")
MARKS = Path("data/embed/marks.csv")
OBJECT_EMBEDDINGS = Path("data/embed/objects")
EMBEDDING_CACHE = Path("data/embed/cache.bin")
OBJECT_CACHE = Path("data/embed/objects_cache.bin")
SELECTION = Path("data/select/selection.csv")
CANDIDATES = Path("data/select/candidates.parquet")
BUDGET_CURVE = Path("data/select/budget_curve.csv")
COMPARISON = Path("data/select/comparison.csv")
CONTRIBUTIONS = Path("data/select/contributions.csv")
DATAPOOL = Path("datapool")
PICTURES = Path("pictures")
LABELS = Path("labels")

REPORTS = Path("reports")


def project_folder(start: Path) -> Path | None:
    """Find the project that a folder belongs to, as git and DVC do: the nearest folder upwards that is one.

    Args:
        start: where to begin.

    Returns:
        The folder with `dvc.yaml` and `params.yaml`; None where there is none up to the root of the DVC repository.
    """
    for folder in (start := start.absolute(), *start.parents):
        if (folder / DVC_YAML).is_file() and (folder / PARAMS).is_file():
            return folder
        if (folder / ".dvc").is_dir():
            return None
    return None


def enter_project() -> None:
    """Make the project's folder the current one, from any folder in it; where there is none, nothing changes."""
    folder = project_folder(Path.cwd())
    if folder is not None and folder != Path.cwd():
        os.chdir(folder)
