"""Windows of values: one for all pictures of a folder and a kind of values, and the base's stays."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curation.cleaning.base import BaseTables
from curation.cleaning.clean import Cleaned, clean
from curation.cleaning.decode_file import DecodedFile, Settings
from curation.cleaning.judging import Rules
from curation.cleaning.quality_limits import quality_limits
from curation.cleaning.value_windows import with_found
from curation.datapool import store
from curation.datapool.value_windows import as_windows, united_windows, value_windows, windows_in
from curation.history.union import unite
from curation.image.proxies import ProxyReader
from curation.image.window import ValueRange, ValueWindows, Window
from curation.tables.datapool import LEDGER, VALUE_WINDOWS
from curation.tables.datapool import SAMPLES as SELECTED
from curation.tables.embeddings import embedding_schema
from curation.tables.files import empty_frame, read_known_parquet, write_csv, write_parquet
from curation.tables.samples import FILES
from stages.ingest import ingest
from tests.datapools import empty_datapool, files_of, grow
from tests.media_files import write_image, write_values

pytestmark = pytest.mark.usefixtures("in_one_process")

SETTINGS = Settings(100_000, proxy_size=32, corruption_threshold=0.1, decode_timeout_s=60, decode_memory_mb=4096)
METADATA = embedding_schema(1).names[:-1]
NO_BASE = BaseTables(empty_frame(LEDGER), empty_frame(embedding_schema(1))[METADATA], empty_frame(SELECTED))


def _write(path: Path, low: int, high: int, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(low, high, (32, 32), dtype=np.uint16, endpoint=True)
    pixels[0, :4], pixels[0, 4:8] = low, high  # more than the thousandth that does not count
    Image.fromarray(pixels).save(path)


def _cleaned(folder: Path, windows: ValueWindows, workers: int = 1, base: BaseTables = NO_BASE) -> Cleaned:
    raw = ingest(folder, ["png", "tif"], ["mkv"])
    proxies = folder.parent / f"proxies {len(list(folder.parent.iterdir()))}"
    proxies.mkdir()
    settings = replace(SETTINGS, windows=windows)
    limits = dict.fromkeys(("min_luma", "max_luma", "min_sharpness", "max_uniform_rows"))
    rules = Rules(tuple(quality_limits(min_contrast=0.5, **limits)))
    return clean(raw, base, folder, proxies, settings, rules, workers=workers, retrain=False)


def _window(cleaned: Cleaned, path: str) -> tuple[str, float, float]:
    row = cleaned.files[cleaned.files["path"] == path].iloc[0]
    return row["value_kind"], row["value_low"], row["value_high"]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    _write(folder / "thermal" / "cold" / "a.png", 29_000, 30_000, 1)
    _write(folder / "thermal" / "warm" / "b.png", 29_500, 31_000, 2)
    _write(folder / "depth" / "a.png", 400, 5_000, 3)
    write_image(folder / "thermal" / "photo.png", 4, 40, 40)
    return folder


@pytest.mark.thorough
@pytest.mark.processes
def test_a_folder_has_one_window_whatever_the_workers(raw: Path) -> None:
    cleaned = _cleaned(raw, ValueWindows())
    assert _window(cleaned, "thermal/cold/a.png") == ("uint16", 29_000, 31_000)
    assert _window(cleaned, "thermal/warm/b.png") == ("uint16", 29_000, 31_000)
    assert _window(cleaned, "depth/a.png") == ("uint16", 400, 5_000)
    assert _window(cleaned, "thermal/photo.png")[0] == ""
    means = cleaned.samples.set_index("filename")["luma_mean"]
    assert means["thermal/cold/a.png"] < 80 < 140 < means["thermal/warm/b.png"]
    again = _cleaned(raw, ValueWindows(), workers=2)
    pd.testing.assert_frame_equal(again.samples, cleaned.samples)
    pd.testing.assert_frame_equal(again.files, cleaned.files)
    first, second = sorted(folder for folder in raw.parent.iterdir() if folder.name.startswith("proxies"))
    assert {path.name for path in first.iterdir()} == {path.name for path in second.iterdir()}
    for folder in (first, second):
        with ProxyReader(folder) as reader:
            for row in cleaned.samples.itertuples():
                content = reader.jpeg(str(row.shard), str(row.member))
                mean = np.asarray(Image.open(io.BytesIO(content)).convert("L")).mean()
                assert mean == pytest.approx(row.luma_mean, abs=2)


def test_videos_and_pictures_of_a_folder_have_one_window(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    _write(folder / "thermal" / "a.png", 29_000, 30_000, 1)
    frames = [np.asarray(Image.open(folder / "thermal" / "a.png")), np.full((32, 32), 30_500, np.uint16)]
    frames[1][::2] = 31_000
    write_values(folder / "thermal" / "b.mkv", frames, "gray16le")
    write_values(folder / "thermal" / "c.mkv", [frames[0] // 64, frames[1] // 64], "gray10le")
    cleaned = _cleaned(folder, ValueWindows())
    for path in ("a.png", "b.mkv"):
        assert _window(cleaned, f"thermal/{path}") == ("uint16", 29_000, 31_000)
    assert _window(cleaned, "thermal/c.mkv") == ("uint10", 29_000 // 64, 31_000 // 64)
    columns = ["luma_mean", "contrast", "perceptual_hash"]
    figures = cleaned.samples.set_index("filename")[columns].to_dict("index")
    assert figures["thermal/a.png"] == figures["thermal/b-0-mkv.png"]
    again = _cleaned(folder, ValueWindows(known={("thermal", "uint16"): Window(29_000, 31_000)}), workers=2)
    pd.testing.assert_frame_equal(again.samples, cleaned.samples)


def test_the_window_of_the_base_and_a_given_one_win(raw: Path) -> None:
    known = {("thermal", "uint16"): Window(20_000, 40_000)}
    cleaned = _cleaned(raw, ValueWindows(known=known))
    assert _window(cleaned, "thermal/cold/a.png") == ("uint16", 20_000, 40_000)
    assert _window(cleaned, "depth/a.png") == ("uint16", 400, 5_000)
    given = _cleaned(raw, ValueWindows(Window(30_000, 31_000)))
    assert _window(given, "thermal/cold/a.png")[0] == ""
    assert dict(zip(given.files["path"], given.files["status"], strict=True))["depth/a.png"] == "low_quality"
    reason = given.files.set_index("path")["reason"]["depth/a.png"]
    assert reason.endswith("100% of its values lie beyond 30000 to 31000 (clean.value_window)")


def test_unsupported_files_are_counted_by_themselves_and_come_again(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    write_image(folder / "a.png", 1, 40, 40)
    (folder / "b.tif").write_bytes(b"II\x1a\0\0\0HEAPCCDR")
    (folder / "c.tif").write_bytes(b"II\x1a\0\0\0HEAPCCDR")
    (folder / "d.tif").write_bytes(b"no image")
    Image.fromarray(np.full((32, 32), np.nan, np.float32)).save(folder / "e.tif")
    cleaned = _cleaned(folder, ValueWindows())
    status = dict(zip(cleaned.files["path"], cleaned.files["status"], strict=True))
    assert status == {
        "a.png": "kept",
        "b.tif": "unsupported",
        "c.tif": "unsupported",
        **dict.fromkeys(("d.tif", "e.tif"), "corrupt"),
    }
    assert cleaned.files["unsupported"].tolist() == [0, 1, 1, 0, 0]
    assert cleaned.dropped["status"].tolist() == ["unsupported", "unsupported", "corrupt", "corrupt"]
    assert cleaned.files["reason"].iloc[-1].startswith("none of its pixels has a value: all are NaN")


def _ranged(path: str, low: float, high: float) -> DecodedFile:
    values, window = ValueRange("uint16", low, high), Window(low, high)
    return DecodedFile(path, "image", [], 0, is_corrupt=False, reason="", shard="", values=values, window=window)


def test_one_odd_picture_among_many_does_not_make_the_others_flat() -> None:
    usual = [_ranged(f"a/{number}.png", 100 - number % 3, 900 + number % 5) for number in range(60)]
    few = with_found(ValueWindows(), [*usual[:10], _ranged("a/odd.png", 0, 60_000)])
    assert few.known == {("a", "uint16"): Window(0, 60_000)}
    many = with_found(ValueWindows(), [*usual, _ranged("a/odd.png", 0, 60_000)])
    assert many.known == {("a", "uint16"): Window(98, 904)}
    assert with_found(ValueWindows("full"), usual).known == {}


def test_the_record_stays_with_the_datapool_and_its_unions(tmp_path: Path) -> None:
    rows = [("a", "uint16", 1.5, 9.0), ("", "float RGB", 0.0, 1.0)]
    first, later = (pd.DataFrame(part, columns=VALUE_WINDOWS.names) for part in (rows, [("a", "uint16", 0.0, 2.0)]))
    assert united_windows(first, later)["low"].tolist() == [0.0, 1.5]
    assert united_windows(later, first)["low"].tolist() == [0.0, 0.0]
    files = files_of(["a/x.png", "a/y.png", "z.png"])
    files.loc[[0, 1], ["value_kind", "value_low", "value_high"]] = ("uint16", 1.5, 9.0)
    assert windows_in(files).to_numpy().tolist() == [["a", "uint16", 1.5, 9.0]]
    base = empty_datapool(tmp_path / "empty")
    assert not (grow(tmp_path / "1", base, ["a.png"], ["a.png"]) / store.VALUE_WINDOWS_CSV).exists()
    write_csv(first, VALUE_WINDOWS, base / store.VALUE_WINDOWS_CSV)
    grown = grow(tmp_path / "2", base, ["b.png"], ["b.png"])
    (tmp_path / "union").mkdir()
    unite([tmp_path / "1" / "datapool", grown], tmp_path / "union", embeddings_are_replaced=False)
    for datapool in (grown, tmp_path / "union"):
        assert value_windows("auto", datapool).known == as_windows(first)
    assert value_windows((1.0, 2.0), grown).of("a", "uint16") == Window(1, 2)


def test_the_accounts_of_former_versions_can_be_read(tmp_path: Path) -> None:
    files = files_of(["a.png"])
    former = [name for name in FILES.names if name != "unsupported" and not name.startswith("value_")]
    write_parquet(files, FILES, tmp_path / "now.parquet")
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(tmp_path / "now.parquet").select(former), tmp_path / "former.parquet")
    pd.testing.assert_frame_equal(read_known_parquet(tmp_path / "former.parquet", FILES), files)
