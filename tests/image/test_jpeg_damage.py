"""Damage in JPEG files: what libjpeg-turbo warns of is refused, what only describes or surrounds the picture is not."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from curation.image.decode import decode_image, load_image
from curation.image.findings import SOUND
from curation.image.jpeg_damage import findings_of
from curation.image.undecodable import UndecodableImageError
from tests.media_files import moving_picture

LIMIT = 10**7
END = b"\xff\xd9"
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "baseline": ("RGB", {}),
    "grey": ("L", {}),
    "inks": ("CMYK", {}),
    "kept RGB": ("RGB", {"keep_rgb": True}),
    "own tables": ("RGB", {"optimize": True}),
    "progressive": ("RGB", {"progressive": True}),
    "restarts": ("RGB", {"restart_marker_rows": 1}),
}


def _jpeg(kind: str, seed: int = 1) -> bytes:
    mode, options = KINDS[kind]
    buffer = io.BytesIO()
    Image.fromarray(moving_picture(seed, 3, 320, 240)).convert(mode).save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def _start_of_pixels(data: bytes) -> int:
    """Return where the coded data of the first scan begin."""
    position = 2
    while data[position + 1] != 0xDA:
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")


def _damaged(data: bytes) -> Iterator[tuple[str, bytes]]:
    start, end = _start_of_pixels(data), len(data) - 2
    middle, tenth = (start + end) // 2, (end - start) // 10
    yield "cut", data[:middle]
    yield "cut and closed", data[:middle] + END
    yield "cut in the last tenth and closed", data[: end - tenth] + END
    yield "a tenth lost", data[:middle] + data[middle + tenth :]
    yield "zeroed sector", data[:middle] + bytes(512) + data[middle + 512 :]
    yield "overwritten sector", data[:middle] + np.random.default_rng(1).bytes(512) + data[middle + 512 :]
    yield "zeroed tail", data[:middle] + bytes(end - middle) + END
    yield "zeroed tail and end", data[:middle] + bytes(end + 2 - middle)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.jpg"


def _decoded(path: Path, data: bytes) -> tuple[str, str]:
    """Return perceptual hash and note of a file."""
    path.write_bytes(data)
    decoded = decode_image(path, max_pixels=LIMIT, proxy_size=64)
    return decoded.quality.perceptual_hash, decoded.note


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_refused_with_the_librarys_words(path: Path, kind: str) -> None:
    data = _jpeg(kind)
    assert _decoded(path, data)[1] == ""
    for damage, changed in _damaged(data):
        path.write_bytes(changed)
        with pytest.raises(UndecodableImageError, match=r"^(damaged|truncated) JPEG file: "):
            pytest.fail(f"{damage} is kept: {decode_image(path, max_pixels=LIMIT, proxy_size=64)}")
        with pytest.raises(UndecodableImageError, match="JPEG file"):
            load_image(path, max_pixels=LIMIT)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lost", [1, 2])
def test_a_missing_end_marker_alone_is_noted(path: Path, kind: str, lost: int) -> None:
    data = _jpeg(kind)
    sound, _ = _decoded(path, data)
    pixels = load_image(path, max_pixels=LIMIT)
    assert _decoded(path, data[:-lost]) == (sound, "only the end marker of the JPEG file is missing")
    assert load_image(path, max_pixels=LIMIT).tobytes() == pixels.tobytes()
    known = decode_image(path, max_pixels=LIMIT, proxy_size=64).pixel_hash
    assert load_image(path, max_pixels=LIMIT, pixel_hash=known).tobytes() == pixels.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_extraneous_bytes_alone_are_noted(path: Path, kind: str) -> None:
    data = _jpeg(kind)
    sound, _ = _decoded(path, data)
    before_end = data[:-2] + b"\1\2\3\4\5\6\7\x08\x09" + END
    in_header = data.replace(b"\xff\xdb", b"\1\2\3\xff\xdb", 1)
    for changed in (before_end, in_header):
        assert _decoded(path, changed) == (sound, "extraneous bytes before markers of the JPEG file")


def test_bytes_before_every_restart_as_of_webcams_are_noted(path: Path) -> None:
    data = _jpeg("restarts")
    sound, _ = _decoded(path, data)
    start = _start_of_pixels(data)
    body = data[start:]
    for number in range(8):
        body = body.replace(bytes([0xFF, 0xD0 + number]), bytes([*b"\1" * 9, 0xFF, 0xD0 + number]))
    assert _decoded(path, data[:start] + body) == (sound, "extraneous bytes before markers of the JPEG file")


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_first_does_not_hide_damage(path: Path, kind: str) -> None:
    data = _jpeg(kind)
    path.write_bytes(data[: _start_of_pixels(data) + 900].replace(b"\xff\xdb", b"\1\2\3\xff\xdb", 1) + END)
    with pytest.raises(UndecodableImageError, match="damaged JPEG file: premature end of data segment"):
        decode_image(path, max_pixels=LIMIT, proxy_size=64)


def test_other_content_of_the_file_does_no_harm(path: Path) -> None:
    data = _jpeg("baseline")
    sound, _ = _decoded(path, data)
    comment = b"\xff\xfe" + (2002).to_bytes(2, "big") + bytes(2000)
    thumbnail = b"\xff\xe1" + (1002).to_bytes(2, "big") + _jpeg("baseline", 2)[:1000]
    version = data.replace(b"JFIF\0\1", b"JFIF\0\7", 1)
    scan = bytearray(data)
    scan[_start_of_pixels(data) - 2] = 0  # the last coefficient, as in photographs of Samsung's telephones
    for changed in (
        data + bytes(3000),
        data + _jpeg("grey", 2)[:3000],
        data[:2] + comment + data[2:],
        data[:2] + thumbnail + data[2:],
        version,
        bytes(scan),
    ):
        assert _decoded(path, changed) == (sound, "")


def test_flat_pictures_whose_data_are_zeros_are_sound(path: Path) -> None:
    flat = np.full((2000, 2000, 3), 128, np.uint8)
    for options in ({"optimize": True}, {"progressive": True}, {}):
        buffer = io.BytesIO()
        Image.fromarray(flat).save(buffer, "JPEG", **options)
        data = buffer.getvalue()
        assert options != {"optimize": True} or bytes(500) in data[_start_of_pixels(data) :]
        assert _decoded(path, data)[1] == ""


@pytest.mark.parametrize("kind", ["baseline", "grey", "inks", "restarts"])
def test_a_stretch_of_zeros_is_found_wherever_it_begins_without_a_warning(kind: str) -> None:
    data = _jpeg(kind)
    start = _start_of_pixels(data)
    for place in range(start + 100, start + 164):
        lost = data[:place] + bytes(128) + data[place + 128 :]
        found = findings_of(lost, (320, 240), is_strictly_sound=True)
        assert found.damage == "damaged JPEG file: a part of its data is zeros"
    assert findings_of(data + bytes(600), (320, 240), is_strictly_sound=True) == SOUND
    assert findings_of(data[:2] + b"\xff\xfe\2\0" + bytes(510) + data[2:], (320, 240), is_strictly_sound=True) == SOUND


def test_a_progressive_file_without_its_last_scans_is_refused(path: Path) -> None:
    data = _jpeg("progressive")
    last = data.rindex(b"\xff\xda")
    tables = data.rindex(b"\xff\xc4", 0, last)
    path.write_bytes(data[:tables])
    with pytest.raises(UndecodableImageError, match="truncated JPEG file: scans of it are missing"):
        decode_image(path, max_pixels=LIMIT, proxy_size=64)
    path.write_bytes(data[:tables] + bytes(900) + END)
    with pytest.raises(UndecodableImageError, match="damaged JPEG file: scans of it are missing"):
        decode_image(path, max_pixels=LIMIT, proxy_size=64)


def test_only_the_first_picture_of_several_counts(path: Path) -> None:
    first, second = (Image.fromarray(moving_picture(seed, 0, 160, 120)) for seed in (1, 2))
    first.save(path, "MPO", save_all=True, append_images=[second])
    data = path.read_bytes()
    sound, note = _decoded(path, data)
    assert note == ""
    assert _decoded(path, data[:-900]) == (sound, "")
    place = _start_of_pixels(data) + 1000
    path.write_bytes(data[:place] + bytes(1000) + data[place + 1000 :])
    with pytest.raises(UndecodableImageError, match="damaged JPEG file"):
        decode_image(path, max_pixels=LIMIT, proxy_size=64)


def test_a_very_large_file_is_judged_alike(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.image.reading._LARGEST_JPEG", 2**12)
    data = _jpeg("baseline")
    assert _decoded(path, data)[1] == ""
    for damage, changed in _damaged(data):
        path.write_bytes(changed)
        with pytest.raises(UndecodableImageError, match="JPEG file: "):
            pytest.fail(f"{damage} is kept: {decode_image(path, max_pixels=LIMIT, proxy_size=64)}")


def test_damaged_pictures_that_were_accepted_before_are_still_read(path: Path) -> None:
    data = _jpeg("baseline")
    path.write_bytes(data[: len(data) // 2] + END)
    with Image.open(path) as opened:
        before = opened.convert("RGB")
    before.save(path.with_suffix(".png"))
    known = decode_image(path.with_suffix(".png"), max_pixels=LIMIT, proxy_size=64).pixel_hash
    assert load_image(path, max_pixels=LIMIT, pixel_hash=known).tobytes() == before.tobytes()
