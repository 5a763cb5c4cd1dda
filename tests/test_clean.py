"""Stage `clean`: what is decoded, what stays, and that everything is accounted for."""

import hashlib
import shutil
import zipfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curation.cleaning import accounting
from curation.cleaning.base import BaseTables, as_they_lie, files_to_decode_again
from curation.cleaning.clean import Cleaned, clean
from curation.cleaning.decode_file import DecodedFile, Settings
from curation.cleaning.decode_files import decode_all
from curation.cleaning.full_size import read_raw_samples
from curation.cleaning.judging import Rules, originals
from curation.cleaning.quality_limits import quality_limits
from curation.cleaning.sample_table import sample_table
from curation.cleaning.summary import require_something_new, summary
from curation.cleaning.tasks import Task, tasks_of
from curation.core.errors import NothingToSelectError, RawDataError
from curation.datapool import store
from curation.datapool.removal import tombstones
from curation.embeddings.shards import read_metadata, write_shards
from curation.image.decoded_sample import DecodedSample
from curation.image.proxies import ProxyReader
from curation.image.quality import Quality
from curation.params.load import load_params
from curation.pipeline import paths
from curation.raw.finding import RawFinder
from curation.raw.pages import as_processed
from curation.raw.relevant import parse_patterns
from curation.tables.datapool import LEDGER
from curation.tables.datapool import SAMPLES as SELECTED
from curation.tables.embeddings import embedding_schema
from curation.tables.files import empty_frame, read_parquet, write_csv, write_parquet
from curation.tables.samples import COUNTS, DROPPED, FILES, RAW_FILES, SAMPLES, TAKEN_IN
from stages import clean as stage
from stages.ingest import RelevantFiles, ingest, metrics
from tests.media_files import TrackOfTest, cut, picture, write_image, write_pages, write_tracks, write_video

pytestmark = pytest.mark.usefixtures("in_one_process")

REPOSITORY = Path(__file__).parent.parent
PARAMS = load_params(REPOSITORY / "params.yaml")
NO_RULES = Rules()
NO_LIMITS: dict[str, float | None] = dict.fromkeys(
    ("min_luma", "max_luma", "min_contrast", "min_sharpness", "max_uniform_rows")
)
SETTINGS = Settings(
    max_pixels=100_000_000,
    proxy_size=64,
    corruption_threshold=0.1,
    decode_timeout_s=60,
    decode_memory_mb=4096,
)
WANTED = {
    "keep": "kept",
    "keep_or_reject_clearly": "kept",
    "reject_without_dying": "over_limit",
    "ignore": "ignored",
}
METADATA = embedding_schema(1).names[:-1]
NO_BASE = BaseTables(empty_frame(LEDGER), empty_frame(embedding_schema(1))[METADATA], empty_frame(SELECTED))


def _raw(folder: Path) -> pd.DataFrame:
    return ingest(folder, PARAMS.ingest.image_extensions, PARAMS.ingest.video_extensions)


def _clean(
    folder: Path,
    base: BaseTables = NO_BASE,
    *,
    settings: Settings = SETTINGS,
    rules: Rules = NO_RULES,
    workers: int = 1,
    retrain: bool = False,
) -> Cleaned:
    proxies = folder.parent / "proxies"
    shutil.rmtree(proxies, ignore_errors=True)
    proxies.mkdir()
    return clean(_raw(folder), base, folder, proxies, settings, rules, workers=workers, retrain=retrain)


def _empty(folder: Path) -> Path:
    target = folder / "no proxies yet"
    target.mkdir()
    return target


def _base_after(cleaned: Cleaned, base: BaseTables = NO_BASE, selected: int = 0) -> BaseTables:
    """Return what the next iteration builds on, with the first samples selected."""
    done = cleaned.files[cleaned.files["status"].isin(TAKEN_IN)]
    part = done.rename(columns={"samples": "frames"}).assign(iteration=len(base.ledger) + 1)[LEDGER.names]
    new = cleaned.samples[cleaned.samples["is_new"]]
    chosen = new.head(selected).assign(iteration=1, rank=0, distance=0.0, nearest="")[SELECTED.names]
    return BaseTables(
        pd.concat([frame for frame in (base.ledger, part) if len(frame)], ignore_index=True),
        pd.concat([frame for frame in (base.processed, new[METADATA]) if len(frame)], ignore_index=True),
        chosen if len(chosen) else base.selected,
    )


def _status(cleaned: Cleaned) -> dict[str, str]:
    return dict(zip(cleaned.files["path"], cleaned.files["status"], strict=True))


def _row(cleaned: Cleaned, path: str) -> "pd.Series[Any]":
    return cleaned.files[cleaned.files["path"] == path].iloc[0]


