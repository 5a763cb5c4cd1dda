"""An object whose worker ends is corrupt where it was here by then, and unreachable where it was not."""

from pathlib import Path

import pytest

from curation.cleaning.decode_file import Settings, decode_file
from curation.cleaning.decode_files import decode_all
from curation.cleaning.fetched import NOT_FETCHED, Fetching, write_known
from curation.cleaning.objects import sources_of
from curation.cleaning.tasks import RawFile, tasks_of
from curation.core.hashing import sha256_of_file
from curation.core.kinds import IMAGE, PAGES, VIDEO
from tests.hostile_decoders import decode_with_harm
from tests.media_files import write_image, write_video
from tests.object_files import raw_table

SETTINGS = Settings(100_000_000, 64, 0.1, decode_timeout_s=1.0, decode_memory_mb=None)


@pytest.mark.thorough
def test_a_worker_that_ends_costs_its_object(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    (shards := tmp_path / "shards").mkdir()
    for name in ("fetch crashes.png", "fetch hangs.png", "decode crashes.png", "decode hangs.png", "sound.png"):
        write_image(bucket / name, len(name))
    for name in ("count crashes.mp4", "watch crashes.mp4"):
        write_video(bucket / name, range(3))
    raw = raw_table(tmp_path / "none", bucket)
    tasks = tasks_of(zip(raw["path"], raw["media"], raw["frames"], strict=True), sources=sources_of(raw))
    files = decode_all(tasks, tmp_path, shards, SETTINGS, 1, decode_with_harm, fetching=Fetching(1))
    found = {file.path: file for file in files}
    lost = {path: file.reason for path, file in found.items() if file.is_unreachable}
    assert lost == {
        "fetch crashes.png": f"{NOT_FETCHED}its decoder crashed (signal 11, SIGSEGV)",
        "fetch hangs.png": f"{NOT_FETCHED}its decoder made no progress within clean.decode_timeout_s (1 s)",
    }
    corrupt = {path: file for path, file in found.items() if file.is_corrupt and not file.is_unreachable}
    assert {path: file.missing for path, file in corrupt.items()} == {
        "decode crashes.png": 1,
        "decode hangs.png": 1,
        "watch crashes.mp4": 3,
    }
    for path, file in found.items():
        assert file.content_hash == ("" if path in lost else sha256_of_file(bucket / path))
    assert found["count crashes.mp4"].declared == 0, "as where the files are local, and counting does harm"
    assert len(found["count crashes.mp4"].samples) == 3
    assert not list(shards.glob("*.objects"))


def test_contents_are_found_among_the_known_ones_of_their_kind(tmp_path: Path) -> None:
    known = tmp_path / "known.npy"
    bucket = tmp_path / "bucket"
    contents = {name: sha256_of_file(write_image(bucket / name, seed)) for seed, name in enumerate(("a.png", "b.png"))}
    raw = raw_table(tmp_path / "none", bucket)
    for media, is_known in ((IMAGE, True), (PAGES, True), (VIDEO, False)):
        write_known([(contents["a.png"], media), ("f" * 64, IMAGE), ("0" * 64, IMAGE)], known)
        for path, found in sources_of(raw).items():
            file = RawFile(path, IMAGE, 1, "task", f"{path}.jpg", source=found)
            (shards := tmp_path / f"shards {media} {path}").mkdir()
            decoded = decode_file(
                *(file, 1, lambda _: None),
                raw_folder=tmp_path,
                shard_folder=shards,
                settings=SETTINGS,
                fetching=Fetching(known=known),
            )
            assert decoded.content_hash == contents[path]
            assert bool(decoded.samples) == (path == "b.png" or not is_known)
