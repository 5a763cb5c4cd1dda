"""The table of all samples: columns, states, places, pictures, and equal bytes for equal projects."""

import io
import shutil
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from curation.cli.commands.explore import predictions_of
from curation.datapool.pictures import write_pictures
from curation.embeddings.shards import write_shards
from curation.explore.build import Built, build_table
from curation.explore.samples import Predictions, known_samples
from curation.explore.schema import COLUMNS, ITERATION_KEY, MAP_KEY, STATES, reference, table_schema
from curation.history.dvc_cache import Cache
from curation.inspection.revision import Revision
from curation.pipeline import paths
from curation.reporting.compute.distances import principal_plane, subset
from curation.tables.datapool import PICTURES
from tests.explore.project import HOSTILE, OUTPUTS, PLOTS, FolderCache, record, three_samples
from tests.report_example import Raw, example, write_workspace


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def built(side: int = 32, pictures: int | None = None, predictions: Predictions | None = None) -> Built:
    return build_table(Path("explore.parquet"), record(Path()), OUTPUTS, predictions, side, pictures)


def rows() -> pd.DataFrame:
    return pd.read_parquet("explore.parquet").set_index("filename")


def test_three_samples_have_all_that_is_known(tmp_path: Path) -> None:
    inputs = three_samples(tmp_path)
    made = built()
    assert made == Built({"selected": 2, "not selected": 1}, 3, ("x", "y"))
    assert made.sentence() == ("3 samples (2 selected, 1 not selected), 3 with a picture, map: principal components")
    schema = pq.read_schema("explore.parquet")
    assert schema.remove_metadata() == table_schema()
    assert schema.metadata == {ITERATION_KEY.encode(): b"1", MAP_KEY.encode(): b"x y"}
    table = rows()
    assert list(table.index) == sorted(inputs.samples["filename"])
    assert HOSTILE in table.index
    assert table["row"].tolist() == [0, 1, 2]
    chosen = table[table["state"] == "selected"]
    assert chosen["rank"].tolist() == [inputs.selection["filename"].tolist().index(name) for name in chosen.index]
    assert set(chosen["nearest"].dropna()) <= set(chosen.index)
    (left,) = table[table["state"] == "not selected"].to_dict("records")
    (candidate,) = inputs.candidates[~inputs.candidates["selected"]].to_dict("records")
    assert left["covered_by"] == candidate["covered_by"]
    assert left["distance"] == pytest.approx(candidate["distance"])
    assert np.isnan(left["rank"])
    assert table["iteration"].tolist() == [1, 1, 1]
    assert table["label_name"].tolist() == ["" if name == HOSTILE else "city" for name in table.index]
    assert table["width"].tolist() == [320] * 3


