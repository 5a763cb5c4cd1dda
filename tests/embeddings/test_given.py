"""Files of embeddings that another program made: what they give, and each thing that may be wrong with them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from curation.core.errors import CheckpointError, ParamsError
from curation.datapool.store import CHECKPOINT, write_empty_datapool
from curation.embeddings.given import read_given
from curation.embeddings.given_files import hash_of
from curation.embeddings.shards import read_shards
from curation.model.checkpoint import read_architecture
from curation.params.load import load_params
from curation.params.schema import Params
from curation.pipeline import paths
from curation.tables.files import read_parquet, write_parquet
from curation.tables.samples import SAMPLES
from stages.embed import run as embed
from stages.train import run as train
from tests.model_data import REPOSITORY, write_clean

VALUES = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, -2.0], [1.0, 1.0, 1.0]])
NAMES = ["b/x.png", 'a, "quoted".png', "NA"]


def table(**columns: list[object]) -> pd.DataFrame:
    values = {f"embedding_{place}": VALUES[:, place] for place in range(3)}
    return pd.DataFrame({"filenames": NAMES, **values, "labels": 0, **columns})


def written(form: str, folder: Path) -> str:
    path = folder / f"given.{form.partition('-')[0]}"
    if form == "csv":
        table(masked=[0, "", 0], selected=["False", "true", 0]).to_csv(path, index=False)
    elif form == "parquet":
        table(masked=[0, 0, 0], selected=[False, True, False]).to_parquet(path)
    elif form == "parquet-list":
        pd.DataFrame({"filenames": NAMES, "embedding": list(VALUES), "selected": [0.0, 1.0, 0.0]}).to_parquet(path)
    else:
        np.save(path, VALUES.astype(np.float16))
        path.with_suffix(".txt").write_text("\n".join(NAMES))
    return str(path)


@pytest.mark.parametrize("form", ["csv", "parquet", "parquet-list", "npy"])
def test_each_kind_of_file_gives_the_same(form: str, tmp_path: Path) -> None:
    given = read_given(written(form, tmp_path), "key")
    assert given.names == NAMES
    assert given.embeddings.dtype == np.float32
    np.testing.assert_allclose(given.embeddings, VALUES / np.linalg.norm(VALUES, axis=1)[:, None], atol=1e-7)
    assert given.selected.tolist() == [False, form != "npy", False]
    assert not given.masked.any()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("names,embedding_0\na,1\n", "its header has no column 'filenames', but 'names', 'embedding_0'"),
        ("filenames,labels\na,1\n", "its header has no column 'embedding_0'"),
        ("filenames,embedding_0,embedding_2\na,1,1\n", "its header has no column 'embedding_1'"),
        ("filenames,embedding_0\na,1\nb,1\na,2\n", "line 4: 'a' is listed twice, first in line 2"),
        ("filenames,embedding_0\na,1\nb,nan\n", "line 3: the embedding of 'b' has no direction"),
        ("filenames,embedding_0\na,1\nb,\n", "line 3: the embedding of 'b' has no direction"),
        ("filenames,embedding_0\na,one\n", "line 2: the embedding of 'a' has no direction"),
        ("filenames,embedding_0\na,inf\n", "line 2: the embedding of 'a' has no direction"),
        ("filenames,embedding_0,embedding_1\na,0,0\n", "line 2: the embedding of 'a' has no direction"),
        ("filenames,embedding_0\na,1\n\nb,1\n", "line 3: there is no filename"),
        ("filenames,embedding_0,masked\na,1,2\n", "line 2: masked is '2', not 0 or 1"),
        ("filenames,embedding_0\n", "holds no sample"),
        ("filenames,embedding_0\na,1,2\n", "more values than its header"),
        ("", "cannot be read"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "given.csv"
    path.write_text(content)
    with pytest.raises(ParamsError, match=message) as error:
        read_given(str(path), "embed.embeddings_file")
    assert str(error.value).startswith(f"embed.embeddings_file: {path}")


def test_other_files(tmp_path: Path) -> None:
    for name, message in (("a.csv", "there is no such file"), ("a.txt", "is not a .csv, .parquet or .npy file")):
        with pytest.raises(ParamsError, match=message):
            read_given(str(tmp_path / name), "key")
    path = tmp_path / "a.npy"
    objects = np.array([[object()]])
    for array, message in (
        (objects, "pickle"),
        (np.ones(3), "not \\(n, d\\) numbers"),
        (np.ones((3, 2)), "but .* 2 filenames"),
    ):
        np.save(path, array, allow_pickle=True)
        path.with_suffix(".txt").write_text("a\nb\n")
        with pytest.raises(ParamsError, match=message):
            read_given(str(path), "key")
    pd.DataFrame({"filenames": ["a", "b"], "embedding": [[1.0], [1.0, 2.0]]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ParamsError, match="row 2: 2 values, but 1 in row 1"):
        read_given(str(tmp_path / "a.parquet"), "key")
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(ParamsError, match="cannot be read"):
        read_given(str(tmp_path / "a.parquet"), "key")


def test_masked_samples_need_no_embedding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("filenames,embedding_0,masked\na,,1\nb,3,0\n")
    given = read_given(str(tmp_path / "a.csv"), "key")
    assert given.embeddings.tolist() == [[0], [1]]
    assert given.masked.tolist() == [True, False]


# ---- the stages


def params(**train_: object) -> Params:
    content = load_params(REPOSITORY / paths.PARAMS).model_dump()
    content["train"] |= train_
    content["embed"]["embeddings_file"] = "given.csv"
    return Params.model_validate(content)


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A workspace with 4 samples and an empty base; the names of the samples."""
    monkeypatch.chdir(tmp_path)
    write_clean(tmp_path, 4)
    write_empty_datapool(paths.BASE)
    return list(read_parquet(paths.SAMPLES)["filename"])


