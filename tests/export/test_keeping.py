"""Full-size pictures that stay with the datapool: what is kept, in which form, and what exports take from it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curation.buckets.objects import raw_objects
from curation.core.errors import BaseError
from curation.core.hashing import md5_of_file, sha256_of_file
from curation.datapool.pictures import PICTURES_CSV, read_pictures
from curation.export import images
from curation.export.batches import Kept, Settings
from curation.export.images import export_images
from curation.export.keeping import Work, estimated_bytes, keep_pictures, planned
from curation.raw.pinned import Objects
from curation.tables.datapool import COMBINED
from curation.workers.outcomes import Limits
from tests.media_files import picture, write_image, write_pages, write_video
from tests.no_workers import in_this_process
from tests.object_files import raw_table

LIMITS = Limits(60, None)
GIVEN: dict[str, Any] = {"workers": 1, "limits": LIMITS}
NAMES = ["drive-07-mp4.png", "city/a.jpg", "=b.png"]


def settings(form: str, size: int | None = None) -> Settings:
    return Settings(form, size, ("mp4",), 10**6)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "run_in_workers", in_this_process)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    (folder / "city").mkdir()
    write_image(folder / "city/a.jpg", 1, 60, 40)
    write_image(folder / "=b.png", 2, 30, 50)
    write_video(folder / "drive.mp4", range(12))
    return folder


@pytest.fixture
def samples(raw: Path) -> pd.DataFrame:
    table = pd.DataFrame({"filename": NAMES, "raw_path": ["drive.mp4", *NAMES[1:]], "frame": [7, 0, 0]})
    hashes = [sha256_of_file(raw / path) for path in table["raw_path"]]
    # Without hashes of pixels, which would be checked; names of files are hexadecimal digits all the same.
    return table.assign(content_hash=hashes, pixel_hash=["", "", ""])


def plan(samples: pd.DataFrame, former: Path, form: str) -> Work:
    named = samples.assign(pixel_hash=["0a", "1b", "2c"][: len(samples)])
    work = planned(named, list(samples["raw_path"]), former, settings(form))
    return work._replace(rows=work.rows.assign(pixel_hash=""))


def keep(folder: Path, samples: pd.DataFrame, raw: Path, form: str, former: Path = Path("none")) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    work = plan(samples, former, form)
    return keep_pictures(folder, work, 3, raw, settings(form), **GIVEN)


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def kept_in(folder: Path) -> dict[str, Kept]:
    rows = read_pictures(folder)
    places = zip(rows["filename"], rows["folder"], rows["file"], rows["form"], strict=True)
    return {name: Kept(folder / "pictures" / part / file, form) for name, part, file, form in places}


def test_originals_are_the_files_themselves_and_frames_lossless(
    raw: Path, samples: pd.DataFrame, tmp_path: Path
) -> None:
    pool = tmp_path / "pool"
    assert keep(pool, samples, raw, "original") == {}
    rows = read_pictures(pool)
    assert rows["filename"].tolist() == NAMES
    assert rows["file"].tolist() == ["0a.png", "1b.jpg", "2c.png"]
    assert rows["form"].tolist() == ["png", "original", "original"]
    (folder,) = set(rows["folder"])
    assert folder.startswith("00003-")
    assert files_in(pool) == [PICTURES_CSV, *(f"pictures/{folder}/{file}" for file in sorted(rows["file"]))]
    paths = [pool / "pictures" / folder / file for file in rows["file"]]
    assert rows["md5"].tolist() == [md5_of_file(path) for path in paths]
    assert rows["bytes"].tolist() == [path.stat().st_size for path in paths]
    assert [path.read_bytes() for path in paths[1:]] == [(raw / name).read_bytes() for name in NAMES[1:]]

    # Exports take them in place of raw files, and write the very same.
    gone, kept = tmp_path / "gone", kept_in(pool)
    for number, form in enumerate([settings("original"), settings("png"), settings("jpg"), settings("jpg", 20)]):
        out = [tmp_path / f"{number}-{part}" for part in ("raw", "kept")]
        assert export_images(samples, raw, out[0], form, **GIVEN) == {}
        assert export_images(samples, gone, out[1], form, **GIVEN, kept=kept) == {}
        assert files_in(out[0]) == files_in(out[1])
        for name in files_in(out[0]):
            assert (out[0] / name).read_bytes() == (out[1] / name).read_bytes(), (form, name)
    assert export_images(samples, gone, out[1], form, **GIVEN, kept=kept) == {}, "again: all is there"


def test_pages_are_kept_like_frames(tmp_path: Path) -> None:
    write_pages(tmp_path / "a.tif", range(3))
    sample = pd.DataFrame([("a-2-tif.png", "a.tif", 2, "", "")])
    sample.columns = ["filename", "raw_path", "frame", "content_hash", "pixel_hash"]
    for form, kept_as in (("original", "png"), ("jpg", "jpg")):
        assert keep(tmp_path / form, sample, tmp_path, form) == {}
        (kept,) = kept_in(tmp_path / form).values()
        assert (kept.form, kept.path.name) == (kept_as, f"0a.{kept_as}")
        with Image.open(kept.path) as image:
            assert np.abs(np.asarray(image, np.int16) - picture(2)).mean() < (0.1 if form == "original" else 15)


def test_jpeg_images_stay_as_they_are_and_all_else_becomes_one(
    raw: Path, samples: pd.DataFrame, tmp_path: Path
) -> None:
    pool, again = tmp_path / "pool", tmp_path / "again"
    assert keep(pool, samples, raw, "jpg") == keep(again, samples, raw, "jpg") == {}
    assert [(pool / name).read_bytes() for name in files_in(pool)] == [
        (again / name).read_bytes() for name in files_in(again)
    ]
    rows = read_pictures(pool)
    assert rows["form"].tolist() == ["jpg", "original", "jpg"]
    assert kept_in(pool)["city/a.jpg"].path.read_bytes() == (raw / "city/a.jpg").read_bytes()
    for name in ("drive-07-mp4.png", "=b.png"):
        with Image.open(kept_in(pool)[name].path) as picture:
            assert picture.format == "JPEG"

    # A picture with loss counts where the raw file is gone. What it cannot be is told.
    kept = {name: kept_in(pool)[name] for name in NAMES} | {"c.bmp": kept_in(pool)["=b.png"]}
    more = pd.concat([samples, samples[2:].assign(filename="c.bmp", raw_path="c.bmp")], ignore_index=True)
    out = tmp_path / "out"
    failed = export_images(more, tmp_path / "gone", out, settings("original"), **GIVEN, kept=kept)
    assert failed == {"c.bmp": "only a JPEG of it was kept"}
    with Image.open(out / "=b.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (30, 50))
    assert export_images(more[2:3], raw, tmp_path / "raw", settings("original"), **GIVEN, kept=kept) == {}
    assert (tmp_path / "raw/=b.png").read_bytes() == (raw / "=b.png").read_bytes(), "the raw file is at hand"


def test_what_is_gone_costs_its_picture_alone(raw: Path, samples: pd.DataFrame, tmp_path: Path) -> None:
    pool, elsewhere = tmp_path / "pool", tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_image(elsewhere / "=b.png", 2, 30, 50)
    failed = keep(pool, samples, elsewhere, "original")
    assert list(failed) == ["city/a.jpg", "drive-07-mp4.png"]
    assert read_pictures(pool)["filename"].tolist() == ["=b.png"]

    # The next run has what this one made, though the raw file went meanwhile.
    again = tmp_path / "again"
    assert list(keep(again, samples, tmp_path / "gone", "original", pool)) == list(failed)
    assert files_in(again) == files_in(pool)
    assert (again / PICTURES_CSV).read_bytes() == (pool / PICTURES_CSV).read_bytes()
    next((pool / "pictures").rglob("*.png")).write_bytes(b"changed")
    assert "=b.png" in keep(tmp_path / "third", samples, tmp_path / "gone", "original", pool)
    assert files_in(tmp_path / "third") == []


def test_size_is_estimated_before(raw: Path, samples: pd.DataFrame, tmp_path: Path) -> None:
    sizes = pd.DataFrame({"filename": NAMES, "width": 100, "height": 50, "raw_path": "x"})
    image = (raw / "city/a.jpg").stat().st_size
    assert estimated_bytes(plan(samples, tmp_path, "jpg"), raw, sizes) == image + 2 * 2000
    assert estimated_bytes(plan(samples, tmp_path, "jpg"), tmp_path / "gone", sizes) == 0
    objects = Objects({found.path: found for found in raw_objects(raw_table(tmp_path / "gone", raw))})
    assert estimated_bytes(plan(samples, tmp_path, "jpg"), tmp_path / "gone", sizes, objects) == image + 2 * 2000


def test_samples_of_embeddings_have_no_picture_and_names_stay_in_their_folder(
    samples: pd.DataFrame, tmp_path: Path
) -> None:
    combined = samples.assign(raw_path=f"{COMBINED}x.csv")
    for nothing in (combined, combined[:0]):
        assert keep(tmp_path / "pool", nothing, tmp_path, "jpg") == {}
        assert files_in(tmp_path / "pool") == []
    with pytest.raises(BaseError, match="damaged"):
        planned(samples.assign(pixel_hash="../x"), list(samples["raw_path"]), tmp_path, settings("jpg"))
