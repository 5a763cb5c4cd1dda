"""Decoding on a cluster gives what decoding on this machine gives, whatever happens to the nodes."""

import os
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from curation.cleaning import spread
from curation.cleaning.decode_file import DecodedFile
from curation.cleaning.decode_files import decode_all
from curation.cleaning.pack_folder import PackFolder
from curation.cleaning.results import Results
from curation.cleaning.spread import decode_with
from curation.cleaning.tasks import Task
from curation.core.errors import ClusterError, RawDataError
from curation.core.kinds import IMAGE, VIDEO
from curation.execution.choice import engine_of
from curation.execution.cluster_engine import ClusterEngine
from curation.execution.local import HERE
from curation.execution.storage import Storage
from curation.params.execution import ExecutionParams
from tests.buckets.server import Bucket
from tests.buckets.server import s3_bucket as s3_bucket
from tests.buckets.server import s3_server as s3_server
from tests.cleaning.test_decode_files import SETTINGS
from tests.execution.fake_cluster import FakeCluster
from tests.hostile_decoders import decode_or_do_harm
from tests.media_files import write_image, write_video


def tasks_in(raw: Path) -> list[Task]:
    """Write images, one of them no image, one that kills its decoder, and two videos."""
    for number in range(7):
        write_image(raw / "i" / f"{number}.png", number)
    (raw / "i" / "3.png").write_bytes(b"no image")
    with (raw / "i" / "5.png").open("ab") as file:
        file.write(b"\nORDER kill")
    for number in range(2):
        write_video(raw / f"{number}.mp4", range(3))
    images = tuple(f"i/{number}.png" for number in range(7))
    return [Task(VIDEO, ("0.mp4",), 3), Task(VIDEO, ("1.mp4",), 3), Task(IMAGE, images, 7)]


def in_words(file: DecodedFile) -> str:
    """Return all of a file in a form in which NaN equals NaN."""
    return repr(replace(file, samples=list(file.samples), crops=list(file.crops)))


def shards_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.thorough
def test_a_cluster_gives_what_this_machine_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    raw, here, storage = (Path(name) for name in ("raw", "here", "storage"))
    tasks = tasks_in(raw)
    here.mkdir()
    storage.mkdir()
    expected = decode_all(tasks, raw, here, SETTINGS, 2, decode_or_do_harm, first=4)
    assert [file.path for file in expected if "SIGKILL" in file.reason] == ["i/5.png"]
    assert set(shards_in(here)) == {"task-000004", "task-000005", "task-000006"}
    monkeypatch.setattr(spread, "_LEAST_FRAMES", 2)  # so that the images are cut into parts
    for name, place in (("sent", None), ("left", Storage.at(str(storage)))):
        there, cluster = Path(name), FakeCluster(["a", "b"], {"a": 2})
        there.mkdir()
        engine = ClusterEngine(cluster, storage=place)
        found = decode_with(engine, tasks, raw, there, SETTINGS, 2, decode_or_do_harm, first=4)
        assert list(map(in_words, found)) == list(map(in_words, expected))
        assert shards_in(there) == shards_in(here)
        assert "a" in cluster.dying
    assert not list(storage.iterdir())


def test_nodes_may_leave_what_they_decoded_in_a_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3_bucket: Bucket
) -> None:
    monkeypatch.chdir(tmp_path)
    s3_bucket.put({"of-others": b"1"})
    for number in range(4):
        write_image(tmp_path / "raw" / f"{number}.png", number)
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    tasks, raw = [Task(IMAGE, tuple(f"{number}.png" for number in range(4)), 4)], Path("raw")
    expected = decode_all(tasks, raw, Path("here"), SETTINGS, 1)
    engine = ClusterEngine(FakeCluster(["a", "b"], {"a": 1}), storage=Storage.at(f"s3://{s3_bucket.name}/packs/"))
    monkeypatch.setattr(spread, "_LEAST_FRAMES", 2)
    found = decode_with(engine, tasks, raw, Path("there"), SETTINGS, 1)
    assert list(map(in_words, found)) == list(map(in_words, expected))
    assert shards_in(Path("there")) == shards_in(Path("here"))
    assert sum(one.method == "PUT" for one in s3_bucket.server.requests) == 3  # one of them this test's own
    left = s3_bucket.client.list_objects_v2(Bucket=s3_bucket.name)["Contents"]
    assert [one["Key"] for one in left] == ["of-others"]


