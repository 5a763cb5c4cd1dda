"""Proxy shards: equal content gives equal bytes; readers work in other processes."""

import io
import multiprocessing
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curation.core.hashing import sha256_of_file
from curation.image.proxies import (
    ProxyReader,
    ShardWriter,
    member_name,
    proxy_dimensions,
    store_empty_shard,
    store_shard,
)
from tests.media_files import picture


def _jpeg(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(seed)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _shard(folder: Path, seeds: list[int]) -> str:
    with ShardWriter(folder / "temporary") as writer:
        for seed in seeds:
            writer.add(member_name(seed), _jpeg(seed))
    return store_shard(folder / "temporary", folder, [member_name(seed) for seed in seeds])


def test_a_shard_holds_its_proxies_uncompressed_under_its_hash(tmp_path: Path) -> None:
    name = _shard(tmp_path, [1, 2, 3])
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert name == f"{sha256_of_file(tmp_path / name)[:16]}.zip"
    with zipfile.ZipFile(tmp_path / name) as archive:
        assert archive.namelist() == ["00000001.jpg", "00000002.jpg", "00000003.jpg"]
        for info in archive.infolist():
            assert (info.compress_type, info.date_time) == (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))
    with ProxyReader(tmp_path) as reader:
        assert reader.jpeg(name, "00000002.jpg") == _jpeg(2)
        array = reader.array(name, "00000002.jpg")
    assert array.shape == (24, 32, 3)
    assert array.dtype == np.uint8
    assert np.abs(array.astype(int) - picture(2)).mean() < 10


def test_what_is_left_out_leaves_no_trace(tmp_path: Path) -> None:
    direct = _shard(tmp_path, [1, 3])
    with ShardWriter(tmp_path / "temporary") as writer:
        for seed in (1, 2, 3):
            writer.add(member_name(seed), _jpeg(seed))
    assert writer.count == 3
    assert store_shard(tmp_path / "temporary", tmp_path, ["00000003.jpg", "00000001.jpg"]) == direct
    assert len(list(tmp_path.iterdir())) == 1


def test_a_discarded_shard_begins_again(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "temporary") as writer:
        writer.add("a", b"1")
        writer.discard()
        assert not (tmp_path / "temporary").exists()
        writer.add("b", b"2")
    with zipfile.ZipFile(tmp_path / "temporary") as archive:
        assert archive.namelist() == ["b"]


def test_an_empty_shard_is_a_file(tmp_path: Path) -> None:
    assert [path.name for path in tmp_path.iterdir()] == [] != [store_empty_shard(tmp_path)]
    assert len(list(tmp_path.glob("*.zip"))) == 1


def _read(reader: ProxyReader, shard: str, member: str) -> bytes:
    return reader.jpeg(shard, member)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_reader_works_in_other_processes(tmp_path: Path, method: str) -> None:
    name = _shard(tmp_path, list(range(20)))
    reader = ProxyReader(tmp_path)
    assert reader.jpeg(name, member_name(5)) == _jpeg(5)
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.starmap(_read, [(reader, name, member_name(seed)) for seed in range(20)])
    assert found == [_jpeg(seed) for seed in range(20)]
    reader.close()
    assert reader.jpeg(name, member_name(6)) == _jpeg(6)
    reader.close()


def test_a_pickled_reader_carries_no_open_file(tmp_path: Path) -> None:
    name = _shard(tmp_path, [1])
    with ProxyReader(tmp_path) as reader:
        reader.jpeg(name, member_name(1))
        with pickle.loads(pickle.dumps(reader)) as copy:
            assert copy.jpeg(name, member_name(1)) == _jpeg(1)


def test_only_a_few_shards_stay_open(tmp_path: Path) -> None:
    names = [_shard(tmp_path, [seed]) for seed in range(12)]
    with ProxyReader(tmp_path) as reader:
        for _ in range(2):
            for seed, name in enumerate(names):
                assert reader.jpeg(name, member_name(seed)) == _jpeg(seed)
        assert len(reader._open) <= 8


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1280, 720), (455, 256)), ((720, 1280), (256, 455)), ((100, 50), (100, 50)), ((60000, 2), (2048, 2))],
)
def test_proxy_dimensions(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert proxy_dimensions(*size, 256) == expected
