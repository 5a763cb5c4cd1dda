"""Candidates of an iteration that has got as far as `embed`, with and without a datapool before it."""

from hashlib import md5
from pathlib import Path
from typing import cast

import pandas as pd
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from curation.core.errors import BaseError
from curation.datapool import store
from curation.export.classes import datapool_classes
from curation.history.dvc_cache import Cache
from curation.image.proxies import ShardWriter, member_name
from curation.inspection.candidates import candidates_in, proxies_in
from curation.inspection.revision import WORKSPACE, Revision
from curation.tables.datapool import ITERATIONS, LEDGER
from curation.tables.datapool import SAMPLES as SELECTED
from curation.tables.embeddings import MARKS, embedding_schema
from curation.tables.files import write_csv, write_parquet
from curation.tables.samples import SAMPLES


class Folders:
    """A cache whose objects are files and folders by their own names."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def listing(self, name: str) -> dict[str, str]:
        folder = self.root / name
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        return {file: f"{name}/{file}" for file in files}

    def file(self, name: str) -> Path:
        return self.root / name

    def has(self, name: str) -> bool:
        return (self.root / name).exists()


def filled(schema: pa.Schema, rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return a table with these values, and zeros or empty texts elsewhere."""
    empty = {field.name: "" if pa.types.is_string(field.type) else 0 for field in schema}
    return pd.DataFrame([empty | row for row in rows], columns=schema.names)


def sample(name: str, label: str, **more: object) -> dict[str, object]:
    return {"filename": name, "raw_path": name, "label_name": label, "width": 60, "height": 40, "is_new": True} | more


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Revision:
    """A first iteration: three new samples, one of them masked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "proxies").mkdir()
    with ShardWriter(tmp_path / "proxies/s.zip") as shard:
        shard.add(member_name(0), b"first")
        shard.add(member_name(1), b"second")
    rows = [
        sample("dress/b.jpg", "dress", shard="s.zip", member=member_name(1)),
        sample("coat/a.jpg", "coat", shard="s.zip", member=member_name(0)),
        sample("masked.jpg", ""),
        sample("old.jpg", "", is_new=False),
    ]
    write_parquet(filled(SAMPLES, rows), SAMPLES, tmp_path / "samples.parquet")
    write_csv(filled(MARKS, [{"filename": "masked.jpg", "mark": "masked"}]), MARKS, tmp_path / "marks.csv")
    (tmp_path / "base").mkdir()
    (tmp_path / "base/nothing.txt").touch()
    outs = {
        "data/base": "base",
        "data/clean/samples.parquet": "samples.parquet",
        "data/clean/proxies": "proxies",
        "data/embed/marks.csv": "marks.csv",
    }
    lock = {"stages": {"all": {"outs": [{"path": path, "md5": name} for path, name in outs.items()]}}}
    with (tmp_path / "dvc.lock").open("w") as file:
        YAML().dump(lock, file)
    (tmp_path / "params.yaml").write_text("select:\n  process_all: false\n")
    return Revision(WORKSPACE, None, cast(Cache, Folders(tmp_path)))


def with_datapool(root: Path) -> None:
    """Give the iteration a datapool of one iteration, which selected one of its two samples."""
    write_csv(
        filled(SELECTED, [sample("coat/1.jpg", "coat", iteration=1)]), SELECTED, root / "base" / store.SAMPLES_CSV
    )
    write_csv(filled(ITERATIONS, [{"iteration": 1}]), ITERATIONS, root / "base" / store.ITERATIONS_CSV)
    ledger = [
        {
            "path": f"coat/{number}.jpg",
            "media": "image",
            "kept": 1,
            "iteration": 1,
        }
        for number in (1, 2)
    ]
    write_csv(filled(LEDGER, ledger), LEDGER, root / "base" / store.LEDGER_FOLDER / "00001-a.csv")
    schema = embedding_schema(1)
    rows = filled(schema, [sample("coat/1.jpg", "coat"), sample("coat/2.jpg", "coat")])
    rows["embedding"] = [[0.0], [0.0]]
    write_parquet(rows, schema, root / "base" / store.EMBEDDINGS_FOLDER / f"{md5(b'').hexdigest()[:16]}.parquet")


def test_candidates_of_a_first_iteration_are_what_clean_kept(start: Revision) -> None:
    found = candidates_in(start)
    assert (found.iteration, list(found.samples["filename"])) == (1, ["coat/a.jpg", "dress/b.jpg"])
    assert set(found.samples["iteration"]) == {1}
    assert found.samples["rank"].isna().all()
    assert datapool_classes(found.ledger, found.known, of_videos=False) == ("coat", "dress")


def test_candidates_on_a_datapool(start: Revision, tmp_path: Path) -> None:
    with_datapool(tmp_path)
    found = candidates_in(start)
    assert (found.iteration, list(found.samples["filename"])) == (2, ["coat/a.jpg", "dress/b.jpg"])
    assert datapool_classes(found.ledger, found.known, of_videos=False) == ("coat", "dress")
    (tmp_path / "params.yaml").write_text("select:\n  process_all: true\n")
    again = candidates_in(Revision(WORKSPACE, None, start.cache)).samples
    assert list(again["filename"]) == ["coat/2.jpg", "coat/a.jpg", "dress/b.jpg"]
    assert list(again["iteration"]) == [1, 2, 2]


def test_proxies_come_shard_by_shard(start: Revision) -> None:
    found = candidates_in(start)
    assert dict(proxies_in(start, found.samples)) == {"coat/a.jpg": b"first", "dress/b.jpg": b"second"}
    assert dict(proxies_in(start, found.samples[1:])) == {"dress/b.jpg": b"second"}
    # What this iteration did not make is looked for in the history: there is none.
    elsewhere = pd.DataFrame({"filename": ["coat/2.jpg", "dress/b.jpg"]})
    assert dict(proxies_in(start, elsewhere)) == {"dress/b.jpg": b"second"}


def test_an_iteration_that_has_not_got_so_far_is_told(start: Revision, tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text((tmp_path / "dvc.lock").read_text().replace("marks.csv", "other.csv"))
    with pytest.raises(BaseError, match="workspace: stage embed has not run there: run `dvc repro embed`"):
        candidates_in(Revision(WORKSPACE, None, start.cache))