def test_each_video_track_gives_samples_of_its_own(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "cars").mkdir(parents=True)
    front, rear, preview = TrackOfTest(range(6), (96, 64)), TrackOfTest(range(10, 14)), TrackOfTest(range(6), (48, 32))
    write_tracks(raw / "cars/cam.mkv", [rear, front, preview])

    def cleaned(table: pd.DataFrame, base: BaseTables) -> Cleaned:
        (proxies := tmp_path / f"proxies-{len(base.ledger)}").mkdir()
        return clean(table, base, raw, proxies, SETTINGS, NO_RULES, workers=1, retrain=False)

    table = ingest(raw, ["png"], ["mkv"], all_tracks=True)
    file, *tracks = table["path"]
    assert [file, *tracks] == ["cars/cam.mkv", "cars/cam.mkv/track-1.mkv", "cars/cam.mkv/track-3.mkv"]
    assert table["frames"].tolist() == [6, 4, 6]
    first = cleaned(table.iloc[:1], NO_BASE)
    assert first.samples["filename"].tolist() == [f"cars/cam-{frame}-mkv.png" for frame in range(6)]
    then = cleaned(table, _base_after(first))
    assert _status(then) == {file: "processed", **dict.fromkeys(tracks, "kept")}
    assert then.samples["filename"].tolist() == [
        f"cars/cam.mkv/track-{track}-{frame}-mkv.png" for track, frames in ((1, 4), (3, 6)) for frame in range(frames)
    ]
    assert set(then.samples["label_name"]) == {"cars"}
    found = read_raw_samples(raw, [(tracks[0], 2), (file, 2)], video_extensions=["mkv"], max_pixels=10_000)
    for image, seed, size in zip(found, (12, 2), (rear.size, front.size), strict=True):
        assert image is not None
        assert np.array_equal(np.asarray(image), picture(seed, *size))
    (raw / "cars/cam.mkv").rename(raw / "top.mkv")
    finder = RawFinder(raw, table.assign(path=table["path"].str.replace("cars/cam", "top")), {"mkv": "video"})
    wanted = (tracks[0], str(table["content_hash"][1]))
    assert finder.places([wanted]) == {wanted: "top.mkv/track-1.mkv"}