def test_places_are_those_of_the_principal_plane(tmp_path: Path) -> None:
    inputs = three_samples(tmp_path)
    built()
    expected = principal_plane(inputs.embeddings).place(inputs.embeddings)
    found = rows().loc[inputs.processed["filename"], ["x", "y"]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_pictures_are_small_jpegs_of_the_proxies(tmp_path: Path) -> None:
    three_samples(tmp_path)
    built(side=32)
    for content in rows()["thumbnail"]:
        with Image.open(io.BytesIO(content)) as image:
            assert (image.format, max(image.size)) == ("JPEG", 32)
            assert not image.info.get("exif")


def test_pictures_can_be_left_out_or_limited(tmp_path: Path) -> None:
    three_samples(tmp_path)
    assert built(side=0).pictures == 0
    assert rows()["thumbnail"].isna().all()
    assert built(pictures=2).pictures == 2
    assert set(rows().loc[rows()["thumbnail"].notna(), "state"]) == {"selected"}


def test_without_proxies_there_are_no_pictures(tmp_path: Path) -> None:
    three_samples(tmp_path)
    for shard in (tmp_path / paths.PROXIES).iterdir():
        shard.write_bytes(b"no zip file")
    assert built().pictures == 0
    assert len(rows()) == 3


def test_without_proxies_kept_pictures_count(tmp_path: Path) -> None:
    three_samples(tmp_path)
    for shard in (tmp_path / paths.PROXIES).iterdir():
        shard.unlink()
    first, second = pd.read_csv(tmp_path / "datapool/samples.csv")["filename"]
    kept = tmp_path / "kept.png"
    Image.new("RGB", (90, 60), "red").save(kept)
    listed = [(first, "x", "kept.png", "png", "kept.png", 1), (second, "x", "gone.png", "png", "gone.png", 1)]
    write_pictures(tmp_path / paths.DATAPOOL, pd.DataFrame(listed, columns=PICTURES.names))
    assert built(side=30).pictures == 1
    with Image.open(io.BytesIO(rows().loc[first, "thumbnail"])) as image:
        assert (image.format, image.size) == ("JPEG", (30, 20))
    kept.write_bytes(b"no picture")
    assert built().pictures == 0


def test_equal_projects_give_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        three_samples(Path())
        built()
        contents.append(Path("explore.parquet").read_bytes())
    assert contents[0] == contents[1]


def test_rows_come_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    three_samples(tmp_path)
    built()
    whole = rows()
    monkeypatch.setattr("curation.explore.writing.ROWS_AT_ONCE", 2)
    advanced: list[tuple[int, int]] = []
    build_table(Path("explore.parquet"), record(Path()), OUTPUTS, None, 32, None, lambda *done: advanced.append(done))
    assert advanced == [(2, 3), (1, 3)]
    assert pq.ParquetFile("explore.parquet").num_row_groups == 2
    pd.testing.assert_frame_equal(rows(), whole)


def test_dropped_samples_have_a_reason_and_no_place(tmp_path: Path) -> None:
    write_workspace(tmp_path, example((Raw("a/x.mp4", 9, corrupt=2, duplicate=1), Raw("b.jpg", corrupt=1))))
    assert built().states == {"selected": 6, "dropped": 4}
    dropped = rows()[rows()["state"] == "dropped"]
    assert sorted(dropped["dropped_as"]) == ["corrupt"] * 3 + ["duplicate"]
    assert dropped["duplicate_of"].dropna().tolist() == ["a/x-8-mp4.png"]
    assert dropped["reason"].notna().all()
    assert dropped["x"].isna().all()
    assert dropped.loc["b.jpg", "label_name"] == ""
    assert dropped.loc["a/x-0-mp4.png", "label_name"] == "a"


def test_what_guards_a_name_is_no_folder(tmp_path: Path) -> None:
    write_workspace(tmp_path, example((Raw("a/x.mp4", 9), Raw("./-b.jpg", corrupt=1))))
    built()
    assert rows().loc["./-b.jpg", "label_name"] == ""


def test_predictions_are_a_column(tmp_path: Path) -> None:
    inputs = three_samples(tmp_path)
    asked: list[set[str]] = []

    def predictions(known: Collection[str]) -> "pd.Series[str]":
        asked.append(set(known))
        return pd.Series({HOSTILE: "cat"})

    built(predictions=predictions)
    assert rows()["predicted_class"].dropna().to_dict() == {HOSTILE: "cat"}
    assert asked == [set(inputs.samples["filename"])]


def test_predictions_mean_the_samples_that_the_selection_takes_them_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    three_samples(tmp_path)
    file = tmp_path / "predictions.csv"
    file.write_text("filename,class,score\ntram.jpg,cat,0.9\n/srv/pictures/city/=1+2.jpg,dog,0.8\nlost.png,cow,0.7\n")
    (tmp_path / "params.yaml").write_text("select: {predictions_file: predictions.csv}\n")
    built(predictions=partial(predictions_of, record(tmp_path)))
    assert rows()["predicted_class"].dropna().to_dict() == {"city/tram.jpg": "cat", "city/=1+2.jpg": "dog"}
    said = capsys.readouterr().err
    assert said.startswith("explore: predictions.csv: 2 of 3 names are samples")
    assert "1 are no sample: 'lost.png'" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no predictions.csv here"),
        ("filename,class,score\nlost.png,cat,1\n", "predictions.csv: 0 of 1 names are samples"),
    ],
)
def test_predictions_that_cannot_be_read_are_left_out_with_a_line(
    content: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    three_samples(tmp_path)
    if content is not None:
        (tmp_path / "predictions.csv").write_text(content)
    (tmp_path / "params.yaml").write_text("select: {predictions_file: predictions.csv}\n")
    built(predictions=partial(predictions_of, record(tmp_path)))
    assert rows()["predicted_class"].isna().all()
    shown = capsys.readouterr().err
    assert shown.startswith(f"explore: warning: select.predictions_file: {said}")
    assert shown.endswith("; no class is shown\n")


def test_the_reports_umap_is_the_map_where_it_shows_all(tmp_path: Path) -> None:
    inputs = three_samples(tmp_path)
    (tmp_path / PLOTS).mkdir(parents=True)
    places = pd.DataFrame({"x": 0.5, "y": 0.5, "umap_5_x": [1.0, 2, 3], "umap_5_y": [4.0, 5, 6]})
    places["filename"] = inputs.processed["filename"]
    places.to_csv(tmp_path / PLOTS / "map.csv", index=False)
    assert built().axes == ("umap_5_x", "umap_5_y")
    assert rows().loc[places["filename"], "umap_5_x"].tolist() == [1, 2, 3]
    assert "UMAP (5)" in built().sentence()
    places.iloc[1:].to_csv(tmp_path / PLOTS / "map.csv", index=False)
    assert built().axes == ("x", "y")
    assert rows()["umap_5_x"].isna().sum() == 1


def test_samples_that_were_embedded_since_are_candidates(tmp_path: Path) -> None:
    inputs = three_samples(tmp_path)
    new = example((Raw("new/n.jpg"), Raw("new/m.jpg")), seed=3)
    write_shards(tmp_path / paths.EMBEDDINGS, new.processed, new.embeddings, "c" * 64)
    assert built().states == {"selected": 2, "not selected": 1, "candidate": 2}
    found = rows().loc["new/n.jpg"]
    assert (found["state"], found["iteration"]) == ("candidate", 2)
    assert rows()["x"].notna().all()
    write_shards(tmp_path / "other", new.processed, new.embeddings, "d" * 64)
    (tmp_path / paths.EMBEDDINGS).rename(tmp_path / "before")
    (tmp_path / "other").rename(tmp_path / paths.EMBEDDINGS)
    built()
    places = rows()["x"]
    assert places[["new/n.jpg", "new/m.jpg"]].isna().all(), "embeddings of another model have no place on this map"
    assert rows().loc[inputs.processed["filename"], "x"].notna().all()


def test_before_the_first_selection_there_are_only_candidates(tmp_path: Path) -> None:
    inputs = example((Raw("new/n.jpg"), Raw("new/m.jpg")))
    write_shards(tmp_path / paths.EMBEDDINGS, inputs.processed, inputs.embeddings, "c" * 64)
    assert built().states == {"candidate": 2}
    assert rows()["iteration"].tolist() == [1, 1]


def test_a_project_without_samples_gives_an_empty_table() -> None:
    assert built() == Built({}, 0, ("x", "y"))
    assert len(rows()) == 0


def test_what_was_taken_out_for_good_is_not_shown(tmp_path: Path) -> None:
    inputs = three_samples(tmp_path)
    gone = inputs.candidates.loc[~inputs.candidates["selected"], "filename"].iloc[0]
    tombstone = {"filename": gone, "raw_path": gone, "content_hash": "", "pixel_hash": "", "reason": "asked for"}
    pd.DataFrame([tombstone]).to_csv(tmp_path / paths.DATAPOOL / "removed.csv", index=False)
    assert built().states == {"selected": 2}


def test_the_plane_is_that_of_a_subset_of_very_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = example((Raw("a/x.mp4", 30),))
    write_workspace(tmp_path, inputs)
    monkeypatch.setattr("curation.explore.places.MAP_LIMIT", 10)
    monkeypatch.setattr("curation.explore.places._ROWS_AT_ONCE", 7)
    chosen = subset(30, 10)
    built()
    plane = principal_plane(inputs.embeddings[chosen])
    np.testing.assert_allclose(rows()[["x", "y"]], plane.place(inputs.embeddings), atol=1e-6)


def test_the_page_of_the_columns_names_each_and_every_state() -> None:
    page = reference()
    assert all(f"| `{name}` |" in page for name in table_schema().names)
    assert all(f"| {state} |" in page for state in STATES)
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)


