"""Objects in a bucket: what comes of them is what comes of the same files in the folder of raw data."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curation.buckets import fetching
from curation.buckets.fetching import UnreachableError
from curation.buckets.raw_object import RawObject
from curation.cleaning.base import BaseTables
from curation.cleaning.clean import Cleaned, clean
from curation.cleaning.decode_file import Settings
from curation.cleaning.judging import Rules
from curation.cleaning.objects import way_back_in_bucket
from curation.cleaning.outcome_keys import contents_listed
from curation.cleaning.pack_folder import PackFolder
from curation.cleaning.results import Results
from curation.cleaning.summary import require_something_new, summary
from curation.core.errors import RawDataError, RawFilesChangedError
from curation.datapool.sources import new_sources
from curation.execution.cluster_engine import ClusterEngine
from curation.image.window import ValueWindows
from curation.tables.datapool import LEDGER
from curation.tables.datapool import SAMPLES as SELECTED
from curation.tables.embeddings import embedding_schema
from curation.tables.files import empty_frame
from curation.tables.samples import TAKEN_IN
from tests.execution.fake_cluster import FakeCluster
from tests.media_files import cut, write_image, write_video
from tests.no_workers import in_this_process
from tests.object_files import NO_SOURCE, raw_table

METADATA = embedding_schema(1).names[:-1]
NO_BASE = BaseTables(empty_frame(LEDGER), empty_frame(embedding_schema(1))[METADATA], empty_frame(SELECTED))
SETTINGS = Settings(100_000_000, 64, 0.1, 60.0, 4096)
EARLY, LATE = 1_000_000_000, 1_000_000_100
"""Times of last change: they are what an etag is to a bucket."""

Fetched = Counter[str]


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> Fetched:
    """Let everything happen in this process, and count how often each object is fetched."""
    counts: Fetched = Counter()

    def counted(found: RawObject, target: Path, announce: Callable[[int], None], *, timeout_s: float) -> str:
        counts[found.path] += 1
        assert not list(target.parent.parent.parent.rglob("object.*")), "another one is still here"
        return fetch(found, target, announce, timeout_s=timeout_s)

    fetch = fetching.fetch
    monkeypatch.setattr(fetching, "fetch", counted)
    monkeypatch.setattr("curation.cleaning.decode_files.run_in_workers", in_this_process)
    return counts


def cleaned(raw: pd.DataFrame, folder: Path, base: BaseTables = NO_BASE, **options: Any) -> Cleaned:
    """Run the stage's function; nothing but proxies is left where it wrote."""
    proxies = folder.parent / "proxies"
    shutil.rmtree(proxies, ignore_errors=True)
    proxies.mkdir()
    settings = options.pop("settings", SETTINGS)
    found = clean(raw, base, folder, proxies, settings, Rules(), workers=1, **{"retrain": False} | options)
    assert {path.suffix for path in proxies.iterdir()} == {".zip"}
    assert not list(folder.parent.glob(".writing-*"))
    return found


def base_after(found: Cleaned, base: BaseTables = NO_BASE) -> BaseTables:
    """Return what the next iteration builds on; all samples are selected."""
    done = found.files[found.files["status"].isin(TAKEN_IN) & ~found.files["path"].isin(base.ledger["path"])]
    part = done.rename(columns={"samples": "frames"}).assign(iteration=len(base.ledger) + 1)[LEDGER.names]
    new = found.samples[found.samples["is_new"]]
    chosen = new.assign(iteration=1, rank=0, distance=0.0, nearest="")[SELECTED.names]

    def joined(*tables: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)

    return BaseTables(
        joined(base.ledger, part),
        joined(base.processed, new[METADATA]),
        joined(base.selected, chosen),
        joined(base.sources, new_sources(base.sources, found.files)),
    )


