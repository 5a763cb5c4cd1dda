"""Images: decoded completely or corrupt with a reason; equal pixels have equal hashes."""

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageFile

from curation.core.errors import MissingLibraryError
from curation.image import reading as images
from curation.image import turbojpeg
from curation.image.decode import decode_image, load_image
from curation.image.decoded_sample import DecodedImage
from curation.image.jpeg_segments import without_metadata
from curation.image.turbojpeg import decode_planes
from curation.image.undecodable import UndecodableImageError
from curation.image.yuv import arrays_of, scaled
from tests.media_files import cut, picture, write_image

LIMIT = 100_000_000


def _hash(path: Path) -> str:
    return decode_image(path, max_pixels=LIMIT, proxy_size=256).pixel_hash


def _proxy(path: Path, proxy_size: int = 256) -> Image.Image:
    return Image.open(io.BytesIO(decode_image(path, max_pixels=LIMIT, proxy_size=proxy_size).proxy))


def _bomb(path: Path, width: int, height: int) -> Path:
    """Write a PNG that claims a size, with next to no data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 10)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def test_equal_pixels_in_other_containers_are_equal(tmp_path: Path) -> None:
    image = Image.fromarray(picture(1))
    for name in ("a.png", "a.bmp", "a.tif", "a.ppm", "a.webp"):
        image.save(tmp_path / name, lossless=True)
    image.quantize(16).save(tmp_path / "palette.png")
    assert len({_hash(path) for path in tmp_path.iterdir()}) == 1
    other = picture(1).copy()
    other[5, 5, 0] ^= 1
    Image.fromarray(other).save(tmp_path / "other.png")
    assert _hash(tmp_path / "other.png") != _hash(tmp_path / "a.png")


def test_shape_and_mode_count_too(tmp_path: Path) -> None:
    zeros = np.zeros((4, 6), np.uint8)
    Image.fromarray(zeros).save(tmp_path / "wide.png")
    Image.fromarray(zeros.T).save(tmp_path / "high.png")
    Image.fromarray(zeros.astype(np.uint16)).save(tmp_path / "deep.png")
    Image.fromarray(zeros).convert("RGBA").save(tmp_path / "alpha.png")
    assert len({_hash(path) for path in tmp_path.iterdir()}) == 4


def test_16_bit_grey_keeps_its_values(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    Image.fromarray(ramp).save(tmp_path / "a.tif")
    big_endian = Image.frombytes("I;16B", (64, 64), ramp.astype(">u2").tobytes())
    big_endian.save(tmp_path / "b.tif")
    Image.fromarray(ramp ^ 1).save(tmp_path / "other.png")
    hashes = {path.name: _hash(path) for path in tmp_path.iterdir()}
    assert hashes["a.png"] == hashes["a.tif"] == hashes["b.tif"] != hashes["other.png"]
    proxy = np.asarray(_proxy(tmp_path / "a.png"))
    np.testing.assert_allclose(proxy[..., 0], ramp / 257, atol=6)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.array([[0.0, 0.5], [1.0, np.nan]], np.float32), [0, 128, 255, 0]),
        (np.array([[0.0, 100.0], [200.0, 255.0]], np.float32), [0, 100, 200, 255]),
        (np.array([[-100.0, 0.0], [100.0, 300.0]], np.float32), [0, 64, 128, 255]),
        (np.array([[0, 65535], [32768, 257]], np.int32), [0, 255, 128, 1]),
        (np.array([[0, 2**20], [2**19, 0]], np.int32), [0, 255, 128, 0]),
    ],
)
def test_grey_of_32_bits_becomes_visible(tmp_path: Path, pixels: np.ndarray, expected: list[int]) -> None:
    Image.fromarray(np.kron(pixels, np.ones((32, 32), pixels.dtype))).save(tmp_path / "a.tif")
    proxy = np.asarray(_proxy(tmp_path / "a.tif"))[16::32, 16::32, 1]
    np.testing.assert_allclose(proxy.ravel(), expected, atol=3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    image = Image.fromarray(picture(3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "turned.png", exif=exif)
    decoded = decode_image(tmp_path / "turned.png", max_pixels=LIMIT, proxy_size=256)
    assert (decoded.width, decoded.height) == ((32, 24) if orientation < 5 else (24, 32))
    turned = np.asarray(load_image(tmp_path / "turned.png", max_pixels=LIMIT))
    upright = picture(3)
    expected = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, -1),
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(upright),
    }[orientation]
    np.testing.assert_array_equal(turned, expected)


def test_transparency_is_white_in_the_proxy(tmp_path: Path) -> None:
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[:20] = (255, 0, 0, 255)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    proxy = np.asarray(_proxy(tmp_path / "a.png"))
    assert proxy[35, 20].min() > 250
    assert proxy[5, 20, 0] > 240
    assert proxy[5, 20, 1] < 20


def test_the_first_picture_of_an_animation_counts(tmp_path: Path) -> None:
    first, second = Image.fromarray(picture(1)).quantize(16), Image.fromarray(picture(2)).quantize(16)
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    first.save(tmp_path / "b.gif")
    assert _hash(tmp_path / "a.gif") == _hash(tmp_path / "b.gif")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1000, 500), (128, 64)),
        ((500, 1000), (64, 128)),
        ((40, 30), (40, 30)),
        ((1, 30000), (1, 512)),
        ((1, 1), (1, 1)),
    ],
)
def test_proxy_size(tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]) -> None:
    Image.new("RGB", size).save(tmp_path / "a.png")
    assert _proxy(tmp_path / "a.png", 64).size == expected


def test_damage_of_every_kind_has_a_reason(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "sound.png")
    Image.fromarray(noise).save(tmp_path / "sound.jpg")
    flipped = bytearray((tmp_path / "sound.png").read_bytes())
    flipped[len(flipped) // 2] ^= 4
    (tmp_path / "flipped.png").write_bytes(flipped)
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("<html>")
    cut(tmp_path / "sound.png", tmp_path / "cut.png", 0.6)
    cut(tmp_path / "sound.jpg", tmp_path / "cut.jpg", 0.95)
    (tmp_path / "script.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n")
    _bomb(tmp_path / "bomb.png", 30_000, 30_000)
    _bomb(tmp_path / "none.png", 0, 5)
    content = (tmp_path / "sound.png").read_bytes()
    header = content[12:25] + b"\x05" + content[26:29]  # there is no kind 5 of colours
    kind = content[:12] + header + zlib.crc32(header).to_bytes(4, "big") + content[33:]
    (tmp_path / "kind.png").write_bytes(kind)
    reasons = {}
    for path in tmp_path.iterdir():
        if not path.name.startswith("sound"):
            with pytest.raises(UndecodableImageError) as caught:
                decode_image(path, max_pixels=LIMIT, proxy_size=64)
            reasons[path.name] = str(caught.value)
            assert "\n" not in reasons[path.name]
    assert reasons["empty.png"] == "the file is empty"
    assert reasons["text.jpg"] == reasons["script.png"] == "not recognised as an image"
    assert reasons["kind.png"] == "not recognised as an image (PNG: its header is not understood)"
    assert reasons["bomb.png"] == "30000 x 30000 = 900000000 pixels, more than clean.max_pixels (100000000)"
    assert "truncated" in reasons["cut.jpg"].lower()


def test_an_image_over_pillows_own_limit_is_decoded_if_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert decode_image(tmp_path / "a.png", max_pixels=5000, proxy_size=64).width == 64
    assert Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.parametrize("place", ["curation.image.reading.normalised", "PIL.Image.Image.getexif"])
def test_running_out_of_memory_is_no_fault_of_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(place, fail)
    with pytest.raises(MemoryError):
        decode_image(tmp_path / "a.png", max_pixels=LIMIT, proxy_size=64)


def test_mutated_images_are_decoded_or_refused_but_nothing_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    noise = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
    for suffix in ("png", "jpg", "gif", "webp", "tif", "bmp", "avif"):
        sound = io.BytesIO()
        Image.fromarray(noise).save(sound, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()))
        for number in range(40):
            content = bytearray(sound.getvalue())
            for _ in range(rng.integers(1, 8)):
                content[rng.integers(len(content))] = rng.integers(256)
            path = tmp_path / f"{number}.{suffix}"
            path.write_bytes(content[: rng.integers(len(content) // 2, len(content) + 1)])
            with suppress(UndecodableImageError):
                assert len(_hash(path)) == 32


def _scene(seed: int, width: int = 97, height: int = 66) -> Image.Image:
    return Image.fromarray(picture(seed, 8, 6)).resize((width, height), Image.Resampling.BICUBIC)


def _with_orientation(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 50},
        {"quality": 100, "subsampling": 0},
        {"subsampling": 1},
        {"progressive": True},
        {"restart_marker_blocks": 3},
        {"keep_rgb": True},
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpeg_files_of_the_usual_kind_have_pillows_pixels(tmp_path: Path, options: dict[str, Any], mode: str) -> None:
    _scene(1).convert(mode).save(tmp_path / "a.jpg", **options)
    with Image.open(tmp_path / "a.jpg") as pillow:
        stored = images._jpeg_planes(pillow, (tmp_path / "a.jpg").read_bytes())
        if options.get("keep_rgb") and mode == "RGB":
            assert stored is None  # it has no luma
            return
        assert stored is not None
        assert isinstance(stored.picture, av.VideoFrame)
        pillow.draft("YCbCr" if mode == "RGB" else "L", pillow.size)
        expected = np.asarray(pillow).reshape(pillow.height, pillow.width, -1)
    planes = arrays_of(stored.picture)
    assert len(planes) == expected.shape[2]
    for plane, full in zip(planes, np.moveaxis(expected, 2, 0), strict=True):
        across, down = (round(a / b) for a, b in zip(full.shape[::-1], plane.shape[::-1], strict=True))
        wide = plane.repeat(down, axis=0).repeat(across, axis=1)[: full.shape[0], : full.shape[1]]
        # Pillow smooths colour differences as it enlarges them.
        assert np.abs(wide.astype(int) - full).mean() <= (0 if across == down == 1 else 6)
    image = load_image(tmp_path / "a.jpg", max_pixels=LIMIT, pixel_hash=_hash(tmp_path / "a.jpg"))
    assert image.mode == "RGB"


@pytest.mark.parametrize("sampling", [("444", 1, 1), ("422", 2, 1), ("420", 2, 2), ("440", 1, 2), ("411", 4, 1)])
@pytest.mark.parametrize("size", [(64, 48), (61, 47), (1, 1), (16, 3)])
def test_planes_of_every_sampling_and_size(sampling: tuple[str, int, int], size: tuple[int, int]) -> None:
    name, across, down = sampling
    frame = decode_planes(simplejpeg.encode_jpeg(np.asarray(_scene(1, *size)), colorsubsampling=name), size)
    assert frame is not None
    luma, *differences = arrays_of(frame)
    assert luma.shape == size[::-1]
    assert {plane.shape for plane in differences} == {(-(-size[1] // down), -(-size[0] // across))}
    wanted = np.asarray(_scene(1, *size).convert("L"), np.int16)
    assert np.abs(luma - wanted).mean() < 12
    small = scaled(frame, (8, 8))
    assert abs(small.y.mean() - wanted.mean()) < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_file_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    _scene(2).save(tmp_path / "a.jpg", exif=_with_orientation(orientation))
    upright = load_image(tmp_path / "a.jpg", max_pixels=LIMIT)
    upright.save(tmp_path / "a.png")
    turned, plain = (decode_image(tmp_path / name, max_pixels=LIMIT, proxy_size=32) for name in ("a.jpg", "a.png"))
    assert (turned.width, turned.height) == (plain.width, plain.height) == upright.size
    assert turned.quality.luma_mean == pytest.approx(plain.quality.luma_mean, abs=0.5)
    first, second = (np.asarray(_proxy(tmp_path / name, 32), np.int16) for name in ("a.jpg", "a.png"))
    assert np.abs(first - second).mean() < 6
    assert (int(turned.quality.perceptual_hash, 16) ^ int(plain.quality.perceptual_hash, 16)).bit_count() <= 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_files_that_look_alike_upright_are_equal(tmp_path: Path, orientation: int) -> None:
    blocks = np.random.default_rng(3).integers(30, 220, (3, 4), dtype=np.uint8)  # of one value each: nothing is lost
    stored = Image.fromarray(blocks.repeat(16, axis=0).repeat(16, axis=1)).convert("RGB")
    stored.save(tmp_path / "turned.jpg", exif=_with_orientation(orientation), quality=100)
    load_image(tmp_path / "turned.jpg", max_pixels=LIMIT).save(tmp_path / "upright.jpg", quality=100)
    assert _hash(tmp_path / "turned.jpg") == _hash(tmp_path / "upright.jpg")
    stored.save(tmp_path / "other.jpg", exif=_with_orientation(orientation % 8 + 1), quality=100)
    assert _hash(tmp_path / "turned.jpg") != _hash(tmp_path / "other.jpg")


def test_other_jpeg_files_are_left_to_pillow(tmp_path: Path) -> None:
    _scene(1).convert("CMYK").save(tmp_path / "inks.jpg")
    _scene(1).save(tmp_path / "cut.jpg")
    cut(tmp_path / "cut.jpg", tmp_path / "cut.jpg", 0.9)
    _scene(1).save(tmp_path / "a.png")
    for name in ("inks.jpg", "cut.jpg", "a.png"):
        with Image.open(tmp_path / name) as pillow:
            data = (tmp_path / name).read_bytes()
            assert images._jpeg_planes(pillow, data if name.endswith("jpg") else b"") is None
            assert decode_planes(data, pillow.size) is None
    assert _hash(tmp_path / "inks.jpg") != _hash(tmp_path / "a.png")


def test_a_jpeg_file_whose_header_changed_since_is_damaged(tmp_path: Path) -> None:
    _scene(1).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    with Image.open(tmp_path / "a.jpg") as image:
        size = image.size
    assert decode_planes(data, size) is not None
    assert decode_planes(data, (size[0] + 1, size[1])) is None


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turbojpeg, "LIBRARY_NAMES", ("libnone.so.0",))
    turbojpeg.library.cache_clear()
    try:
        with pytest.raises(MissingLibraryError, match="libturbojpeg0"):
            decode_planes(b"", (1, 1))
    finally:
        turbojpeg.library.cache_clear()


def test_a_very_large_jpeg_file_is_not_read_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.jpg"
    _scene(1).save(path)
    path.write_bytes(path.read_bytes() + bytes(2**16))
    assert images.jpeg_data(path) == path.read_bytes()
    read_as_a_whole = _hash(path)
    monkeypatch.setattr(images, "_LARGEST_JPEG", 2**16)
    assert images.jpeg_data(path) == b""
    pixels = load_image(path, max_pixels=LIMIT)
    pixels.save(tmp_path / "same.png")
    assert _hash(path) == _hash(tmp_path / "same.png") != read_as_a_whole


def test_mutated_jpeg_files_end_as_with_pillow_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome(path: Path) -> str:
        try:
            return _hash(path)
        except UndecodableImageError as error:
            return f"refused: {error}"

    rng = np.random.default_rng(5)
    for number in range(150):
        buffer = io.BytesIO()
        _scene(number, 40, 30).save(buffer, "JPEG", quality=70, progressive=bool(number % 2))
        content = bytearray(buffer.getvalue())
        for _ in range(rng.integers(1, 4)):
            content[rng.integers(len(content))] = rng.integers(256)
        (tmp_path / f"{number}.jpg").write_bytes(content[: rng.integers(len(content) // 2, 2 * len(content))])
    paths = sorted(tmp_path.iterdir())
    found = [outcome(path) for path in paths]
    monkeypatch.setattr(images, "_jpeg_planes", lambda *_: None)
    alone = [outcome(path) for path in paths]
    # What the strict decoder finds fault with has the hash of Pillow's pixels; what it decodes, of its own.
    assert [text for text in found if text.startswith("refused")] == [x for x in alone if x.startswith("refused")]
    assert [text.startswith("refused") for text in found] == [text.startswith("refused") for text in alone]
    assert 10 < sum(text.startswith("refused") for text in found) < 140


def _draft(path: Path) -> DecodedImage:
    return decode_image(path, max_pixels=LIMIT, proxy_size=32, jpeg_draft=True)


def test_a_draft_has_the_proxy_of_the_full_picture(tmp_path: Path) -> None:
    for number, orientation in enumerate((1, 6)):
        path = tmp_path / f"{number}.jpg"
        _scene(3, 300, 200).save(path, exif=_with_orientation(orientation), progressive=bool(number))
        draft, full = _draft(path), decode_image(path, max_pixels=LIMIT, proxy_size=32)
        assert (draft.width, draft.height) == (full.width, full.height) == ((200, 300) if number else (300, 200))
        first, second = (np.asarray(Image.open(io.BytesIO(each.proxy)), np.int16) for each in (draft, full))
        assert first.shape == second.shape
        assert np.abs(first - second).mean() < 4
        assert draft.quality.luma_mean == pytest.approx(full.quality.luma_mean, abs=1)
        assert draft.pixel_hash != full.pixel_hash


def test_drafts_are_equal_where_the_compressed_pictures_are(tmp_path: Path) -> None:
    scene = _scene(3, 300, 200)
    scene.save(tmp_path / "a.jpg")
    same = _draft(tmp_path / "a.jpg").pixel_hash
    scene.save(tmp_path / "same.jpg", comment="described", icc_profile=b"no profile", exif=_with_orientation(1))
    assert _draft(tmp_path / "same.jpg").pixel_hash == same
    flipped = scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    flipped.save(tmp_path / "flipped.jpg", exif=_with_orientation(2))
    scene.save(tmp_path / "turned.jpg", exif=_with_orientation(3))
    scene.save(tmp_path / "finer.jpg", quality=76)
    finest = np.asarray(scene).copy()
    finest[100:102, 100:102] += 9  # too little to be seen in the draft alone
    Image.fromarray(finest).save(tmp_path / "other.jpg")
    frames = [decode_planes((tmp_path / f"{name}.jpg").read_bytes(), scene.size, (38, 25)) for name in ("a", "other")]
    luma = [arrays_of(frame)[0] for frame in frames if frame is not None]
    assert luma[0].shape == (25, 38)
    assert (luma[0] == luma[1]).mean() > 0.99
    hashes = [_draft(tmp_path / f"{name}.jpg").pixel_hash for name in ("flipped", "turned", "finer", "other")]
    assert len({same, *hashes}) == 5


def test_drafts_are_for_large_sound_jpeg_files_only(tmp_path: Path) -> None:
    _scene(4, 300, 200).save(tmp_path / "a.png")
    _scene(4, 90, 60).save(tmp_path / "small.jpg")
    _scene(4, 300, 200).convert("CMYK").save(tmp_path / "inks.jpg")
    for path in sorted(tmp_path.iterdir()):
        assert _draft(path) == decode_image(path, max_pixels=LIMIT, proxy_size=32)
    _scene(4, 300, 200).save(tmp_path / "cut.jpg")
    cut(tmp_path / "cut.jpg", tmp_path / "cut.jpg", 0.9)
    with pytest.raises(UndecodableImageError, match="truncated"):
        _draft(tmp_path / "cut.jpg")


def test_segments_that_describe_the_picture_are_left_out() -> None:
    def segment(marker: int, content: bytes) -> bytes:
        return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content

    tables, adobe, scan = segment(0xDB, b"tables"), segment(0xEE, b"Adobe"), segment(0xDA, b"scan") + b"data\xff\xe1"
    describing = (
        segment(0xE0, b"JFIF") + segment(0xE1, b"Exif") + segment(0xFE, b"words") + b"\xff" + segment(0xED, b"")
    )
    content = b"\xff\xd8" + describing + tables + adobe + describing + scan
    assert b"".join(without_metadata(content)) == b"JFIF" + tables + adobe + b"JFIF" + scan
    for end in range(2, len(content)):
        assert len(b"".join(without_metadata(content[:end]))) <= end - 2


def test_the_png_suite(shared_data: Path) -> None:
    for path in sorted((shared_data / "images_pngsuite").glob("*.png")):
        if path.name.startswith("x"):
            with pytest.raises(UndecodableImageError):
                _hash(path)
        else:
            assert len(_hash(path)) == 32


def test_a_cut_file_is_corrupt_whatever_other_libraries_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as WeasyPrint does
    path = cut(write_image(tmp_path / "a.jpg", 1, 400, 300), tmp_path / "cut.jpg", 0.5)
    with pytest.raises(UndecodableImageError):
        decode_image(path, max_pixels=LIMIT, proxy_size=64)
    assert ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize("suffix", ["tga", "bmp"])
def test_alpha_that_nobody_has_written_hides_nothing(tmp_path: Path, suffix: str) -> None:
    """Many programs write pixels of 32 bits, and leave the last byte empty."""
    pixels = np.dstack([picture(1, 64, 48)[..., ::-1], np.zeros((48, 64), np.uint8)])
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<2sIIIIiiHHIIIIII", b"BM", 0, 0, 138, 124, 64, -48, 1, 32, 3, pixels.nbytes, 0, 0, 0, 0)
    headers = {"tga": struct.pack("<3B9xHHBB", 0, 0, 2, 64, 48, 32, 0x28), "bmp": (head + masks).ljust(138, b"\0")}
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(headers[suffix] + pixels.tobytes())
    proxy = np.asarray(Image.open(io.BytesIO(decode_image(path, max_pixels=10_000, proxy_size=64).proxy)))
    assert np.abs(proxy.astype(int) - picture(1, 64, 48)).mean() < 12


def test_pixels_of_16_bits_are_colours_of_5_and_6_bits(tmp_path: Path) -> None:
    red, green, blue = np.moveaxis(picture(1, 64, 48), 2, 0).astype(np.uint16)
    pixels = (red >> 3 << 11 | green >> 2 << 5 | blue >> 3).astype("<u2")
    head = struct.pack("<2sIIIIiiHHIIIIII", b"BM", 0, 0, 66, 40, 64, -48, 1, 16, 3, pixels.nbytes, 0, 0, 0, 0)
    path = tmp_path / "a.bmp"
    path.write_bytes(head + struct.pack("<III", 0xF800, 0x7E0, 0x1F) + pixels.tobytes())
    shown = np.asarray(load_image(path, max_pixels=10_000)).astype(int)
    assert np.abs(shown - picture(1, 64, 48)).max() <= 8
