"""Stage `ingest`: the table of raw files, its metrics, and what it says where there is nothing to use."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from curation.buckets.listing import LISTING, Origin, write_listing
from curation.core.errors import RawDataError
from curation.core.hashing import md5_of_file, sha256_of_bytes, sha256_of_file
from curation.history.cache_folders import cache_folders
from curation.params.load import load_params
from curation.pipeline import paths
from curation.raw.list_warnings import warnings
from curation.raw.listing import ListedFile
from curation.raw.relevant import Pattern, parse_patterns
from curation.tables.files import read_parquet
from curation.tables.samples import RAW_FILES
from stages.ingest import RelevantFiles, ingest, metrics, run, summary
from tests.media_files import write_image, write_video

REPOSITORY = Path(__file__).parent.parent
IMAGES, VIDEOS = ("jpg", "png"), ("mp4", "webm")
PARAMS = load_params(REPOSITORY / "params.yaml")


def _ingest(folder: Path) -> pd.DataFrame:
    return ingest(folder, IMAGES, VIDEOS)


def test_every_file_has_a_row(tmp_path: Path) -> None:
    write_image(tmp_path / "b" / "x.png", 1)
    write_video(tmp_path / "v.mp4", range(7))
    write_video(tmp_path / "w.webm", range(5))
    (tmp_path / "notes.txt").write_bytes(b"12345")
    (tmp_path / "empty.jpg").write_bytes(b"")
    table = _ingest(tmp_path)
    assert table["path"].tolist() == ["b/x.png", "empty.jpg", "notes.txt", "v.mp4", "w.webm"]
    assert table["media"].tolist() == ["image", "image", "ignored", "video", "video"]
    assert table["frames"].tolist() == [1, 1, 0, 7, 5]
    by_path = table.set_index("path")
    assert by_path.loc["v.mp4", "content_hash"] == sha256_of_file(tmp_path / "v.mp4")
    assert by_path.loc["empty.jpg", "content_hash"] == sha256_of_bytes(b"")
    assert by_path.loc["notes.txt", "content_hash"] == ""
    assert by_path.loc["notes.txt", "size"] == 5
    numbers = metrics(table, "0123456789abcdef")
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file() and path.name != "notes.txt")
    assert numbers == {
        "raw_files": 5,
        "images": 2,
        "videos": 2,
        "ignored": 1,
        "bytes": size,
        "table": "0123456789abcdef",
    }
    assert summary(numbers) == "5 raw files: 2 videos, 2 images, 1 ignored"


def test_a_file_that_cannot_be_read_is_ignored_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a.png", 1)
    write_image(tmp_path / "b.png", 2)

    def refuse(path: Path, progress: object = None) -> str:
        if path.name == "b.png":
            raise PermissionError(13, "Permission denied", str(path))
        return sha256_of_file(path)

    monkeypatch.setattr("curation.pipeline.raw_contents.sha256_of_file", refuse)
    table = _ingest(tmp_path)
    assert table["media"].tolist() == ["image", "ignored"]
    assert table["reason"].tolist() == ["", "cannot be read: Permission denied"]


def test_a_pipe_that_took_a_files_place_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a.png", 1)
    os.mkfifo(tmp_path / "b.png")
    listed = [ListedFile(name, "image", "", 1) for name in ("a.png", "b.png")]
    monkeypatch.setattr("stages.ingest.list_raw_files", lambda *_: listed)
    assert _ingest(tmp_path)["reason"].tolist() == ["", "cannot be read: not a regular file"]


def test_nothing_to_use_is_an_error_that_names_the_endings(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match=r"is missing.*jpg, png.*mp4, webm"):
        _ingest(tmp_path / "absent")
    with pytest.raises(RawDataError, match=r"is empty.*jpg, png.*mp4, webm"):
        _ingest(tmp_path)
    (tmp_path / ".gitignore").write_text("")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(RawDataError, match=r"holds 2 files, but no image or video \(for one, .gitignore: file of"):
        _ingest(tmp_path)


def test_links_into_the_dvc_cache_are_read(tmp_path: Path) -> None:
    cached = write_image(tmp_path / ".dvc" / "cache" / "files" / "x.png", 1)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.png").symlink_to(cached)
    table = ingest(tmp_path / "raw", IMAGES, VIDEOS, cache_folders(tmp_path / ".dvc"))
    assert table["media"].tolist() == ["image"]
    with pytest.raises(RawDataError, match="link out of the raw data folder"):
        _ingest(tmp_path / "raw")


def test_the_dvc_cache_can_be_elsewhere(tmp_path: Path) -> None:
    dvc = tmp_path / ".dvc"
    dvc.mkdir()
    assert cache_folders(dvc) == [dvc / "cache"]
    (dvc / "config").write_text(
        "[core]\n    remote = s\n    autostage = false\n['remote \"s\"']\n    url = s3://b/%20\n"
        '[cache]\n    dir = ../shared\n    type = "hardlink,copy"\n'
    )
    (dvc / "config.local").write_text('[cache]\n    dir = "/mnt/cache"\n')
    assert cache_folders(dvc) == [dvc / "cache", dvc / "../shared", Path("/mnt/cache")]
    (dvc / "config.local").write_text("no configuration")
    assert cache_folders(dvc) == [dvc / "cache", dvc / "../shared"]


def test_the_stage_writes_equal_bytes_for_equal_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("relevant_filenames.txt").touch()
    for number in range(20):
        write_image(paths.RAW / f"{number % 3}" / f"{number}.png", number)
    params = load_params(REPOSITORY / "params.yaml")
    assert run(params) == "20 raw files: 0 videos, 20 images, 0 ignored"
    first = paths.RAW_FILES.read_bytes(), paths.INGEST_METRICS.read_bytes()
    run(params)
    assert (paths.RAW_FILES.read_bytes(), paths.INGEST_METRICS.read_bytes()) == first
    assert md5_of_file(paths.RAW_FILES).encode() in first[1]
    assert read_parquet(paths.RAW_FILES).columns.tolist() == RAW_FILES.names


@pytest.fixture
def accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A project whose HEAD holds an iteration of three images in two folders; the bytes of its table."""
    monkeypatch.chdir(tmp_path)
    Path("relevant_filenames.txt").touch()
    for name in ("day1/a.png", "day2/b.png", "day2/c.png"):
        write_image(paths.RAW / name, ord(name[5]))
    run(PARAMS)
    table = Path("table.parquet")
    table.write_bytes(paths.RAW_FILES.read_bytes())
    monkeypatch.setattr("stages.ingest.accepted_table", lambda: table)
    monkeypatch.setattr("stages.ingest.tracked_files", lambda **_: 3)
    return table.read_bytes()


