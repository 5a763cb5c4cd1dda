"""Packs: what went in comes out, to the bit, or not at all."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.cleaning.crop_shards import KeptCrop, crop_shard
from curation.cleaning.decode_file import DecodedFile
from curation.cleaning.packs import Outcome, chunks_of, outcome_of, packed, places_in, read_outcome, restored, unpacked
from curation.cleaning.tasks import RawFile
from curation.core.kinds import IMAGE, VIDEO
from curation.core.records import Records
from curation.image.decoded_sample import DecodedSample
from curation.image.quality import Quality
from curation.image.window import ValueRange, Window

KEY = "5e" * 32
NUMBERS = st.floats()
WHOLE = st.integers(0, 2**40)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
QUALITIES = st.builds(Quality, *[NUMBERS] * 7, NAMES)
SAMPLES = st.builds(DecodedSample, WHOLE, NUMBERS, WHOLE, WHOLE, NAMES, NAMES, NAMES, st.none() | QUALITIES)
CROPS = st.builds(KeptCrop, WHOLE, WHOLE, WHOLE, WHOLE, WHOLE, WHOLE, NAMES)
FILES = st.builds(
    DecodedFile,
    path=st.text(max_size=6),  # names that are no UTF-8 among them
    media=st.just(VIDEO),
    samples=st.lists(SAMPLES, max_size=3),
    missing=WHOLE,
    is_corrupt=st.booleans(),
    reason=st.text(max_size=6),
    shard=NAMES,
    limit=NAMES,
    skipped=WHOLE,
    decoded=WHOLE,
    crops=st.lists(CROPS, max_size=2),
    is_unsupported=st.booleans(),
    values=st.none() | st.builds(ValueRange, NAMES, NUMBERS, NUMBERS),
    window=st.none() | st.builds(Window, NUMBERS, NUMBERS),
)
OUTCOMES = st.builds(
    Outcome,
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    FILES,
    st.dictionaries(NAMES, st.binary(max_size=50), max_size=3),
)


def _as_text(outcome: Outcome) -> str:
    """Return an outcome in a form in which NaN equals NaN, and 0.0 not -0.0."""
    decoded = replace(outcome.decoded, samples=list(outcome.decoded.samples), crops=list(outcome.decoded.crops))
    contents = {name: b"".join(chunks_of(content)) for name, content in outcome.contents.items()}
    return repr(replace(outcome, decoded=decoded, contents=contents))


@pytest.mark.thorough
@settings(max_examples=40)
@given(st.lists(OUTCOMES, max_size=3))
def test_what_was_packed_comes_out_to_the_bit(outcomes: list[Outcome]) -> None:
    pack = packed(outcomes)
    assert list(map(_as_text, unpacked(pack))) == list(map(_as_text, outcomes))
    assert packed(unpacked(pack)) == pack


@settings(max_examples=40)
@given(st.lists(OUTCOMES, min_size=2, max_size=2), st.data())
def test_a_damaged_record_is_absent_and_those_before_it_are_there(outcomes: list[Outcome], data: st.DataObject) -> None:
    first, pack = packed(outcomes[:1]), packed(outcomes)
    position = data.draw(st.integers(len(first), len(pack) - 1))
    changed = bytearray(pack)
    changed[position] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(changed), pack[:position]):
        assert list(map(_as_text, unpacked(damaged))) == [_as_text(outcomes[0])]
    changed[data.draw(st.integers(0, len(first) - 1))] ^= 1
    assert unpacked(bytes(changed)) == []


def _sample(frame: int, member: str) -> DecodedSample:
    return DecodedSample(frame, 0.1, 4, 3, "ab", "", member, Quality(0.1, 1.1, 2.1, 3.1, 4.1, 5.1, 6.1, "cd"))


def _image(file: RawFile, folder: Path) -> DecodedFile:
    """Write what decoding an image writes."""
    proxies = folder / f"{file.shard}.proxies"
    proxies.mkdir(exist_ok=True)
    crop = KeptCrop(0, 7, 1, 2, 3, 4, f"{file.member.removesuffix('.jpg')}-0000.jpg")
    (proxies / file.member).write_bytes(b"proxy")
    (proxies / crop.member).write_bytes(b"crop")
    sample = _sample(0, file.member)
    return DecodedFile(file.path, IMAGE, [sample], 0, is_corrupt=False, reason="", shard=file.shard, crops=[crop])


def test_an_image_comes_back_under_the_names_of_this_run(tmp_path: Path) -> None:
    then, now, anew = (tmp_path / name for name in ("then", "now", "anew"))
    for folder in (then, now, anew):
        folder.mkdir()
    decoded = _image(RawFile("a.png", IMAGE, 1, "task-1", "00000017.jpg"), then)
    (outcome,) = unpacked(packed([outcome_of(KEY, decoded, then)]))
    file = RawFile("b/c.png", IMAGE, 1, "task-0", "00000003.jpg")
    found = restored(outcome, file, now)
    assert replace(found, samples=list(found.samples), crops=list(found.crops)) == _image(file, anew)
    written = [path.relative_to(anew) for path in anew.rglob("*.jpg")]
    assert {name: (now / name).read_bytes() for name in written} == {
        name: (anew / name).read_bytes() for name in written
    }
    assert len(written) == 2


def test_a_video_comes_back_with_its_shards(tmp_path: Path) -> None:
    then, now = tmp_path / "then", tmp_path / "now"
    for folder in (then, now):
        folder.mkdir()
    (then / "task-1").write_bytes(b"proxies" * 10**6)
    (then / crop_shard("task-1")).write_bytes(b"crops")
    samples = Records.of(DecodedSample, [_sample(frame, f"{frame}.jpg") for frame in range(3)])
    decoded = DecodedFile("a.mp4", VIDEO, samples, 1, is_corrupt=False, reason="r", shard="task-1")
    pack = io.BytesIO(packed([outcome_of(KEY, decoded, then)] * 2))
    for key, place in places_in(pack):
        assert key == KEY
        file = RawFile("b.mp4", VIDEO, 3, "task-0", "")
        assert restored(read_outcome(pack, place), file, now) == replace(
            decoded, path="b.mp4", shard="task-0", crops=()
        )
        assert (now / "task-0").read_bytes() == (then / "task-1").read_bytes()
        assert (now / crop_shard("task-0")).read_bytes() == b"crops"


def test_a_corrupt_file_comes_back_without_a_shard(tmp_path: Path) -> None:
    decoded = DecodedFile("a.png", IMAGE, [], 1, is_corrupt=True, reason="cut off", shard="", limit="x")
    (outcome,) = unpacked(packed([outcome_of(KEY, decoded, tmp_path)]))
    file = RawFile("b.png", IMAGE, 1, "task-0", "00000003.jpg")
    assert restored(outcome, file, tmp_path) == replace(decoded, path="b.png", samples=(), crops=())
    assert list(tmp_path.iterdir()) == []
