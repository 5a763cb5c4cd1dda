"""Where the stages read and write, relative to the repository. `dvc.yaml` says the same; a test compares the two."""

from pathlib import Path

PARAMS = Path("params.yaml")
DVC_YAML = Path("dvc.yaml")
DVC_LOCK = Path("dvc.lock")
RAW = Path("data/raw")

RAW_FILES = Path("data/ingest/raw_files.parquet")
INGEST_METRICS = Path("reports/ingest.json")
BASE_JSON = Path("base.json")
BASE = Path("data/base")
GIVEN_WEIGHTS = Path("data/given_weights.txt")
GIVEN_EMBEDDINGS = Path("data/given_embeddings.txt")
SAMPLES = Path("data/clean/samples.parquet")
DROPPED = Path("data/clean/dropped.parquet")
FILES = Path("data/clean/files.parquet")
PROXIES = Path("data/clean/proxies")
CHECKPOINT = Path("data/train/checkpoint.ckpt")
LOSS = Path("data/train/loss.csv")
TRAINING_STATE = Path("data/train/training.state")
EMBEDDINGS = Path("data/embed/embeddings")
MARKS = Path("data/embed/marks.csv")
EMBEDDING_CACHE = Path("data/embed/cache.bin")
SELECTION = Path("data/select/selection.csv")
CANDIDATES = Path("data/select/candidates.parquet")
BUDGET_CURVE = Path("data/select/budget_curve.csv")
COMPARISON = Path("data/select/comparison.csv")
DATAPOOL = Path("datapool")

REPORTS = Path("reports")