def test_pages_give_samples_that_are_named_like_frames(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_pages(raw / "cells/stack.tif", range(12))
    write_pages(raw / "moving.gif", [20, 21, 20])
    write_image(raw / "cells/a.png", 3)  # equal to a page

    tables = {pages: ingest(raw, ["gif", "png", "tif"], ["mkv"], all_pages=pages) for pages in (False, True)}

    def cleaned(base: BaseTables, *, pages: bool, retrain: bool = False) -> Cleaned:
        table = tables[pages]
        (proxies := tmp_path / f"proxies-{len(list(tmp_path.iterdir()))}").mkdir()
        settings = replace(SETTINGS, fps=1.0)  # pages have no time
        arguments = (as_processed(table, base.ledger), base, raw, proxies, settings, NO_RULES)
        return clean(*arguments, workers=1, retrain=retrain)

    assert metrics(tables[False], "") == metrics(tables[True], "")
    first = cleaned(NO_BASE, pages=False)
    assert first.samples["filename"].tolist() == ["cells/a.png", "cells/stack.tif", "moving.gif"]
    assert set(first.files["media"]) == {"image"}
    every = cleaned(NO_BASE, pages=True)
    names = [f"cells/stack-{page:02d}-tif.png" for page in range(12) if page != 3]
    assert every.samples["filename"].tolist() == ["cells/a.png", *names, "moving-0-gif.png", "moving-1-gif.png"]
    assert every.samples["frame"].tolist() == [0, *(page for page in range(12) if page != 3), 0, 1]
    assert every.samples["label_name"].tolist() == ["cells"] * 12 + [""] * 2
    assert every.samples["time_s"].isna().all()
    assert every.dropped[["filename", "status", "duplicate_of"]].to_numpy().tolist() == [
        ["cells/stack-03-tif.png", "duplicate", "cells/a.png"],
        ["moving-2-gif.png", "duplicate", "moving-0-gif.png"],
    ]
    assert every.files["declared_frames"].tolist() == [1, 12, 3]
    assert every.files["media"].tolist() == ["image", "pages", "pages"]
    for before, pages in ((first, True), (every, False)):
        base = _base_after(before, selected=2)
        assert set(_status(cleaned(base, pages=pages)).values()) == {"processed"}
        again = cleaned(base, pages=pages, retrain=True)
        same = ["filename", "pixel_hash", "member", "shard"]
        pd.testing.assert_frame_equal(again.samples[same], before.samples[same])
    hashes = every.samples.set_index("filename")["pixel_hash"]
    wanted = [("cells/stack.tif", 7), ("moving.gif", 1), ("moving.gif", 2)]
    known = [hashes["cells/stack-07-tif.png"], hashes["moving-1-gif.png"], hashes["moving-1-gif.png"]]
    found = read_raw_samples(raw, wanted, video_extensions=["mkv"], max_pixels=10_000, pixel_hashes=known)
    assert found[2] is None  # has other pixels
    for image, seed in zip(found[:2], (7, 21), strict=True):
        assert image is not None
        assert np.array_equal(np.asarray(image), picture(seed))


def test_a_note_on_a_video_is_told_where_none_of_its_frames_stays_too(tmp_path: Path) -> None:
    (raw := tmp_path / "raw").mkdir()
    write_tracks(raw / "a.mkv", [TrackOfTest(range(3))])
    write_tracks(raw / "b.mkv", [TrackOfTest(range(3)), TrackOfTest(range(5, 8))])
    (proxies := tmp_path / "proxies").mkdir()
    table = ingest(raw, ["png"], ["mkv"])
    files = clean(table, NO_BASE, raw, proxies, SETTINGS, NO_RULES, workers=1, retrain=False).files
    assert files["reason"].tolist() == [
        "",
        "none of its 3 frames stays, 3 for: equal pixels; video track 1 of 2: see ingest.video_tracks",
    ]


def test_images_and_videos_become_samples_with_proxies(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_video(raw / "b" / "clip.mp4", range(12))
    write_image(raw / "a" / "x.png", 100, 100, 80)
    write_image(raw / "top.png", 101)
    cleaned = _clean(raw)
    samples = cleaned.samples
    assert samples.columns.tolist() == SAMPLES.names
    assert samples["filename"].tolist() == ["a/x.png", *(f"b/clip-{n:02d}-mp4.png" for n in range(12)), "top.png"]
    assert samples["label_name"].tolist() == ["a", *["b"] * 12, ""]
    assert samples["label"].tolist() == [0, *[1] * 12, 0]
    assert samples["is_new"].all()
    assert samples["time_s"].isna().tolist() == [True, *[False] * 12, True]
    figures = samples.loc[:, "luma_mean":"blue_mean"]
    assert figures.notna().all(axis=None)
    assert (figures.dtypes == np.float32).all()
    assert samples["luma_mean"].between(1, 254).all()
    assert (samples["perceptual_hash"].str.len() == 16).all()
    assert samples[["width", "height"]].iloc[0].tolist() == [100, 80]
    assert samples["shard"].nunique() == 3
    with ProxyReader(tmp_path / "proxies") as reader:
        sizes = [reader.image(shard, member).size for shard, member in zip(samples["shard"], samples["member"])]  # noqa: B905
    assert sizes == [(80, 64), *[(64, 48)] * 12, (32, 24)]
    assert set(samples["shard"]) == {path.name for path in (tmp_path / "proxies").iterdir()}
    assert summary(cleaned) == (
        "3 new files, 0 of them corrupt as a whole (0 reused from the base); "
        "of 14 samples in them: 14 kept, 0 duplicates, 0 corrupt"
    )


@pytest.mark.thorough
@pytest.mark.processes
def test_results_do_not_depend_on_workers_or_on_a_second_run(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for number in range(3):
        write_video(raw / f"v{number}.mp4", [number, number, number + 10])
        write_image(raw / "i" / f"{number}.png", number % 2)
    cut(raw / "v0.mp4", raw / "cut.mp4", 0.7)
    contents = []
    for workers in (1, 2, 1):
        cleaned = _clean(raw, workers=workers)
        frames = [cleaned.samples, cleaned.dropped, cleaned.files]
        proxies = sorted((path.name, path.read_bytes()) for path in (tmp_path / "proxies").iterdir())
        contents.append((*(frame.to_csv() for frame in frames), proxies))
    assert contents[0] == contents[1] == contents[2]


def test_corrupt_files_are_listed_with_reasons(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "a.png", 1)
    (raw / "empty.jpg").write_bytes(b"")
    (raw / "notes.txt").write_bytes(b"1")
    cut(write_video(raw / "v.avi", range(60)), raw / "cut.avi", 0.7)
    cleaned = _clean(raw)
    assert _status(cleaned) == {
        "a.png": "kept",
        "cut.avi": "corrupt",
        "empty.jpg": "corrupt",
        "notes.txt": "ignored",
        "v.avi": "kept",
    }
    assert cleaned.dropped["filename"].tolist() == ["cut.avi", "empty.jpg"]
    assert cleaned.dropped["reason"].iloc[1] == "the file is empty"
    row = _row(cleaned, "cut.avi")
    assert (row["samples"], row["corrupt"], row["declared_frames"]) == (60, 60, 60)
    assert cleaned.dropped.columns.tolist() == DROPPED.names
    assert cleaned.files.columns.tolist() == FILES.names


def test_a_few_missing_frames_are_counted_but_the_video_stays(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    sound = write_video(tmp_path / "v.avi", range(100))
    raw.mkdir()
    cut(sound, raw / "cut.avi", 0.9)
    row = _row(_clean(raw), "cut.avi")
    assert row["status"] == "kept"
    assert 0 < int(str(row["corrupt"])) <= 10
    assert int(str(row["kept"])) + int(str(row["corrupt"])) == row["samples"] == 100
    assert "missing" in str(row["reason"])


def test_the_first_filename_of_equal_pixels_stays(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "b.png", 1)
    write_image(raw / "c.bmp", 1)
    write_image(raw / "a.png", 2)
    shutil.copy(raw / "b.png", raw / "copy.png")
    lossless = {"qp": "0"}
    write_video(raw / "v.mp4", [5, 5, 6, 5], options=lossless)
    write_video(raw / "w.mkv", [6, 5], options=lossless)
    cleaned = _clean(raw)
    assert cleaned.samples["filename"].tolist() == ["a.png", "b.png", "v-0-mp4.png", "v-2-mp4.png"]
    dropped = cleaned.dropped.set_index("filename")["duplicate_of"].to_dict()
    assert dropped == {
        "c.bmp": "b.png",
        "copy.png": "b.png",
        "v-1-mp4.png": "v-0-mp4.png",
        "v-3-mp4.png": "v-0-mp4.png",
        "w-0-mkv.png": "v-2-mp4.png",
        "w-1-mkv.png": "v-0-mp4.png",
    }
    assert _status(cleaned)["w.mkv"] == "duplicate"
    assert _row(cleaned, "w.mkv")["duplicate_of"] == "v.mp4"
    assert _row(cleaned, "v.mp4")[["samples", "kept", "duplicate"]].tolist() == [4, 2, 2]
    members = {}
    for path in (tmp_path / "proxies").iterdir():
        with zipfile.ZipFile(path) as archive:
            members[path.name] = archive.namelist()
    assert sorted(members.values()) == [["00000000.jpg", "00000001.jpg"], ["00000000.jpg", "00000002.jpg"]]


def test_copies_share_the_fate_of_the_first(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_video(raw / "v.mp4", range(3))
    shutil.copy(raw / "v.mp4", raw / "w.mp4")
    (raw / "a.jpg").write_bytes(b"no image")
    shutil.copy(raw / "a.jpg", raw / "b.jpg")
    shutil.copy(raw / "v.mp4", raw / "0.jpg")  # read as an image it is corrupt, as a video it is not
    cleaned = _clean(raw)
    assert _status(cleaned) == {
        "0.jpg": "corrupt",
        "a.jpg": "corrupt",
        "b.jpg": "corrupt",
        "v.mp4": "kept",
        "w.mp4": "duplicate",
    }
    assert _row(cleaned, "w.mp4")[["samples", "kept", "duplicate"]].tolist() == [3, 0, 3]
    assert _row(cleaned, "b.jpg")["reason"] == "equal bytes as a.jpg, which is corrupt: not recognised as an image"


def test_a_second_iteration_decodes_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "m" / "a.png", 1)
    write_video(raw / "v.mp4", range(3))
    (raw / "bad.jpg").write_bytes(b"no image")
    base = _base_after(_clean(raw))
    write_image(raw / "b" / "new.png", 2)
    write_image(raw / "m" / "0.bmp", 1)
    shutil.copy(raw / "v.mp4", raw / "0.mp4")
    shutil.copy(raw / "bad.jpg", raw / "bad2.jpg")
    decoded: list[Task] = []

    def noted(tasks: list[Task], *arguments: Any, **named: Any) -> list[DecodedFile]:
        decoded.extend(tasks)
        return decode_all(tasks, *arguments, **named)

    monkeypatch.setattr("curation.cleaning.spread.decode_all", noted)
    cleaned = _clean(raw, base)
    assert [path for task in decoded for path in task.paths] == ["b/new.png", "m/0.bmp"]
    assert cleaned.samples["filename"].tolist() == ["b/new.png"]
    assert cleaned.samples["label"].tolist() == [1]  # m had 0, and keeps it
    assert _status(cleaned) == {
        "0.mp4": "duplicate",
        "b/new.png": "kept",
        "bad.jpg": "processed",
        "bad2.jpg": "corrupt",
        "m/0.bmp": "duplicate",
        "m/a.png": "processed",
        "v.mp4": "processed",
    }
    assert _row(cleaned, "0.mp4")[["duplicate_of", "samples", "duplicate"]].tolist() == ["v.mp4", 3, 3]
    assert cleaned.dropped.set_index("filename").loc["m/0.bmp", "duplicate_of"] == "m/a.png"
    assert "(3 reused from the base); of 6 samples in them: 1 kept" in summary(cleaned)


def test_a_known_path_with_new_content_is_an_error_before_anything_is_decoded(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "a.png", 1)
    base = _base_after(_clean(raw))
    before = hashlib.sha256((raw / "a.png").read_bytes()).hexdigest()
    write_image(raw / "a.png", 2)
    now = hashlib.sha256((raw / "a.png").read_bytes()).hexdigest()
    with pytest.raises(RawDataError, match=f"a.png: {before} before, {now} now"):
        _clean(raw, base)
    assert not list((tmp_path / "proxies").iterdir())


def test_equal_sample_names_are_an_error(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_video(raw / "a.mp4", [1])
    write_image(raw / "a-0-mp4.png", 2)
    with pytest.raises(RawDataError, match=r"a-0-mp4.png from a-0-mp4.png and a.mp4"):
        _clean(raw)
    (raw / "a-0-mp4.png").unlink()
    base = _base_after(_clean(raw))
    write_image(raw / "a-0-mp4.png", 2)
    with pytest.raises(RawDataError, match=r"a-0-mp4.png from a-0-mp4.png and a.mp4"):
        _clean(raw, base)


def test_retraining_makes_the_proxies_of_earlier_samples_again(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "m" / "a.png", 1)
    write_image(raw / "left" / "over.png", 3)
    write_video(raw / "v.mp4", [5, 5, 6], options={"qp": "0"})
    first = _clean(raw)
    base = _base_after(first, selected=10)
    base = replace(base, selected=base.selected[base.selected["raw_path"] != "left/over.png"])
    write_image(raw / "b" / "new.png", 2)
    (raw / "moved.png").write_bytes((raw / "m" / "a.png").read_bytes())
    (raw / "m" / "a.png").unlink()
    (raw / "left" / "over.png").unlink()
    cleaned = _clean(raw, base, retrain=True)
    assert dict(zip(cleaned.samples["filename"], cleaned.samples["is_new"], strict=True)) == {
        "b/new.png": True,
        "m/a.png": False,
        "v-0-mp4.png": False,
        "v-2-mp4.png": False,
    }
    merged = cleaned.samples.merge(first.samples, on="filename", suffixes=("", "_before"))
    assert (merged["pixel_hash"] == merged["pixel_hash_before"]).all()
    assert (merged["label"] == merged["label_before"]).all()
    for name in fields(Quality):
        assert (merged[name.name] == merged[f"{name.name}_before"]).all()
    assert cleaned.files["kept"].sum() == 1
    assert "3 earlier samples decoded again" in summary(cleaned)
    with ProxyReader(tmp_path / "proxies") as reader:
        for shard, member in zip(cleaned.samples["shard"], cleaned.samples["member"], strict=True):
            assert reader.image(shard, member).size in {(32, 24), (64, 48)}


@pytest.mark.thorough
@pytest.mark.processes
def test_frames_that_are_not_taken_are_accounted_for_and_change_no_name(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_video(raw / "v.mp4", range(105), options={"g": "30"})
    write_video(raw / "w.mkv", [7] * 12, options={"qp": "0"})
    cut(write_video(tmp_path / "c.avi", range(100)), raw / "c.avi", 0.9)
    every = _clean(raw).samples.set_index("filename")
    cleaned = _clean(raw, settings=replace(SETTINGS, fps=1), workers=2)
    samples = cleaned.samples.set_index("filename")
    assert any(name.startswith("c-90-") for name in samples.index)
    assert [name for name in samples.index if name[0] == "v"] == [
        f"v-{index:03d}-mp4.png" for index in range(0, 105, 10)
    ]
    for column in ("frame", "time_s", "pixel_hash"):
        assert samples[column].tolist() == every.loc[samples.index, column].tolist()
    row = _row(cleaned, "v.mp4")
    assert row[["status", "samples", "kept", "skipped"]].tolist() == ["kept", 105, 11, 94]
    assert _row(cleaned, "w.mkv")[["samples", "kept", "duplicate", "skipped"]].tolist() == [12, 1, 1, 10]
    row = _row(cleaned, "c.avi")
    assert row["status"] == "kept"
    assert "missing" in str(row["reason"])
    assert row["samples"] == 100 == int(row["kept"] + row["corrupt"] + row["skipped"])
    assert 9 <= int(row["kept"]) <= 10
    few = _clean(raw, settings=replace(SETTINGS, fps=1, max_frames_per_video=2))
    assert few.samples.loc[few.samples["raw_path"] == "v.mp4", "frame"].tolist() == [0, 50]


def test_retraining_finds_the_frames_that_were_taken_then(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_video(raw / "v.mp4", range(60), options={"g": "30"})
    slow, fast = replace(SETTINGS, fps=1), replace(SETTINGS, fps=4)
    first = _clean(raw, settings=slow)
    base = _base_after(first, selected=3)
    write_video(raw / "w.mp4", range(100, 120))
    assert _clean(raw, base, settings=fast).samples["frame"].tolist() == [0, 3, 5, 8, 10, 13, 15, 18]
    cleaned = _clean(raw, base, settings=fast, retrain=True)
    again = cleaned.samples[~cleaned.samples["is_new"]]
    assert again["filename"].tolist() == first.samples["filename"].tolist()
    assert again["pixel_hash"].tolist() == first.samples["pixel_hash"].tolist()
    assert _row(cleaned, "v.mp4")["status"] == "processed"
    with ProxyReader(tmp_path / "proxies") as reader:
        for shard, member in zip(again["shard"], again["member"], strict=True):
            assert reader.image(shard, member).size == (64, 48)


def test_a_file_that_becomes_relevant_is_new(tmp_path: Path) -> None:
    raw, proxies = tmp_path / "raw", tmp_path / "proxies"
    write_image(raw / "city" / "a.png", 1)
    write_image(raw / "sea" / "b.png", 2)

    def relevant(text: str) -> pd.DataFrame:
        patterns = RelevantFiles("list.txt", list(parse_patterns(text)))
        return ingest(raw, PARAMS.ingest.image_extensions, PARAMS.ingest.video_extensions, (), patterns)

    def cleaned(text: str, base: BaseTables) -> Cleaned:
        shutil.rmtree(proxies, ignore_errors=True)
        proxies.mkdir()
        return clean(relevant(text), base, raw, proxies, SETTINGS, NO_RULES, workers=1, retrain=False)

    first = cleaned("city/*", NO_BASE)
    assert _status(first) == {"city/a.png": "kept", "sea/b.png": "ignored"}
    assert _row(first, "sea/b.png")["reason"] == "not in list.txt"
    base = _base_after(first, selected=1)
    assert base.ledger["path"].tolist() == ["city/a.png"]
    second = cleaned("sea/*", base)
    assert _status(second) == {"city/a.png": "ignored", "sea/b.png": "kept"}
    assert second.samples["filename"].tolist() == ["sea/b.png"]
    with pytest.raises(RawDataError, match=r"city/a.png.*ingest.relevant_filenames_file"):
        files_to_decode_again(relevant("sea/*"), base)


def test_retraining_needs_the_raw_files_of_the_datapool(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for number in range(13):
        write_image(raw / f"{number:02d}.png", number)
    base = _base_after(_clean(raw), selected=13)
    for number in range(12):
        (raw / f"{number:02d}.png").unlink()
    with pytest.raises(RawDataError, match=r"12 raw files of its samples are gone: 00.png, .*09.png and 2 more"):
        _clean(raw, base, retrain=True)


def test_moved_files_are_processed_and_new_ones_beside_them_are_decoded(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for number in range(3):
        write_image(raw / "day" / f"{number}.png", number)
    base = _base_after(_clean(raw), selected=2)
    (raw / "day").rename(raw / "later")
    shutil.copy(raw / "later/2.png", raw / "later/copy.png")
    write_image(raw / "new.png", 9)
    cleaned = _clean(raw, base)
    assert cleaned.samples["filename"].tolist() == ["new.png"]
    moved = dict.fromkeys(["later/0.png", "later/1.png", "later/2.png"], "processed")
    assert _status(cleaned) == moved | {"later/copy.png": "duplicate", "new.png": "kept"}
    row = _row(cleaned, "later/1.png")
    assert (row["reason"], row["duplicate_of"]) == ("processed in an earlier iteration, as day/1.png", "day/1.png")
    after = _base_after(cleaned, base)
    assert after.ledger["path"].tolist()[3:] == ["later/copy.png", "new.png"], "the ledger keeps the name that it knows"


def test_a_listing_from_before_a_move_is_brought_up_to_date(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for number in range(4):
        write_image(raw / "day" / f"{number}.png", number)
    listed = _raw(raw)
    base = _base_after(_clean(raw), selected=2)

    def now() -> list[str]:
        finder = RawFinder(raw, listed, {"png": "image"})
        return as_they_lie(listed, base.ledger, finder)["path"].tolist()

    assert now() == listed["path"].tolist()
    (raw / "day").rename(raw / "before")
    (raw / "before/3.png").unlink()
    assert now() == ["before/0.png", "before/1.png", "before/2.png"]
    finder = RawFinder(raw, listed, {"png": "image"})
    again = clean(
        as_they_lie(listed, base.ledger, finder),
        base,
        raw,
        _empty(tmp_path),
        SETTINGS,
        NO_RULES,
        workers=1,
        retrain=True,
    )
    assert again.samples["filename"].tolist() == ["day/0.png", "day/1.png", "day/2.png"], "names stay"


def test_retraining_refuses_pixels_that_differ(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "a.png", 1)
    base = _base_after(_clean(raw), selected=1)
    base.processed["pixel_hash"] = "0" * 32
    with pytest.raises(RawDataError, match=r"1 raw files decode to other pixels.*a.png"):
        _clean(raw, base, retrain=True)


def test_nothing_new_names_the_ways_on(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "a.png", 1)
    base = _base_after(_clean(raw))
    cleaned = _clean(raw, base)
    assert [path.suffix for path in (tmp_path / "proxies").iterdir()] == [".zip"]
    assert cleaned.samples.columns.tolist() == SAMPLES.names
    with pytest.raises(
        NothingToSelectError, match=r"(?s)no new file in data/raw.*process_all: true.*reset --soft HEAD~1"
    ):
        require_something_new(cleaned, base, may_be_empty=False)
    require_something_new(cleaned, base, may_be_empty=True)
    (raw / "bad.jpg").write_bytes(b"no image")
    write_image(raw / "same.bmp", 1)
    with pytest.raises(
        NothingToSelectError, match=r"no new sample \(1 duplicates of what is known; 1 corrupt: bad.jpg \(not recog"
    ):
        require_something_new(_clean(raw, base), base, may_be_empty=False)


def test_only_corrupt_files_in_the_first_iteration(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for number in range(12):
        (raw / f"{number:02d}.jpg").write_bytes(bytes([number]))
    cleaned = _clean(raw)
    for may_be_empty in (False, True):
        with pytest.raises(RawDataError, match=r"none of the 12 .*00.jpg \(not recognised.* and 2 more"):
            require_something_new(cleaned, NO_BASE, may_be_empty=may_be_empty)


def test_tasks_are_videos_and_chunks_of_folders() -> None:
    files = [(f"a/{number:04d}.png", "image", 1) for number in range(1000)]
    files += [("a/v.mp4", "video", 30), ("a/x/y.png", "image", 1), ("z.png", "image", 1)]
    tasks = tasks_of(files)
    assert [(task.media, len(task.paths), task.declared) for task in tasks] == [
        ("video", 1, 30),
        ("image", 1, 1),
        ("image", 512, 512),
        ("image", 488, 488),
        ("image", 1, 1),
    ]
    assert sorted(path for task in tasks for path in task.paths) == sorted(path for path, _, _ in files)


def test_originals_prefer_the_base_and_then_the_first_name() -> None:
    samples = pd.DataFrame({"filename": ["c", "b", "d", "e"], "pixel_hash": ["1", "1", "2", ""]})
    base = pd.DataFrame({"filename": ["z", "y"], "pixel_hash": ["2", "2"]})
    assert originals(samples, base).tolist() == ["b", "", "y", ""]


def test_a_damaged_frame_has_no_figures() -> None:
    quality = Quality(1.5, 2, 3, 0.25, 4, 5, 6, "0123456789abcdef")
    sound = DecodedSample(0, 0.0, 4, 3, "ab", "", "00000000.jpg", quality)
    damaged = DecodedSample(1, 0.1, 4, 3, "", "damaged", "", None)
    file = DecodedFile("v.mp4", "video", [sound, damaged], 0, is_corrupt=False, reason="", shard="task")
    table = sample_table([file], {"v.mp4": "hash"})
    figures = table[["luma_mean", "contrast", "sharpness", "uniform_rows", "red_mean", "green_mean", "blue_mean"]]
    assert figures.iloc[0].tolist() == [1.5, 2, 3, 0.25, 4, 5, 6]
    assert figures.iloc[1].isna().all()
    assert table["perceptual_hash"].tolist() == ["0123456789abcdef", ""]


def test_accounts_that_do_not_add_up_are_a_defect() -> None:
    raw = pd.DataFrame({"path": ["a"]})
    row = {"path": "a", "status": "kept", "samples": 2, **dict.fromkeys(COUNTS, 0), "kept": 1}
    with pytest.raises(RuntimeError, match="do not add up"):
        accounting.require_complete(raw, pd.DataFrame([row]), 1)
    with pytest.raises(RuntimeError, match="do not add up"):
        accounting.require_complete(raw, pd.DataFrame([row | {"samples": 1}]), 2)
    accounting.require_complete(raw, pd.DataFrame([row | {"samples": 1}]), 1)


def test_a_raw_file_that_went_away_is_an_error(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "a.png", 1)
    table = _raw(raw)
    (raw / "a.png").unlink()
    (tmp_path / "proxies").mkdir()
    with pytest.raises(RawDataError, match=r"a.png could be read when .* but not now"):
        clean(table, NO_BASE, raw, tmp_path / "proxies", SETTINGS, NO_RULES, workers=1, retrain=False)


def _write_base(folder: Path, base: BaseTables) -> None:
    store.write_empty_datapool(folder)
    store.write_ledger_part(folder, base.ledger, 1)
    embeddings = np.zeros((len(base.processed), 4), np.float32)
    write_shards(folder / store.EMBEDDINGS_FOLDER, base.processed, embeddings, "hash")
    write_csv(base.selected, SELECTED, folder / store.SAMPLES_CSV)


@pytest.mark.thorough
@pytest.mark.processes
def test_the_stage_reads_a_datapool_and_writes_its_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(paths.RAW / "cat" / "a.png", 1)
    write_parquet(_raw(paths.RAW), RAW_FILES, paths.RAW_FILES)
    paths.BASE.mkdir()
    store.write_empty_datapool(paths.BASE)
    assert stage.run(PARAMS).startswith(
        "1 new files, 0 of them corrupt as a whole (0 reused from the base); of 1 samples in them: 1 kept"
    )
    first = Cleaned(read_parquet(paths.SAMPLES), read_parquet(paths.DROPPED), read_parquet(paths.FILES), pd.DataFrame())
    assert len(list(paths.PROXIES.glob("*.zip"))) == 1
    outputs = [path.read_bytes() for path in sorted(Path("data/clean").rglob("*")) if path.is_file()]
    stage.run(PARAMS)
    assert outputs == [path.read_bytes() for path in sorted(Path("data/clean").rglob("*")) if path.is_file()]

    shutil.rmtree(paths.BASE)
    paths.BASE.mkdir()
    _write_base(paths.BASE, _base_after(first, selected=1))
    assert len(read_metadata(paths.BASE / store.EMBEDDINGS_FOLDER)) == 1
    with pytest.raises(NothingToSelectError):
        stage.run(PARAMS)
    assert outputs == [path.read_bytes() for path in sorted(Path("data/clean").rglob("*")) if path.is_file()]
    process_all = PARAMS.model_copy(update={"select": PARAMS.select.model_copy(update={"process_all": True})})
    said = stage.run(process_all)
    assert "0 new files, 0 of them corrupt as a whole (1 reused from the base); of 0 samples in them: 0 kept" in said
    assert len(read_parquet(paths.SAMPLES)) == 0
    assert len(list(paths.PROXIES.glob("*.zip"))) == 1
    store.mark_as_union(paths.BASE, ["1.dir", "2.dir"])
    stage.run(PARAMS)

    write_image(paths.RAW / "ant" / "b.png", 2)
    write_parquet(_raw(paths.RAW), RAW_FILES, paths.RAW_FILES)
    stage.run(PARAMS)
    samples = read_parquet(paths.SAMPLES)
    assert samples[["filename", "label", "label_name"]].to_numpy().tolist() == [["ant/b.png", 1, "ant"]]


def test_what_was_taken_out_for_good_does_not_come_in_again(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for name, seed in (("a.png", 1), ("b.png", 2)):
        write_image(raw / name, seed)
    removed = tombstones(_clean(raw).samples.head(1), set(), "")
    shutil.copy(raw / "a.png", raw / "c.png")
    cleaned = _clean(raw, rules=Rules(removed=removed))
    assert cleaned.samples["filename"].tolist() == ["b.png"]
    told = cleaned.dropped.set_index("filename")
    assert told.loc["a.png", "reason"] == "taken out of the datapool for good (base.removed_file)"
    assert told["status"].tolist() == ["duplicate", "duplicate"]


@pytest.mark.processes
def test_hostile_files_end_as_expected(shared_data: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(shared_data / "images_hostile", raw)
    cleaned = _clean(raw)
    status = _status(cleaned)
    expected = pd.read_csv(raw / "expected.csv").set_index("path")
    copies = ["ok.jpg", *expected.index[expected["expect"] == "drop_exact_duplicate"]]
    assert sorted(status[path] for path in copies) == ["duplicate", "duplicate", "kept"]
    assert status["ok.jpg"] == "kept"
    for path, expect in expected["expect"].items():
        if path not in copies:
            wanted = WANTED.get(expect, "corrupt")
            assert status[str(path)] == wanted, path
    assert set(status) == {*expected.index, "expected.csv"}
    corrupt = cleaned.files[cleaned.files["status"] == "corrupt"]
    assert (corrupt["reason"] != "").all()


@pytest.mark.thorough
@pytest.mark.processes
def test_the_png_suite_ends_as_expected(shared_data: Path, tmp_path: Path) -> None:
    shutil.copytree(shared_data / "images_pngsuite", tmp_path / "raw")
    for path, status in _status(_clean(tmp_path / "raw")).items():
        if path.endswith(".png"):
            assert (status == "corrupt") == path.startswith("x"), path


@pytest.mark.slow
@pytest.mark.processes
def test_real_videos_are_kept_completely(shared_data: Path, tmp_path: Path) -> None:
    for name in ("videos_batch1", "videos_formats"):
        shutil.copytree(shared_data / name, tmp_path / "raw" / name)
    cleaned = _clean(tmp_path / "raw", workers=2)
    assert set(cleaned.files["status"]) == {"kept"}
    assert (cleaned.files["samples"] == cleaned.files["declared_frames"]).all()
    assert len(cleaned.samples) + int(cleaned.files["duplicate"].sum()) == 221 + 377 + 4 * 150


def _flat(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), (value, value, value)).save(path)


def test_what_is_clearly_broken_is_of_low_quality_with_the_figure(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "a.png", 1)
    _flat(raw / "black.png", 0)
    _flat(raw / "black2.png", 0)
    _flat(raw / "black.bmp", 0)
    write_video(raw / "v.mp4", [3, 4])
    rules = Rules(tuple(quality_limits(**NO_LIMITS | {"min_contrast": 0.5})))
    cleaned = _clean(raw, rules=rules)
    assert _status(cleaned) == {
        "a.png": "kept", "black.bmp": "low_quality", "black.png": "low_quality", "black2.png": "low_quality",
        "v.mp4": "kept",
    }  # fmt: skip
    copy = _row(cleaned, "black2.png")
    assert copy[["samples", "low_quality", "duplicate"]].tolist() == [1, 1, 0]
    assert str(copy["reason"]).partition(", which is of low quality: contrast")[0] == "equal bytes as black.png"
    dropped = cleaned.dropped[cleaned.dropped["filename"] == "black.png"]
    assert dropped[["status", "reason", "figure", "frame"]].to_numpy().tolist() == [
        ["low_quality", "contrast below clean.min_contrast (0.5)", 0.0, 0]
    ]
    (raw / "a.png").unlink()
    (raw / "v.mp4").unlink()
    broken = _clean(raw, rules=rules)
    with pytest.raises(RawDataError, match=r"black.png \(contrast below clean.min_contrast \(0.5\)\)"):
        require_something_new(broken, NO_BASE, may_be_empty=False)


def test_near_duplicates_name_a_sample_that_stays(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "a.png", 1, 320, 240)
    near = np.asarray(Image.open(raw / "a.png")).copy()
    near[:12, :16] = 128
    for name in ("near.png", "near.bmp"):
        Image.fromarray(near).save(raw / name)
    write_image(raw / "other.png", 2, 320, 240)
    cleaned = _clean(raw, rules=Rules(near_duplicate_bits=10))
    assert _status(cleaned) == {
        "a.png": "kept", "near.bmp": "near_duplicate", "near.png": "near_duplicate", "other.png": "kept"
    }  # fmt: skip
    dropped = cleaned.dropped.set_index("filename")
    assert dropped["duplicate_of"].to_dict() == {"near.bmp": "a.png", "near.png": "a.png"}
    near_png, near_bmp = (float(str(dropped.loc[name, "figure"])) for name in ("near.png", "near.bmp"))
    assert 0 < near_png == near_bmp <= 10
    assert _status(_clean(raw))["near.bmp"] == "kept"

    base = _base_after(_clean(raw, rules=Rules(near_duplicate_bits=10)))
    near[:12, :16] = 130
    Image.fromarray(near).save(raw / "later.png")
    later = _clean(raw, base, rules=Rules(near_duplicate_bits=10))
    assert _row(later, "later.png")[["status", "duplicate_of"]].tolist() == ["near_duplicate", "a.png"]


def test_a_file_over_a_limit_comes_again_until_the_limit_is_raised(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "a.png", 1)
    write_image(raw / "large.png", 2, 400, 300)
    shutil.copy(raw / "large.png", raw / "large2.png")
    small = replace(SETTINGS, max_pixels=10_000)
    first = _clean(raw, settings=small)
    assert _status(first) == {"a.png": "kept", "large.png": "over_limit", "large2.png": "over_limit"}
    assert "clean.max_pixels (10000)" in _row(first, "large.png")["reason"]
    base = _base_after(first)
    assert base.ledger["path"].tolist() == ["a.png"]
    assert _status(_clean(raw, base, settings=small))["large.png"] == "over_limit"
    assert _status(_clean(raw, base)) == {"a.png": "processed", "large.png": "kept", "large2.png": "duplicate"}


def test_drafts_of_jpeg_files_are_duplicates_by_their_compressed_data(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "a.jpg", 1, 400, 300)
    content = (raw / "a.jpg").read_bytes()
    (raw / "b.jpg").write_bytes(content[:2] + b"\xff\xfe\x00\x07words" + content[2:])
    Image.open(raw / "a.jpg").save(raw / "c.png")
    found = {}
    for draft in (False, True):
        settings = replace(SETTINGS, jpeg_draft=draft)
        proxies = tmp_path / f"proxies{draft}"
        proxies.mkdir()
        found[draft] = clean(_raw(raw), NO_BASE, raw, proxies, settings, NO_RULES, workers=1, retrain=False)
    assert _status(found[False]) == {"a.jpg": "kept", "b.jpg": "duplicate", "c.png": "kept"}
    assert _status(found[True]) == {"a.jpg": "kept", "b.jpg": "duplicate", "c.png": "kept"}
    assert (found[True].samples[["width", "height"]] == [400, 300]).all(axis=None)