def test_what_came_from_nodes_is_kept_for_a_run_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(spread, "_LEAST_FRAMES", 2)
    for number in range(6):
        write_image(tmp_path / "raw" / f"{number}.png", number)
        os.utime(tmp_path / "raw" / f"{number}.png", ns=(0, 0))  # long before the run
    tasks, raw = [Task(IMAGE, tuple(f"{number}.png" for number in range(6)), 6)], Path("raw")
    shards = list[dict[str, bytes]]()
    for name, deaths in (("first", {"a": 2}), ("second", {}), ("third", {"a": 0})):
        folder, cluster = Path(name), FakeCluster(["a"], deaths)
        folder.mkdir()
        results = Results(PackFolder(Path("packs")), "code", lambda file: file.path, 1 << 30, print)
        if name == "first":
            with pytest.raises(ClusterError, match="6 times"):
                decode_with(ClusterEngine(cluster), tasks, raw, folder, SETTINGS, 1, results=results)
            continue
        decode_with(ClusterEngine(cluster), tasks, raw, folder, SETTINGS, 1, results=results)
        assert len(results.found) == {"second": 4, "third": 6}[name]
        shards.append(shards_in(folder))
    assert shards[0] == shards[1]


def test_a_cluster_is_asked_only_if_there_is_something_to_decode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object) -> NoReturn:
        raise ClusterError("a cluster is asked")

    monkeypatch.setattr("curation.execution.ray_engine.ray_engine", connect)
    with engine_of(ExecutionParams(engine="ray")) as engine:
        assert decode_with(engine, [], Path("raw"), tmp_path, SETTINGS, 1) == []
        with pytest.raises(ClusterError, match="is asked"):
            decode_with(engine, [Task(IMAGE, ("a.png",), 1)], Path("raw"), tmp_path, SETTINGS, 1)


def test_a_damaged_pack_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Liar(FakeCluster):
        def result(self, ticket: int) -> bytes:
            pack: bytes = super().result(ticket)
            return pack[:-1] + bytes([pack[-1] ^ 1])

    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "raw" / "a.png", 1)
    task = Task(IMAGE, ("a.png",), 1)
    with pytest.raises(ClusterError, match=r"1 files came back damaged from the nodes, a\.png among them"):
        decode_with(ClusterEngine(Liar(["a"])), [task], Path("raw"), tmp_path, SETTINGS, 1)


def test_a_file_that_is_gone_on_a_node_is_the_same_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    task = Task(IMAGE, ("a.png",), 1)
    for engine in (HERE, ClusterEngine(FakeCluster(["a"]))):
        with pytest.raises(RawDataError, match=r"raw file a\.png could be read"):
            decode_with(engine, [task], Path("raw"), tmp_path, SETTINGS, 1)


def test_work_is_cut_and_put_together_by_its_frames() -> None:
    tasks = [Task(VIDEO, (f"{n}.mp4",), n) for n in (1, 900, 40)] + [Task(IMAGE, tuple(map(str, range(400))), 400)]
    groups = spread._grouped(tasks, 2)
    assert sorted(path for group in groups for task in group for path in task.paths) == sorted(
        path for task in tasks for path in task.paths
    )
    assert [sum(task.declared for task in group) for group in groups] == [900, 256, 185]
    assert spread._grouped([], 4) == []
    assert len(spread._grouped([Task(VIDEO, ("a",), 0)] * 5, 1)) == 1