def test_moved_and_deleted_files_change_nothing(accepted: bytes) -> None:
    (paths.RAW / "2024").mkdir()
    (paths.RAW / "day2").rename(paths.RAW / "2024/day2")
    before = paths.INGEST_METRICS.read_bytes()
    assert run(PARAMS) == (
        "3 raw files: 0 videos, 3 images, 0 ignored; nothing is new, and 2 processed files moved, which changes "
        "nothing: their samples keep their names"
    )
    assert (paths.RAW_FILES.read_bytes(), paths.INGEST_METRICS.read_bytes()) == (accepted, before)
    (paths.RAW / "day1/a.png").unlink()
    assert "nothing is new, and 2 processed files moved and 1 gone, which changes nothing" in run(PARAMS)
    (paths.RAW / "2024/day2/c.png").unlink()
    (paths.RAW / "2024/day2/b.png").rename(paths.RAW / "day2.png")
    assert "nothing is new, and 1 processed file moved and 2 gone, which" in run(PARAMS)
    (paths.RAW / "day2.png").unlink()
    assert "; nothing is new, and 3 processed files gone, which changes nothing" in run(PARAMS)
    assert paths.RAW_FILES.read_bytes() == accepted


def test_processed_files_that_are_here_again_change_nothing(accepted: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(paths.RAW / "old/z.png", 26)
    assert "nothing is new" not in run(PARAMS), "it was never processed"
    old = sha256_of_file(paths.RAW / "old/z.png")
    monkeypatch.setattr("stages.ingest.processed_contents", lambda: frozenset({old}))
    (paths.RAW / "day1/a.png").unlink()
    said = run(PARAMS)
    assert said.endswith("; nothing is new, and 1 processed file gone and 1 here again, which changes nothing")
    assert paths.RAW_FILES.read_bytes() == accepted
    write_image(paths.RAW / "new.png", 9)
    assert "nothing is new" not in run(PARAMS)
    assert "old/z.png" in read_parquet(paths.RAW_FILES)["path"].tolist()


def test_what_is_new_beside_moved_files_is_listed_with_them(accepted: bytes) -> None:
    (paths.RAW / "day2").rename(paths.RAW / "later")
    write_image(paths.RAW / "new.png", 9)
    assert run(PARAMS) == "4 raw files: 0 videos, 4 images, 0 ignored; 2 moved since they were processed"
    assert read_parquet(paths.RAW_FILES)["path"].tolist() == ["day1/a.png", "later/b.png", "later/c.png", "new.png"]


def test_new_files_without_the_old_ones_are_told(accepted: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(paths.RAW)
    write_image(paths.RAW / "new.png", 9)
    said = run(PARAMS)
    assert "; data/raw.dvc no longer names 3 processed files, gone from here, whose samples stay all the same" in said
    assert "`dvc get . data/raw --rev HEAD -o .dvc/tmp/raw`" in said
    monkeypatch.setattr("stages.ingest.tracked_files", lambda **_: 0)
    assert run(PARAMS) == "1 raw file: 0 videos, 1 image, 0 ignored", "HEAD does not name them either"


def test_a_table_that_is_cut_off_is_written_anew(accepted: bytes) -> None:
    for content in (accepted[:100], b"other code has made this\n", b""):
        paths.RAW_FILES.write_bytes(content)
        run(PARAMS)
        assert paths.RAW_FILES.read_bytes() == accepted


def test_a_file_that_changed_is_looked_up_in_the_cache(accepted: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[set[str]] = []
    monkeypatch.setattr("stages.ingest.require_cache_untouched", lambda folder, names, changed: asked.append(changed))
    run(PARAMS)
    write_image(paths.RAW / "day1/a.png", 9)
    run(PARAMS)
    assert asked == [set(), {"day1/a.png"}]


def test_what_the_list_leaves_out_is_ignored_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "city" / "a.png", 1)
    write_image(tmp_path / "sea" / "b.png", 2)
    (tmp_path / "sea" / "notes.txt").write_bytes(b"1")
    relevant = RelevantFiles("list.txt", list(parse_patterns("city/*")))
    hashed: list[str] = []

    def noted(path: Path, progress: object = None) -> str:
        hashed.append(path.name)
        return sha256_of_file(path)

    monkeypatch.setattr("curation.pipeline.raw_contents.sha256_of_file", noted)
    table = ingest(tmp_path, IMAGES, VIDEOS, (), relevant).set_index("path")
    assert hashed == ["a.png"]
    assert table["media"].to_dict() == {"city/a.png": "image", "sea/b.png": "ignored", "sea/notes.txt": "ignored"}
    assert table.loc["sea/b.png", "reason"] == "not in list.txt"
    assert table.loc["sea/b.png", "content_hash"] == ""
    assert "ending txt" in str(table.loc["sea/notes.txt", "reason"])
    with pytest.raises(RawDataError, match=r"no image or video \(for one, city/a.png: not in list.txt\)"):
        ingest(tmp_path, IMAGES, VIDEOS, (), RelevantFiles("list.txt", list(parse_patterns("river/*"))))


def test_lines_that_match_nothing_are_told_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(paths.RAW / "city" / "a.png", 1)
    params = load_params(REPOSITORY / "params.yaml")
    Path("relevant_filenames.txt").write_text("# cities\ncity/*\n*.webm\n")
    assert run(params) == "1 raw file: 0 videos, 1 image, 0 ignored"
    told = capsys.readouterr().err
    assert "ingest: warning: relevant_filenames.txt, line 3: no file in data/raw matches '*.webm'" in told
    assert "line 2" not in told
    numbers = json.loads(paths.INGEST_METRICS.read_text())
    assert numbers["unmatched_relevant_lines"] == [{"line": 3, "text": "*.webm"}]
    table = paths.RAW_FILES.read_bytes()
    Path("relevant_filenames.txt").write_text("# everything\n")
    run(params)
    assert json.loads(paths.INGEST_METRICS.read_text()) == numbers | {"unmatched_relevant_lines": []}
    assert paths.RAW_FILES.read_bytes() == table


def test_lines_in_another_unicode_form_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(paths.RAW / "cafe\u0301.png", 1)
    Path("relevant_filenames.txt").write_text("caf\u00e9.png\n")
    assert run(PARAMS) == "1 raw file: 0 videos, 1 image, 0 ignored"
    told = capsys.readouterr().err
    assert "relevant_filenames.txt: 1 line in another Unicode form than the names in data/raw" in told
    assert "line 1: 'caf\u00e9.png'" in told
    assert "matches" not in told


def test_photographs_that_the_parameters_leave_out_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(paths.RAW / "city" / "a.png", 1)
    for name in ("city/a.NEF", "city/b.dng", "sea/c.nef", "city/notes.txt"):
        (paths.RAW / name).parent.mkdir(exist_ok=True)
        (paths.RAW / name).write_bytes(name.encode())
    Path("relevant_filenames.txt").write_text("city/*\n")
    assert run(PARAMS) == "5 raw files: 0 videos, 1 image, 4 ignored"
    warning = "ingest: warning: 2 RAW photographs (dng, nef) are ignored: add dng, nef to ingest.image_extensions, and"
    assert warning in capsys.readouterr().err
    table = read_parquet(paths.RAW_FILES).set_index("path")
    reason = "ending nef is that of RAW photographs: to use them, add it to ingest.image_extensions, and `pip install"
    assert str(table.loc["city/a.NEF", "reason"]).startswith(reason)
    assert "ending txt" in str(table.loc["city/notes.txt", "reason"])
    endings = {"image_extensions": (*PARAMS.ingest.image_extensions, "dng", "nef")}
    run(PARAMS.model_copy(update={"ingest": PARAMS.ingest.model_copy(update=endings)}))
    assert "RAW" not in capsys.readouterr().err


def test_many_lines_that_match_nothing_are_told_in_a_few() -> None:
    unmatched = [Pattern(number, "x", "x", leaves_out=False) for number in range(100)]
    assert len(warnings("list.txt", unmatched)) == 21
    assert warnings("list.txt", unmatched)[-1] == "list.txt: 80 more lines match no file"


def test_real_hostile_files(shared_data: Path) -> None:
    params = load_params(REPOSITORY / "params.yaml").ingest
    table = ingest(shared_data / "images_hostile", params.image_extensions, params.video_extensions)
    assert Counter(table["media"]) == {"image": 25, "ignored": 2}
    assert set(table.loc[table["media"] == "ignored", "path"]) == {"expected.csv", "notes.txt"}


@pytest.fixture
def bucket_of_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """A project without files, in whose folder of raw data lies the listing of a bucket; what it lists."""
    monkeypatch.chdir(tmp_path)
    Path("relevant_filenames.txt").touch()
    rows = [
        (f"{name}", 7, f"etag of {name}", "v", f"s3://b/{name}", "") for name in ("day1/a.png", "day1/v.mp4", "notes")
    ]
    objects = pd.DataFrame(rows, columns=LISTING.names)
    paths.RAW.mkdir(parents=True)
    write_listing(objects, paths.RAW / "cam.listing.parquet", Origin(("s3://b/",)))
    return objects


def test_objects_in_a_bucket_are_raw_files(bucket_of_two: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(PARAMS) == "3 raw files: 1 video, 1 image, 1 ignored; 3 of them objects in 1 listing"
    table = read_parquet(paths.RAW_FILES)
    assert table.columns.tolist() == RAW_FILES.names
    assert table["media"].tolist() == ["image", "video", "ignored"]
    assert table["address"].tolist() == bucket_of_two["address"].tolist()
    assert table["frames"].tolist() == [0, 0, 0]
    assert json.loads(paths.INGEST_METRICS.read_text())["objects"] == 3
    Path("relevant_filenames.txt").write_text("*.mp4\n")
    write_image(paths.RAW / "day1" / "a.png", 1)
    assert run(PARAMS) == "3 raw files: 1 video, 0 images, 2 ignored; 2 of them objects in 1 listing"
    assert "1 object in buckets left out, since local files lie at the same paths" in capsys.readouterr().err
    table = read_parquet(paths.RAW_FILES)
    assert table["reason"].tolist()[0] == "not in relevant_filenames.txt"
    assert table["address"].tolist() == ["", "s3://b/day1/v.mp4", "s3://b/notes"]
    assert table["path"].is_monotonic_increasing


def test_objects_of_an_accepted_iteration_change_nothing(
    bucket_of_two: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(paths.RAW / "a.png", 1)
    run(PARAMS)
    table = Path("table.parquet")
    accepted = paths.RAW_FILES.read_bytes()
    table.write_bytes(accepted)
    monkeypatch.setattr("stages.ingest.accepted_table", lambda: table)
    monkeypatch.setattr("stages.ingest.tracked_files", lambda **_: 1)
    paths.RAW_FILES.unlink()
    fewer = bucket_of_two.iloc[1:].assign(address="remote://storage/x")
    write_listing(fewer, paths.RAW / "cam.listing.parquet", Origin(("remote://storage/",)))
    assert run(PARAMS).endswith("; nothing is new, and 1 processed file gone, which changes nothing")
    assert paths.RAW_FILES.read_bytes() == accepted
    write_listing(fewer.assign(etag="other"), paths.RAW / "cam.listing.parquet", Origin(("remote://storage/",)))
    assert "nothing is new" not in run(PARAMS)
    assert read_parquet(paths.RAW_FILES)["etag"].tolist() == ["", "other", "other"]


def test_what_only_local_files_can_do_is_told(bucket_of_two: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    settings = PARAMS.ingest.model_copy(update={"video_tracks": "all", "pages": "all"})
    run(PARAMS.model_copy(update={"ingest": settings}))
    told = capsys.readouterr().err
    assert "ingest.video_tracks: all holds for local files alone; of 1 video in buckets one track each is read" in told
    assert "ingest.pages: all holds for local files alone; of 1 image in buckets the first picture each" in told


def test_an_upgraded_project_stays_as_it_is(accepted: bytes) -> None:
    table = Path("table.parquet")
    former = read_parquet(table).drop(columns=["etag", "version", "address"])
    former.to_parquet(table)
    before = table.read_bytes()
    run(PARAMS)
    assert paths.RAW_FILES.read_bytes() == before
    write_image(paths.RAW / "new.png", 9)
    run(PARAMS)
    assert read_parquet(paths.RAW_FILES).columns.tolist() == RAW_FILES.names