def test_without_the_table_of_candidates_it_is_not_known_what_covers_a_sample(tmp_path: Path) -> None:
    three_samples(tmp_path)
    (tmp_path / paths.CANDIDATES).unlink()
    assert built().states == {"selected": 2, "not selected": 1}
    assert rows()["covered_by"].isna().all()


def test_of_a_former_iteration_only_what_the_cache_holds_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_samples(tmp_path)
    (tmp_path / "former").mkdir()
    write_workspace(tmp_path / "former", example((Raw("a/x.mp4", 4, corrupt=1),)))
    start = record(tmp_path)
    former = replace(start, cache=cast(Cache, FolderCache(tmp_path / "former")))

    def tables(_: Revision, output: Path) -> list[tuple[Revision, Path]]:
        return [(each, each.cache.file(output.as_posix())) for each in (start, former)]

    monkeypatch.setattr("curation.explore.samples.known_tables", tables)
    assert dropped_in(start) == {"a/x-0-mp4.png": 1}
    (tmp_path / "former" / paths.DATAPOOL / "iterations.csv").unlink()
    assert dropped_in(start) == {"a/x-0-mp4.png": None}
    shutil.rmtree(tmp_path / "former" / paths.DATAPOOL)
    assert dropped_in(replace(start)) == {"a/x-0-mp4.png": None}


def dropped_in(start: Revision) -> dict[str, int | None]:
    rows = known_samples(start, OUTPUTS.candidates, OUTPUTS.dropped).to_pylist()
    return {row["filename"]: row["iteration"] for row in rows if row["state"] == "dropped"}
