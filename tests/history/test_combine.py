"""Naming another project's datapool, and making one of a file of embeddings."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curation.cleaning.judging import Rules, judged, originals
from curation.cli.samples import with_picture
from curation.core.errors import CheckpointError, CurationError
from curation.core.hashing import sha256_of_file
from curation.datapool import store
from curation.embeddings.given import GivenEmbeddings, read_given
from curation.embeddings.shards import read_shards
from curation.history.combine import combined, is_file, source_and_revision, write_combined
from curation.history.overlap import exact_pairs
from curation.history.union import unite
from curation.inspection.why import sentences
from tests.datapools import empty_datapool, grow, processed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("../other", ("../other", "HEAD")),
        ("../other@main", ("../other", "main")),
        ("../other@feature/x", ("../other", "feature/x")),
        ("https://example.org/a.git@v2", ("https://example.org/a.git", "v2")),
        ("git@example.org:team/a.git", ("git@example.org:team/a.git", "HEAD")),
        ("git@example.org:team/a.git@v2", ("git@example.org:team/a.git", "v2")),
        ("here@now", ("here@now", "HEAD")),
    ],
)
def test_a_revision_follows_the_last_at(
    text: str, expected: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here@now").mkdir()
    assert source_and_revision(text) == expected


POOL = """filenames,embedding_0,embedding_1,embedding_2,labels,selected,masked
city/x-1-mp4.png,0,0,2,0,1,0
"y, ""z"".jpg",0,3,0,1,1,0
left.jpg,1,1,1,0,0,0
masked.jpg,,,,0,0,1
"""


class FakeRevision:
    """The last iteration of a project with a checkpoint, or of one without any."""

    def __init__(self, checkpoint: Path | None) -> None:
        self.checkpoint = checkpoint
        outs = [{"path": "datapool", "md5": "1.dir"}]
        self.stages = {"merge_datapool": {"outs": outs}} if checkpoint else {}
        self.datapool_files = {store.CHECKPOINT: "2"}

    def datapool_file(self, name: str) -> Path | None:
        return self.checkpoint


class FakeCache:
    """A cache that keeps what is put into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def temporary_folder(self) -> Path:
        return self.folder

    def add_folder(self, folder: Path) -> str:
        folder.rename(self.folder / "added")
        return "3.dir"


def given_checkpoint(path: Path, dimension: int = 3, origin: str | None = None) -> Path:
    """Write a checkpoint without weights."""
    from curation.model.architecture import Architecture
    from curation.model.weights import save_checkpoint

    save_checkpoint(path, Architecture.of_given_embeddings(dimension), {}, origin)
    return path


def take_in(folder: Path, text: str, checkpoint: Path | None, own: Path | None, *, given: bool = False) -> object:
    """Combine a file whose content is given."""
    (folder / "pool.csv").write_text(text)
    revision, cache = FakeRevision(own), FakeCache(folder)
    return combined(folder / "pool.csv", checkpoint, revision, cache, embeddings_are_given=given)  # type: ignore[arg-type]


def test_files_are_told_from_repositories(tmp_path: Path) -> None:
    (tmp_path / "pool.csv").mkdir()
    assert is_file("pool.csv")
    assert is_file("a/b.PARQUET")
    assert not is_file(str(tmp_path / "pool.csv"))
    assert not is_file("https://example.org/a.git@v2")


def test_what_a_file_marks_as_selected_becomes_a_datapool(tmp_path: Path) -> None:
    own = given_checkpoint(tmp_path / "own.ckpt")
    found = take_in(tmp_path, POOL, None, own)
    assert (found.datapool, found.samples, found.left_out) == ("3.dir", 2, 2)  # type: ignore[attr-defined]
    pool = tmp_path / "added"
    samples, log = store.read_samples(pool), store.read_iterations(pool)
    assert samples["filename"].tolist() == ["city/x-1-mp4.png", 'y, "z".jpg']
    assert set(samples["raw_path"]) == {"combined from pool.csv"}
    assert (samples["rank"].tolist(), samples["label_name"].tolist()) == ([0, 1], ["city", ""])
    assert (set(samples["pixel_hash"]), set(samples["content_hash"])) == ({""}, {""})
    assert log[["iteration", "selected", "size_after"]].to_numpy().tolist() == [[1, 2, 2]]
    assert log["checkpoint_hash"][0] == store.checkpoint_hash(pool) == sha256_of_file(own)
    given = read_given(str(pool / store.LATEST_CSV), "key")
    np.testing.assert_array_equal(given.embeddings, [[0, 0, 1], [0, 1, 0]])
    assert read_shards(pool / store.EMBEDDINGS_FOLDER)[0]["filename"].tolist() == samples["filename"].tolist()
    assert store.read_ledger(pool).empty