def give(names: list[str], values: NDArray[np.float64], **columns: object) -> None:
    numbers = {f"embedding_{place}": values[:, place] for place in range(values.shape[1])}
    pd.DataFrame({"filenames": names, **numbers, **columns}).to_csv("given.csv", index=False)
    paths.GIVEN_EMBEDDINGS.write_text(f"{hash_of('given.csv')}\n")


def test_given_embeddings_take_the_place_of_a_model(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    values = np.random.default_rng(0).normal(size=(5, 3))
    give([*names[::-1], "later.png"], values, masked=[0, 0, 1, 0, 0], selected=[1, 0, 0, 0, 0])
    assert train(params()) == "no model, since given.csv gives the embeddings (3 values each)"
    assert read_architecture(paths.CHECKPOINT).backbone == "embeddings_file"
    first = paths.CHECKPOINT.read_bytes()
    text = embed(params())
    assert capsys.readouterr().err == "embed: given.csv: 1 of 4 names are no sample: 'later.png'\n"
    assert text.startswith("3 samples embedded by given.csv (marked there: 1 masked, 1 selected) (3 values each)")
    rows, embeddings = read_shards(paths.EMBEDDINGS)
    assert list(rows["filename"]) == sorted({*names} - {names[1]})
    np.testing.assert_allclose(embeddings[0], values[3] / np.linalg.norm(values[3]), atol=1e-6)
    train(params())
    assert paths.CHECKPOINT.read_bytes() == first


def test_a_sample_without_embedding_is_named(names: list[str]) -> None:
    give(names[1:], np.eye(3))
    train(params())
    with pytest.raises(ParamsError, match=f"lacks 1 of 4 samples: {names[0]!r}. Add them"):
        embed(params())
    Path("given.csv").write_text("changed")
    with pytest.raises(ParamsError, match="has changed since this run began"):
        embed(params())
    Path("given.csv").unlink()
    with pytest.raises(ParamsError, match=r"there is no file given.csv; bring it back"):
        train(params())


def test_a_datapool_keeps_the_space_of_its_embeddings(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    give(names, np.eye(4))
    train(params())
    (paths.BASE / CHECKPOINT).write_bytes(paths.CHECKPOINT.read_bytes())
    embed(params())
    (paths.BASE / "embeddings").mkdir(exist_ok=True)
    for shard in paths.EMBEDDINGS.iterdir():
        shard.rename(paths.BASE / "embeddings" / shard.name)
    train(params())
    give(names, np.eye(4) * 7 + 1e-6)
    samples = read_parquet(paths.SAMPLES)
    write_parquet(samples.iloc[:1], SAMPLES, paths.SAMPLES)
    embed(params())
    assert capsys.readouterr().err == "", "names that have an embedding in the datapool are samples"
    write_parquet(samples, SAMPLES, paths.SAMPLES)
    give(names, np.eye(4)[::-1])
    with pytest.raises(ParamsError, match=r"another embedding than the datapool has .* 4 samples differ"):
        embed(params())
    give(names, np.eye(4)[:, :3] + 1)
    with pytest.raises(CheckpointError, match=r"given.csv has 3 values .* datapool are 4 values each"):
        train(params())
    assert "3 values each" in train(params(retrain=True))
    no_file = params().model_copy(update={"embed": params().embed.model_copy(update={"embeddings_file": None})})
    with pytest.raises(CheckpointError, match=r"came from a file, and embed.embeddings_file is null"):
        train(no_file)
