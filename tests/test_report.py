"""The stage `report`: what it writes, and that equal inputs give equal bytes."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import jsonschema
import pandas as pd
import pytest
from PIL import Image

from curation.core.hashing import md5_of_file, sha256_of_file
from curation.history.dvc_cache import open_cache
from curation.image.proxies import ProxyReader
from curation.labels.stored import Annotation, Labelled, as_coco
from curation.params.load import load_params
from curation.params.schema import Params
from curation.pipeline import paths
from curation.raw.finding import RawFinder
from curation.reporting.compute.figures import compute_figures
from curation.reporting.compute.sets import make_sets
from curation.reporting.draw.plots import draw_charts
from curation.reporting.draw.sample_pictures import cheap_to_decode, picture_reader
from curation.reporting.inputs import LabelledSamples, ReportInputs
from curation.reporting.pages import outputs
from curation.reporting.pages.render import render_html
from curation.reporting.parameters import flat_parameters
from curation.tables.datapool import SOURCES
from curation.tables.samples import RAW_FILES
from stages.report import contents_of, imported_labels, kept_reader, raw_reader
from tests.conftest import REPOSITORY
from tests.media_files import write_image
from tests.object_files import raw_table
from tests.report_example import SECOND, example, write_workspace

# What its tests share is made once, not once a process.
pytestmark = [pytest.mark.thorough, pytest.mark.xdist_group("report")]

EXPECTED = {
    "corruptness_check_information.json", "explorer.html", "metrics.json", "report.html", "report.json", "report.pdf",
    "report.schema.json", "filenames/corrupt_filenames.txt", "filenames/duplicate_filenames.txt",
    "filenames/ignored_filenames.txt", "filenames/low_quality_filenames.txt", "filenames/near_duplicate_filenames.txt",
    "filenames/over_limit_filenames.txt", "filenames/unsupported_filenames.txt",
    "filenames/unreachable_filenames.txt", "filenames/masked_filenames.txt",
    "filenames/removed_filenames.txt", "filenames/sampled_filenames.txt", "plots/budget_curve.png",
    "plots/datapool_growth.csv",
    "plots/datapool_growth.png", "plots/distance_distr.png", "plots/distance_distr_after.png",
    "plots/distance_distr_before.png", "plots/distance_distr_datapool.png", "plots/map.csv",
    "plots/nearest_distances.csv", "plots/pairwise_distances.csv", "plots/pick_distance.csv",
    "embeddings/README.txt", "sampled_filenames_excluding_datapool.txt",
    "plots/pretagging_histogram_before.png", "plots/pretagging_histogram_after.png",
    *(f"plots/filter_decision_{number}.png" for number in range(4)),
    "plots/pick_distance.png", "plots/scatter_pca.png", "plots/scatter_pca_no_overlay.png",
    *(f"plots/scatter_umap_k_{size}{kind}.png" for size in (5, 15, 50) for kind in ("", "_no_overlay")),
}  # fmt: skip


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.fixture(scope="module")
def inputs() -> ReportInputs:
    return example(SECOND, base=example(), seed=2, n_samples=4)


def run_stage(folder: Path, inputs: ReportInputs, **environment: str) -> Path:
    """Write the inputs to a new folder and run the stage there as DVC does."""
    folder.mkdir(parents=True)
    write_workspace(folder, inputs)
    shutil.copy(REPOSITORY / "params.yaml", folder)
    result = subprocess.run(
        [sys.executable, "-m", "stages.report"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout.startswith("report: 4 of 18 candidates selected; ")
    assert result.stdout.count("\n") == 1
    return folder / paths.REPORTS


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, inputs: ReportInputs) -> Path:
    return run_stage(tmp_path_factory.mktemp("here") / "a", inputs, PYTHONHASHSEED="1", OMP_NUM_THREADS="1")


def load(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def test_everything_is_written(written: Path) -> None:
    assert set(files_below(written)) == EXPECTED


def test_equal_inputs_give_equal_bytes_in_any_folder_and_zone(
    written: Path, tmp_path: Path, inputs: ReportInputs
) -> None:
    other = run_stage(
        tmp_path / "a folder" / "elsewhere", inputs, PYTHONHASHSEED="2", TZ="Asia/Tokyo", OMP_NUM_THREADS="2",
        LC_ALL="C.UTF-8", SOURCE_DATE_EPOCH="1700000000", MPLCONFIGDIR=str(tmp_path / "mpl"),
    )  # fmt: skip
    here, there = files_below(written), files_below(other)
    assert [name for name in here if here[name] != there.get(name)] == []


def test_outputs_do_not_hold_the_folder_they_were_made_in(written: Path) -> None:
    for name, content in files_below(written).items():
        assert str(written.parent).encode() not in content, name


def test_the_json_fits_its_schema_and_has_sorted_keys(written: Path) -> None:
    schema, content = load(written / outputs.JSON_SCHEMA), load(written / outputs.JSON)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(content)
    assert list(content) == sorted(content)
    broken = {**content, "iteration": "two"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(broken)


def test_documents_and_data_say_the_same(written: Path) -> None:
    content, metrics = load(written / outputs.JSON), load(written / outputs.METRICS)
    html = (written / outputs.HTML).read_text(encoding="utf-8")
    assert content["verdict"] in html
    assert metrics["selected"] == content["selection"]["selected"] == 4
    assert metrics["datapool_size"] == content["datapool"]["size_after"] == 10
    assert metrics["coverage_radius"] == round(content["selection"]["coverage_radius_after"], 4)
    growth = pd.read_csv(written / "plots/datapool_growth.csv")
    assert growth["datapool_size"].tolist() == [6, 10]
    nearest = pd.read_csv(written / "plots/nearest_distances.csv")
    assert nearest["selected"].tolist() == content["distances"]["nearest"]["selected"]["shares"]


def test_metrics_are_flat_numbers(written: Path) -> None:
    metrics = load(written / outputs.METRICS)
    assert all(isinstance(value, int | float) for value in metrics.values())


def test_names_are_listed_by_what_became_of_them(tmp_path: Path) -> None:
    first = example()
    outputs.write_filenames(tmp_path, first)
    outputs.write_corruptness(tmp_path, first.dropped, first.files)
    lists = {
        name: (tmp_path / f"filenames/{name}_filenames.txt").read_text(encoding="utf-8").splitlines()
        for name in (
            "corrupt",
            "duplicate",
            "ignored",
            "low_quality",
            "near_duplicate",
            "over_limit",
            "unsupported",
            "removed",
            "sampled",
        )
    }
    assert lists["sampled"] == first.selection["filename"].tolist()
    new = (tmp_path / outputs.NEW_FILENAMES).read_text(encoding="utf-8").splitlines()
    assert new == lists["sampled"]
    assert sorted(lists["removed"] + lists["sampled"]) == first.candidates["filename"].tolist()
    assert lists["corrupt"] == ["broken.jpg", "city/drive-1-00-mp4.png"]
    assert len(lists["duplicate"]) == 4
    assert (lists["ignored"], lists["over_limit"]) == (["notes.txt"], [])
    assert load(tmp_path / outputs.CORRUPTNESS) == {
        "corrupt_samples": {
            "broken.jpg": "cannot be decoded: truncated",
            "city/drive-1-00-mp4.png": "cannot be decoded: truncated",
        },
        "corrupt_videos": {},
    }


def test_embeddings_are_written_on_request(tmp_path: Path, inputs: ReportInputs) -> None:
    outputs.write_embeddings(tmp_path, None)
    assert set(files_below(tmp_path)) == {"embeddings/README.txt"}
    outputs.write_embeddings(tmp_path, make_sets(inputs))
    selected = pd.read_csv(tmp_path / "embeddings/selected_embeddings.csv")
    dimension = inputs.embeddings.shape[1]
    assert list(selected) == ["filenames", *(f"embedding_{column}" for column in range(dimension)), "labels"]
    assert sorted(selected["filenames"]) == sorted(inputs.selection["filename"])
    rows = pd.Index(inputs.processed["filename"]).get_indexer(selected["filenames"])
    assert selected.iloc[:, 1:-1].to_numpy() == pytest.approx(inputs.embeddings[rows])
    assert selected["labels"].tolist() == inputs.processed["label"].iloc[rows].tolist()
    for name, wanted in [
        ("embeddings", len(inputs.candidates) + len(inputs.base_samples)),
        ("selected_embeddings_including_datapool", len(inputs.datapool_samples)),
    ]:
        assert len(pd.read_csv(tmp_path / f"embeddings/{name}.csv")) == wanted


def test_a_video_that_is_corrupt_as_a_whole_is_listed_apart(tmp_path: Path, inputs: ReportInputs) -> None:
    dropped = pd.DataFrame(
        [
            {"filename": "city/drive-3.mp4", "raw_path": "city/drive-3.mp4", "status": "corrupt", "reason": "gone"},
            {"filename": "coast/x.jpg", "raw_path": "coast/x.jpg", "status": "corrupt", "reason": "truncated"},
        ]
    )
    outputs.write_corruptness(tmp_path, dropped, inputs.files)
    assert load(tmp_path / outputs.CORRUPTNESS) == {
        "corrupt_samples": {"coast/x.jpg": "truncated"},
        "corrupt_videos": {"city/drive-3.mp4": "gone"},
    }


def test_pictures_come_from_proxies_and_otherwise_from_the_raw_file(tmp_path: Path, inputs: ReportInputs) -> None:
    write_workspace(tmp_path, inputs)
    samples = pd.read_parquet(tmp_path / paths.SAMPLES)
    asked: list[tuple[str, int]] = []

    def read_raw(wanted: Sequence[tuple[str, int]]) -> list[Image.Image | None]:
        asked.extend(wanted)
        return [None if path == "forest/oak.jpg" else Image.new("RGB", (4, 4)) for path, _ in wanted]

    read = picture_reader(samples, inputs.processed, ProxyReader(tmp_path / paths.PROXIES), read_raw)
    found: Mapping[str, Image.Image] = read(
        ["coast/beach.jpg", "city/drive-1-07-mp4.png", "forest/oak.jpg", "never heard of.jpg"]
    )
    assert set(found) == {"coast/beach.jpg", "city/drive-1-07-mp4.png"}
    assert sorted(asked) == [("city/drive-1.mp4", 7), ("forest/oak.jpg", 0)]


def test_pictures_that_were_kept_come_before_raw_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    subprocess.run(["git", "init", "--quiet"], check=True)
    file = write_image(tmp_path / "made/a.png", 1)
    (tmp_path / "made/b.png").write_bytes(b"no picture")
    with open_cache() as cache:
        cache.add_folder(tmp_path / "made")
    names = ["a.png", "b.png", "gone.png"]
    hashes = [md5_of_file(file), md5_of_file(tmp_path / "made/b.png"), "0" * 32]
    table = pd.DataFrame({"filename": names, "form": "png", "md5": hashes})
    read_kept = kept_reader(table, 10**6)
    asked: list[tuple[str, int]] = []

    def read_raw(wanted: Sequence[tuple[str, int]]) -> list[Image.Image | None]:
        asked.extend(wanted)
        return [None] * len(wanted)

    rows = pd.DataFrame({"filename": [*names, "raw.png"], "raw_path": [*names, "raw.png"], "frame": 0})
    nothing = pd.DataFrame(columns=["filename", "shard", "member"])
    read = picture_reader(nothing, rows, ProxyReader(tmp_path), read_raw, read_kept)
    found = read([*names, "raw.png"])
    assert list(found) == ["a.png"]
    assert found["a.png"].tobytes() == Image.open(file).convert("RGB").tobytes()
    assert [path for path, _ in asked] == ["b.png", "gone.png", "raw.png"]
    assert cheap_to_decode(rows.assign(time_s=1.0, frame=5000), names) == names, "a video's late frame is not cheap"
    monkeypatch.setattr("stages.report.load_image", Mock(side_effect=MemoryError))
    with pytest.raises(MemoryError):
        read_kept(names)


def test_imported_labels_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    subprocess.run(["git", "init", "--quiet"], check=True)
    cars = {"a.png": (Annotation("car", None, None),) * 2, "b.png": (), "gone.png": (Annotation("bus", None, None),)}
    (tmp_path / "made").mkdir()
    (tmp_path / "made/cars.json").write_text(as_coco(Labelled(cars, {}, ("car", "bus"))))
    digest = md5_of_file(tmp_path / "made/cars.json")
    with open_cache() as cache:
        cache.add_folder(tmp_path / "made")
    found = imported_labels({"lost": "0" * 32, "cars": digest}, ["a.png", "b.png", "c.png"])
    assert found == {"cars": LabelledSamples(2, {"car": 1})}
    assert "report: warning: the labels of lost are not counted" in capsys.readouterr().err


def test_pictures_come_from_the_raw_file_wherever_it_lies(tmp_path: Path, inputs: ReportInputs) -> None:
    file = write_image(tmp_path / "later/a.png", 1)
    processed = inputs.processed.head(1).assign(raw_path="day/a.png", content_hash=sha256_of_file(file), frame=0)
    files = inputs.files.head(1).assign(path="unknown.png", content_hash="")
    contents = partial(contents_of, replace(inputs, processed=processed, files=files))
    assert contents({"day/a.png", "unknown.png", "never.png"}) == {
        "day/a.png": {sha256_of_file(file)}, "unknown.png": {""}
    }  # fmt: skip
    assert contents({"never.png"}) == {}
    finder = RawFinder(tmp_path, pd.DataFrame([], columns=RAW_FILES.names), {"png": "image"})
    pictures = raw_reader(contents, finder, Params())([("day/a.png", 0), ("unknown.png", 0), ("never.png", 0)])
    assert pictures[0] is not None
    assert pictures[0].tobytes() == Image.open(file).convert("RGB").tobytes()
    assert pictures[1:] == [None, None]


def test_pictures_come_from_the_bucket_and_one_that_is_gone_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    paths.PROXIES.mkdir(parents=True)
    files = [write_image(tmp_path / "bucket" / name, seed) for seed, name in enumerate(("a.png", "b.png"))]
    raw = raw_table(paths.RAW, tmp_path / "bucket")
    content = {path: {f"content of {path}"} for path in raw["path"]}
    sources = raw.assign(content_hash=[f"content of {path}" for path in raw["path"]])[SOURCES.names]
    finder = RawFinder(paths.RAW, raw, {"png": "image"}, sources=sources)
    files[1].unlink()
    pictures = raw_reader(lambda _: content, finder, Params())([("b.png", 0), ("a.png", 0)])
    assert pictures[0] is None
    assert pictures[1] is not None
    assert pictures[1].tobytes() == Image.open(files[0]).convert("RGB").tobytes()
    assert capsys.readouterr().err == "report: warning: no picture of b.png: is gone from the bucket\n"
    assert list(paths.PROXIES.parent.iterdir()) == [paths.PROXIES]


def test_strategies_are_shown_as_text() -> None:
    content = load_params(REPOSITORY / paths.PARAMS).model_dump()
    assert flat_parameters(Params.model_validate(content))["select.strategies"] == ()
    content["select"]["strategies"] = [{"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}]
    shown = flat_parameters(Params.model_validate(content))["select.strategies"]
    assert shown == ('{"input": {"type": "RANDOM"}, "strategy": {"strength": 1.0, "type": "WEIGHTS"}}',)


def test_queries_are_shown_as_they_are_written() -> None:
    content = load_params(REPOSITORY / paths.PARAMS).model_dump()
    content["train"]["backbone"] = "open_clip/ViT-B-32"
    content["select"]["strategies"] = [
        {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "SIMILARITY", **query}}
        for query in ({"text": "<b>eine Straße</b>"}, {"images": ["queries/a.jpg", "queries/b.jpg"]})
    ]
    parameters = flat_parameters(Params.model_validate(content))
    shown = parameters["select.strategies"]
    assert isinstance(shown, tuple)
    assert shown[0] == (
        '{"input": {"type": "EMBEDDINGS"}, '
        '"strategy": {"strength": 1.0, "type": "SIMILARITY", "text": "<b>eine Straße</b>"}}'
    )
    assert str(shown[1]).endswith('"type": "SIMILARITY", "images": ["queries/a.jpg", "queries/b.jpg"]}}')
    report, points = compute_figures(replace(example(), parameters=parameters))
    page = render_html(report, draw_charts(report, points), {}, points)
    assert "&lt;b&gt;eine Straße&lt;/b&gt;" in page
    assert "<b>eine" not in page


def test_help_says_what_is_read_and_written() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "stages.report", "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "Reads" in result.stdout
    assert "reports/" in result.stdout