def assert_alike(bucket: Cleaned, folder: Cleaned) -> None:
    """Compare all but the proxies' places, where files lie, and what is not known of files that were not decoded."""
    places = ["shard", "member"]
    for one, other, left_out in (
        (bucket.samples, folder.samples, places),
        (bucket.dropped, folder.dropped, []),
        (bucket.files, folder.files, NO_SOURCE),
    ):
        if "declared_frames" in one:
            is_decoded = one["status"] != "processed"
            one, other = (table.assign(declared_frames=table["declared_frames"] * is_decoded) for table in (one, other))
        pd.testing.assert_frame_equal(one.drop(columns=left_out), other.drop(columns=left_out))


def kept_results(folder: Path) -> Results:
    """Return results in a folder, as of one code."""
    return Results(PackFolder(folder), "code", contents_listed([], folder), 1 << 30, pytest.fail)


def status(found: Cleaned) -> dict[str, str]:
    """Return what became of each file."""
    return dict(zip(found.files["path"], found.files["status"], strict=True))


def written(*paths: Path, time_s: int = EARLY) -> None:
    """Give files a time of last change."""
    for path in paths:
        os.utime(path, (time_s, time_s))


def everything_in(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder."""
    return (path for path in folder.rglob("*") if path.is_file())


def first_files(folder: Path) -> None:
    """Write sound, damaged and equal files, two videos among them."""
    for name, seed in (("city/a.png", 1), ("city/b.png", 2), ("z.png", 3)):
        write_image(folder / name, seed)
    shutil.copy(folder / "z.png", folder / "city" / "copy of z.png")
    (folder / "bad.jpg").write_bytes(b"no image")
    shutil.copy(folder / "bad.jpg", folder / "worse.jpg")
    (folder / "bad.mp4").write_bytes(b"no video")
    (folder / "empty.mp4").touch()
    (folder / "bad.tif").write_bytes(b"II*\0 no picture")
    write_video(folder / "v.mp4", range(4))
    cut(write_video(folder.parent / "whole.mp4", range(10, 20)), folder / "damaged.mp4", 0.6)
    written(*everything_in(folder))


def test_two_iterations_give_what_the_same_files_in_the_folder_give(tmp_path: Path, fetched: Fetched) -> None:
    folder, bucket = tmp_path / "folder", tmp_path / "bucket"
    (bucket / "city").mkdir(parents=True)
    first_files(bucket)
    shutil.copytree(bucket, folder)
    of_folder = cleaned(raw_table(folder), folder)
    assert not fetched
    of_bucket = cleaned(raw_table(tmp_path / "none", bucket), tmp_path / "none")
    assert_alike(of_bucket, of_folder)
    assert status(of_bucket)["city/copy of z.png"] == "duplicate"
    assert status(of_bucket)["worse.jpg"] == "corrupt"
    assert fetched == dict.fromkeys(of_bucket.files["path"], 1)

    base, base_of_folder = base_after(of_bucket), base_after(of_folder)
    pd.testing.assert_frame_equal(base.ledger, base_of_folder.ledger)
    assert sorted(base.sources["path"]) == of_bucket.files["path"].tolist()
    fetched.clear()
    for root in (bucket, folder):
        (root / "city/b.png").rename(root / "moved.png")
        shutil.copy(root / "city/a.png", root / "again.png")
        write_image(root / "new.png", 4)
        shutil.copy(root / "new.png", root / "newer.png")
        written(root / "z.png", time_s=LATE)  # uploaded once more
        written(*(root / name for name in ("again.png", "new.png", "newer.png")))
    of_folder = cleaned(raw_table(folder), folder, base_of_folder)
    of_bucket = cleaned(raw_table(tmp_path / "none", bucket), tmp_path / "none", base)
    assert_alike(of_bucket, of_folder)
    assert status(of_bucket)["moved.png"] == status(of_bucket)["z.png"] == "processed"
    assert fetched == dict.fromkeys(["again.png", "moved.png", "new.png", "newer.png", "z.png"], 1)

    fetched.clear()
    last = cleaned(raw_table(tmp_path / "none", bucket), tmp_path / "none", base_after(of_bucket, base))
    assert set(status(last).values()) == {"processed"}
    assert not fetched, "contents are known, also of what moved or was uploaded again"


def test_local_files_and_objects_may_be_copies_of_each_other(tmp_path: Path, fetched: Fetched) -> None:
    folder, bucket, both = (tmp_path / name for name in ("folder", "bucket", "both"))
    for place, names in ((folder, ("b.png", "c.png", "f.png")), (bucket, ("a.png", "d.png", "e.png"))):
        for name, seed in zip(names, (1, 1, 2) if place == folder else (1, 2, 1), strict=True):
            write_image(place / name, seed)
            write_image(both / name, seed)
    mixed = cleaned(raw_table(folder, bucket), folder)
    assert_alike(mixed, cleaned(raw_table(both), both))
    assert status(mixed) == {"a.png": "kept", "d.png": "kept"} | dict.fromkeys(
        ("b.png", "c.png", "e.png", "f.png"), "duplicate"
    )


def test_copies_do_not_count_where_the_window_of_a_folder_is_found(tmp_path: Path, fetched: Fetched) -> None:
    bucket, folder = tmp_path / "bucket", tmp_path / "folder"
    (bucket / "m").mkdir(parents=True)
    for number in range(6):
        pixels = np.random.default_rng(number).integers(0, 1000 << number, (32, 32), dtype=np.uint16)
        Image.fromarray(pixels).save(bucket / f"m/{number}.png")
    for copy in range(60):
        shutil.copy(bucket / "m/5.png", bucket / f"m/copy {copy:02d}.png")
    shutil.copytree(bucket, folder)
    settings = replace(SETTINGS, windows=ValueWindows("auto"))
    of_bucket = cleaned(raw_table(tmp_path / "none", bucket), tmp_path / "none", settings=settings)
    assert_alike(of_bucket, cleaned(raw_table(folder), folder, settings=settings))


def test_other_content_at_a_known_path_is_an_error(tmp_path: Path, fetched: Fetched) -> None:
    bucket, none = tmp_path / "bucket", tmp_path / "none"
    write_image(bucket / "a.png", 1)
    base = base_after(cleaned(raw_table(none, bucket), none))
    write_image(bucket / "a.png", 2)
    write_image(bucket / "b.png", 3)
    written(bucket / "a.png", time_s=LATE)
    fetched.clear()
    raw = raw_table(none, bucket)
    with pytest.raises(RawFilesChangedError, match=r"a\.png: \w{64} before, \w{64} now"):
        cleaned(raw, none, base)
    assert fetched == {"a.png": 1}
    assert "1 file of these lie in a bucket" in way_back_in_bucket(["a.png"], raw, base.sources)
    kept = way_back_in_bucket(["a.png"], raw, base.sources.assign(version="7"))
    assert "bucket/a.png in version 7), then `python -m curate update`" in kept
    assert way_back_in_bucket(["a.png"], raw.assign(address=""), base.sources) == ""


def test_what_cannot_be_fetched_is_unreachable_and_comes_again(tmp_path: Path, fetched: Fetched) -> None:
    bucket, none = tmp_path / "bucket", tmp_path / "none"
    for number in range(3):
        write_image(bucket / f"{number}.png", number)
    raw = raw_table(none, bucket)
    content = (bucket / "1.png").read_bytes()
    (bucket / "1.png").unlink()
    found = cleaned(raw, none)
    assert status(found) == {"0.png": "kept", "1.png": "unreachable", "2.png": "kept"}
    assert found.files["reason"].tolist() == ["", "is gone from the bucket", ""]
    assert found.dropped.empty
    assert "3 new files, 0 of them corrupt as a whole, 1 unreachable in their bucket" in summary(found)
    require_something_new(found, NO_BASE, may_be_empty=False)
    base = base_after(found)
    again = cleaned(raw, none, base)
    assert status(again)["1.png"] == "unreachable"
    with pytest.raises(RawDataError, match=r"1 object in a bucket could not be read, .*1\.png \(is gone"):
        require_something_new(again, base, may_be_empty=False)
    (bucket / "1.png").write_bytes(content)
    fetched.clear()
    assert status(cleaned(raw_table(none, bucket), none, base))["1.png"] == "kept"
    assert fetched == {"1.png": 1}


def test_a_known_path_whose_object_cannot_be_fetched_is_unreachable(tmp_path: Path, fetched: Fetched) -> None:
    bucket, none = tmp_path / "bucket", tmp_path / "none"
    for number in range(2):
        write_image(bucket / f"{number}.png", number)
    base = base_after(cleaned(raw_table(none, bucket), none))
    written(bucket / "0.png", time_s=LATE)
    raw = raw_table(none, bucket)
    written(bucket / "0.png", time_s=EARLY)
    found = cleaned(raw, none, base)
    assert status(found) == {"0.png": "unreachable", "1.png": "processed"}
    assert found.files["reason"][0] == "has changed in the bucket since it was listed"


def test_retraining_reads_the_versions_that_were_processed(
    tmp_path: Path, fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, none = tmp_path / "bucket", tmp_path / "none"
    for number in range(3):
        write_image(bucket / f"{number}.png", number)
    raw = raw_table(none, bucket, version="1")
    first = cleaned(raw, none)
    base = base_after(first)
    fetched.clear()
    again = cleaned(raw[raw["path"] != "1.png"].reset_index(drop=True), none, base, retrain=True)
    assert again.samples["filename"].tolist() == first.samples["filename"].tolist()
    assert not again.samples["is_new"].any()
    assert fetched == {f"{number}.png": 1 for number in range(3)}

    def gone(*_: object, **__: object) -> str:
        raise UnreachableError("is gone from the bucket")

    monkeypatch.setattr(fetching, "fetch", gone)
    with pytest.raises(RawDataError, match=r"3 objects of its samples cannot be read: 0\.png \(is gone"):
        cleaned(raw, none, base, retrain=True)
    left = clean(raw, base, none, tmp_path / "proxies", SETTINGS, Rules(), workers=1, retrain=True, may_lack=True)
    assert left.samples.empty


def test_objects_that_an_unfinished_run_has_decoded_are_not_fetched_again(tmp_path: Path, fetched: Fetched) -> None:
    bucket = tmp_path / "bucket"
    first_files(bucket)
    written(*everything_in(bucket))
    raw, results = raw_table(tmp_path / "raw", bucket), tmp_path / "results"
    first = cleaned(raw, tmp_path / "raw", results=kept_results(results))
    once = fetched.copy()
    again = cleaned(raw, tmp_path / "raw", results=kept_results(results))
    assert fetched == once
    for one, other in ((first.samples, again.samples), (first.dropped, again.dropped), (first.files, again.files)):
        pd.testing.assert_frame_equal(one, other)
    written(bucket / "z.png", time_s=LATE)
    cleaned(raw_table(tmp_path / "raw", bucket), tmp_path / "raw", results=kept_results(results))
    assert fetched - once == {"z.png": 1}


def test_nodes_of_a_cluster_fetch_what_they_decode(
    tmp_path: Path, fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bucket, folder = tmp_path / "bucket", tmp_path / "raw"
    first_files(bucket)
    shutil.copytree(bucket, folder)
    written(*everything_in(bucket))
    engine = ClusterEngine(FakeCluster(["a", "b"]))
    found = cleaned(raw_table(tmp_path / "none", bucket), tmp_path / "none", engine=engine)
    assert set(fetched.values()) == {1}
    assert_alike(found, cleaned(raw_table(folder), folder))