def test_without_marks_everything_counts_as_selected(tmp_path: Path) -> None:
    take_in(tmp_path, "filenames,embedding_0,embedding_1,labels\nb,1,2,0\na,2,1,0\n", None, None, given=True)
    assert store.read_samples(tmp_path / "added")["filename"].tolist() == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filename,embedding_0\na,1\n", "its header has no column 'filenames'"),
        ("filenames,embedding_0,embedding_1\na,1,nan\n", "line 2: the embedding of 'a' has no direction"),
        ("filenames,embedding_0,embedding_1\na,1,1\na,1,2\n", "line 3: 'a' is listed twice, first in line 2"),
        ("filenames,embedding_0,embedding_1\na,1,1\n", "has 2 values for each sample, and the checkpoint"),
        ("filenames,embedding_0,embedding_1,selected,masked\na,1,1,1,1\n", "there is nothing to take in"),
    ],
)
def test_a_file_that_cannot_be_combined(text: str, message: str, tmp_path: Path) -> None:
    own = given_checkpoint(tmp_path / "own.ckpt")
    with pytest.raises(CurationError) as error:
        take_in(tmp_path, text, None, own)
    assert message in error.value.message
    assert not (tmp_path / "added").exists()


def test_the_model_of_the_embeddings_has_to_be_known(tmp_path: Path) -> None:
    from curation.model.architecture import Architecture
    from curation.model.weights import save_checkpoint

    lightly = tmp_path / "lightly.ckpt"
    lightly.write_bytes(b"of another program")
    own = tmp_path / "own.ckpt"
    save_checkpoint(own, Architecture.of("resnet-9", 3, 16, 32), {}, sha256_of_file(lightly))
    with pytest.raises(CheckpointError, match="does not say which model made its embeddings"):
        take_in(tmp_path, POOL, None, own)
    with pytest.raises(CheckpointError, match="does not say which model"):
        take_in(tmp_path, POOL, None, None)
    with pytest.raises(CheckpointError, match="there is no file"):
        take_in(tmp_path, POOL, tmp_path / "none.ckpt", own)
    take_in(tmp_path, POOL, lightly, own)
    assert store.checkpoint_hash(tmp_path / "added") == sha256_of_file(own)


def test_combined_samples_are_nobodys_duplicates(tmp_path: Path) -> None:
    own = grow(tmp_path / "own", empty_datapool(tmp_path / "empty"), ["a.png", "b.png"], ["b.png"])
    pools = []
    for name in ("one", "two"):
        pools.append(tmp_path / name)
        pools[-1].mkdir()
        embeddings = np.eye(3, dtype=np.float32)[:2]
        content = GivenEmbeddings([f"{name}.png", "same.png"], embeddings, *np.zeros((2, 2), bool))
        write_combined(pools[-1], content, np.ones(2, bool), own / store.CHECKPOINT, f"{name}.csv")
    target = tmp_path / "union"
    target.mkdir()
    assert unite([own, *pools], target, embeddings_are_replaced=False) == []
    samples = store.read_samples(target)
    assert samples["filename"].tolist() == ["b.png", "one.png", "same.png", "two.png"]
    assert samples["iteration"].tolist() == [1, 2, 2, 3]
    assert exact_pairs(samples, samples.assign(filename=["1", "2", "3", "4"])) == [("1", "b.png", None)]
    assert with_picture(samples)[0]["filename"].tolist() == ["b.png"]
    base = read_shards(target / store.EMBEDDINGS_FOLDER)[0]
    new = processed(["new.png"]).assign(fault="")
    assert originals(new, base).tolist() == [""]
    near = judged(new, base, Rules((), 32))
    assert near["duplicate_of"].tolist() == ["a.png"]  # whose picture is known


def test_why_says_what_is_known() -> None:
    answer = {"filename": "a.png", "status": "selected", "raw_file": "combined from pool.csv", "checkpoint": "12"}
    told = sentences(answer | {"iteration": 2, "commit": None})
    assert told[0].startswith("a.png was selected elsewhere, and combined from pool.csv in iteration 2 (not committed")
    assert "first sample" not in " ".join(told)


def test_all_combined_samples_can_be_listed() -> None:
    samples = pd.DataFrame({"filename": ["a", "b"], "raw_path": ["a", "combined from b.csv"]})
    assert with_picture(samples)[1] == 1
