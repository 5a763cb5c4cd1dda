"""Count what becomes of damaged images and videos: crashes, hangs, files without an outcome, frames lost silently.

`python -m benchmarks.mutated_media --images 2000 --videos 500 --seed 1 --photographs FOLDER`

Small sound files are made from the seed, in every format that Pillow writes and in many pairs of container and codec.
Each is damaged in one of ten ways, images in one of six more, and then decoded as `clean` does it. The sound files are
decoded too: what they give is the truth, and none of them may be called damaged. A JPEG file that is kept although
libjpeg-turbo warns of it, as the package simplejpeg brings it along, counts as lost silently. The JPEG files of a given
folder are damaged likewise, and how many are refused is told by format and damage. The exit status is 0 only if every
count is.

A frame of a sound video is *lost* if nothing came out in its place: what came out is aligned with the sound file by the
hashes of the pixels, and between two equal frames any other one stands for one of the sound file; or it is aligned by
time. A video loses frames *silently* if more are lost than are counted as missing, while it is not refused as a whole.

Lost frames are *unknowable* if nothing in the damaged file tells of them: frames at the end of a stream that states
neither its length nor an index (MPEG transport and program streams, Ogg, fragmented MP4), of whose headers nothing is
left. That the stream is damaged must still be told, unless it was cut: between two packets, it is a sound, shorter one.

`benchmarks.mutated_fields` changes numbers in containers; `benchmarks.smeared_frames` looks at pixels that are kept.
"""

import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from types import FrameType

import av
import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.picture_damage import (
    PICTURE_DAMAGE,
    damaged,
    refusals,
    warning_of,
    write_photographs,
    wrongly_judged,
)
from curation.cleaning.decode_file import DecodedFile, Settings
from curation.cleaning.decode_files import decode_all
from curation.cleaning.tasks import tasks_of
from curation.core.errors import CurationError
from curation.core.kinds import IMAGE, VIDEO
from curation.image.decoded_sample import DecodedSample
from tests.media_files import RATE, VIDEO_FORMATS, moving_picture, write_video_as

SOUND, DAMAGED = "sound", "damaged"
"""Folders of the files."""

_FRAMES = 40
_LARGE_FRAMES = 8
_VARIANTS = 4
"""Sound images of each format."""

_BATCH = 250
_BATCH_LIMIT_S = 600
"""Files decoded in one go, and how long that may take."""

_FILE_LIMIT_S = 20
_MEMORY_MB = 1024
"""The limits of one file; beyond them its decoder is given up, which costs that file."""

_HEADER_BYTES = 48
"""First bytes of a frame and of the headers before it; where they are gone, nothing tells of the frame."""

_WITHOUT_LENGTH = (".ts", ".m2ts", ".mpg", ".vob", ".ogv", "-fragmented.mp4")
"""Containers that state neither their length nor their number of frames, so that their end is unknowable."""

_PROGRAM_STREAMS, _TRANSPORT_STREAMS = (".mpg", ".vob"), (".ts", ".m2ts")

IMAGE_FORMATS: dict[str, tuple[str, dict[str, object]]] = {
    "baseline.jpg": ("RGB", {"quality": 85}),
    "progressive.jpg": ("RGB", {"quality": 85, "progressive": True}),
    "cmyk.jpg": ("CMYK", {"quality": 85}),
    "grey.jpg": ("L", {"quality": 85}),
    "colour.png": ("RGB", {}),
    "transparent.png": ("RGBA", {}),
    "palette.png": ("P", {}),
    "grey16.png": ("I;16", {}),
    "still.gif": ("P", {}),
    "animated.gif": ("P", {"save_all": True}),
    "colour.bmp": ("RGB", {}),
    "colour.ppm": ("RGB", {}),
    "grey.pgm": ("L", {}),
    "raw.tif": ("RGB", {}),
    "lzw.tif": ("RGB", {"compression": "tiff_lzw"}),
    "deflate.tif": ("RGB", {"compression": "tiff_adobe_deflate"}),
    "jpeg.tif": ("RGB", {"compression": "jpeg"}),
    "lossy.webp": ("RGB", {"quality": 80}),
    "lossless.webp": ("RGBA", {"lossless": True}),
    "colour.avif": ("RGB", {"quality": 70, "speed": 10}),
    "colour.jp2": ("RGB", {}),
    "rle.tga": ("RGB", {"compression": "tga_rle"}),
}
"""Mode and options of Pillow's writers, by the end of the file's name."""


def truncated(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut the end off."""
    return content[: _position(content, rng)]


def few_flips(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip one to eight bits anywhere."""
    return _flipped(content, rng.integers(0, 8 * len(content), rng.integers(1, 9)))


def many_flips(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip one bit of 100 to 10,000."""
    number = max(1, int(8 * len(content) * 10 ** rng.uniform(-4, -2)))
    return _flipped(content, rng.integers(0, 8 * len(content), number))


def header_damage(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip one to ten bits of the first 512 bytes."""
    return _flipped(content, rng.integers(0, 8 * min(512, len(content)), rng.integers(1, 11)))


def zeroed_block(content: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite a block with zeros, as a lost sector does."""
    start, end = _span(content, rng)
    return content[:start] + bytes(end - start) + content[end:]


def removed_block(content: bytes, rng: np.random.Generator) -> bytes:
    """Take a block out."""
    start, end = _span(content, rng)
    return content[:start] + content[end:]


def inserted_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """Put random bytes in."""
    start, end = _span(content, rng)
    return content[:start] + rng.bytes(end - start) + content[start:]


def swapped_blocks(content: bytes, rng: np.random.Generator) -> bytes:
    """Exchange two blocks of equal length."""
    length = min(_length(content, rng), len(content) // 3)
    first, second = sorted(rng.integers(0, len(content) - 2 * length, 2).tolist())
    second += length
    blocks = content[first : first + length], content[second : second + length]
    middle = content[first + length : second]
    return content[:first] + blocks[1] + middle + blocks[0] + content[second + length :]


def repeated_block(content: bytes, rng: np.random.Generator) -> bytes:
    """Write a block twice."""
    start, end = _span(content, rng)
    return content[:end] + content[start:]


def garbage_tail(content: bytes, rng: np.random.Generator) -> bytes:
    """Append random bytes."""
    return content + rng.bytes(_length(content, rng))


MUTATIONS: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "truncated": truncated,
    "few flips": few_flips,
    "many flips": many_flips,
    "header damage": header_damage,
    "zeroed block": zeroed_block,
    "removed block": removed_block,
    "inserted bytes": inserted_bytes,
    "swapped blocks": swapped_blocks,
    "repeated block": repeated_block,
    "garbage tail": garbage_tail,
}


def _position(content: bytes, rng: np.random.Generator) -> int:
    return int(rng.integers(0, len(content)))


def _length(content: bytes, rng: np.random.Generator) -> int:
    """Return a length, one byte to a fifth of the content, small ones as likely as large ones."""
    return int(max(1, len(content) / 5) ** rng.uniform(0, 1))


def _span(content: bytes, rng: np.random.Generator) -> tuple[int, int]:
    start = _position(content, rng)
    return start, min(len(content), start + _length(content, rng))


def _flipped(content: bytes, bits: NDArray[np.int64]) -> bytes:
    changed = np.frombuffer(content, np.uint8).copy()
    np.bitwise_xor.at(changed, bits // 8, (1 << (bits % 8)).astype(np.uint8))
    return changed.tobytes()


@dataclass(frozen=True)
class Case:
    """A damaged file.

    Attributes:
        path: relative to the folder of raw data.
        source: name of the sound file.
        mutation: name in `MUTATIONS` or `PICTURE_DAMAGE`.
    """

    path: str
    source: str
    mutation: str


@dataclass(frozen=True)
class Verdict:
    """The outcome of a damaged file.

    Attributes:
        case: the file.
        outcome: `kept`, `corrupt`, `given up` (its decoder crashed, hung or took too much memory, in a process of its
            own, and the file is told as corrupt), `crash`, `hang` or `unaccounted`.
        lost: frames of the sound file in whose place nothing came out.
        unknowable: those of them of which the damaged file has no trace.
        silent: those of them that are neither unknowable nor counted as missing; 1 for a picture that is kept although
            libjpeg-turbo warns of it.
        details: for people.
    """

    case: Case
    outcome: str
    lost: int = 0
    unknowable: int = 0
    silent: int = 0
    details: str = ""


def write_sound_images(folder: Path, seed: int) -> list[str]:
    """Write the sound images; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number in range(_VARIANTS):
        for end, (mode, options) in IMAGE_FORMATS.items():
            size = (64 + 37 * number, 48 + 29 * number)
            pictures = [Image.fromarray(moving_picture(seed + number, index, *size)) for index in range(3)]
            if mode == "I;16":
                converted = [
                    Image.fromarray(np.asarray(each.convert("L")).astype(np.uint16) * 257) for each in pictures
                ]
            else:
                converted = [each.convert(mode) for each in pictures]
            more = {"append_images": converted[1:]} if "save_all" in options else {}
            name = f"{number}-{end}"
            converted[0].save(folder / name, **options, **more)  # type: ignore[arg-type]
            names.append(name)
    return names


def write_sound_videos(folder: Path, seed: int) -> list[str]:
    """Write the sound videos; returns their names."""
    for number, (name, form) in enumerate(VIDEO_FORMATS.items()):
        frames = _FRAMES if form.size[0] < 500 else _LARGE_FRAMES
        write_video_as(folder / name, form, frames=frames, seed=seed + number)
    return list(VIDEO_FORMATS)


def write_cases(
    sound: Path, folder: Path, sources: Sequence[str], number: int, seed: int, more: Sequence[str] = ()
) -> list[Case]:
    """Write damaged files: pairs of sound file and mutation, in an order that soon meets every one of both.

    Args:
        sound: folder of the sound files.
        folder: for the damaged ones.
        sources: names of the sound files.
        number: of damaged files.
        seed: of the damage.
        more: names in `PICTURE_DAMAGE`, besides all in `MUTATIONS`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [*MUTATIONS, *more]
    cases = []
    for index in range(number):
        round_, place = divmod(index, len(sources))
        source, mutation = sources[place], names[(place + round_) % len(names)]
        rng = np.random.default_rng((seed, index))
        content = (sound / source).read_bytes()
        changed = (
            damaged(mutation, content, source, rng) if mutation in PICTURE_DAMAGE else MUTATIONS[mutation](content, rng)
        )
        name = f"{index:05d}-{mutation.replace(' ', '_')}-{source}"
        (folder / name).write_bytes(changed)
        cases.append(Case(f"{folder.name}/{name}", source, mutation))
    return cases


def lost_frames(sound: Sequence[DecodedSample], found: Sequence[DecodedSample]) -> list[int]:
    """Find the frames of a sound file in whose place nothing came out of the damaged one.

    Returns:
        Their indices: those by order or those by time, whichever are fewer, since damage can upset either.
    """
    return min(_lost_by_order(sound, found), _lost_by_time(sound, found), key=len)


def _lost_by_order(sound: Sequence[DecodedSample], found: Sequence[DecodedSample]) -> list[int]:
    """Align by equal pixels; between two equal frames, any other one stands for one of the sound file."""
    hashes, hashes_found = ([sample.pixel_hash for sample in samples] for samples in (sound, found))
    matches = SequenceMatcher(None, hashes, hashes_found, autojunk=False).get_matching_blocks()
    in_order = {match.b + offset for match in matches for offset in range(match.size)}
    elsewhere = {hashes_found[index] for index in range(len(found)) if index not in in_order}
    lost: list[int] = []
    at_sound = at_found = 0
    for match in matches:
        between = [index for index in range(at_sound, match.a) if hashes[index] not in elsewhere]
        stand_ins = sum(hashes_found[index] not in hashes for index in range(at_found, match.b))
        lost += between[stand_ins:]
        at_sound, at_found = match.a + match.size, match.b + match.size
    return lost


def _lost_by_time(sound: Sequence[DecodedSample], found: Sequence[DecodedSample]) -> list[int]:
    """Look for a frame of equal time, or of equal pixels anywhere."""
    time_of = {sample.pixel_hash: sample.time_s for sample in sound}
    shifts = [time_of[sample.pixel_hash] - sample.time_s for sample in found if sample.pixel_hash in time_of]
    shift = float(np.median(shifts)) if shifts else 0.0
    hashes = {sample.pixel_hash for sample in found}
    times = np.sort([sample.time_s + shift for sample in found])
    half = 0.5 / RATE
    return [
        sample.frame
        for sample in sound
        if sample.pixel_hash not in hashes and not np.any(np.abs(times - sample.time_s) < half)
    ]


def positions_of_frames(path: Path) -> list[tuple[int, int | None]]:
    """Return where in a file the frames begin, in the order of the file.

    Returns:
        For each frame, where its data begins, and where the container's packet does that states its time. In program
        streams, several frames share a packet, and only the first has a time; elsewhere both places are the same.
    """
    content = path.read_bytes()
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(container.streams.video[0]) if packet.size]
    latest = 0
    found: list[tuple[int, int | None]] = []
    for packet in packets:
        latest = max(packet.pos if packet.pos is not None else 0, latest)
        if path.suffix in _PROGRAM_STREAMS:
            begin = content.find(bytes(packet)[:_HEADER_BYTES], latest)
            latest = begin if begin >= 0 else latest
        elif path.suffix in _TRANSPORT_STREAMS:  # stuffing that is the same in many packets may come first
            latest = content.index(b"\0\0\1\xe0", latest)
        found.append((latest, None if packet.pos is None else latest))
    return found


def judged(case: Case, file: DecodedFile | None, truth: DecodedFile, folder: Path) -> Verdict:
    """Compare what became of a damaged file with the sound one."""
    if file is None:
        return Verdict(case, "unaccounted")
    if file.is_corrupt:
        outcome = "given up" if file.reason.startswith("its decoder") else "corrupt"
        return Verdict(case, outcome, details=file.reason)
    if file.media == IMAGE:
        warning = warning_of((folder / case.path).read_bytes()) if case.source.endswith(".jpg") else ""
        return Verdict(case, "kept", silent=int(bool(warning)), details=warning or file.reason)
    lost = lost_frames(truth.samples, file.samples)
    if case.mutation == "swapped blocks":  # frames in another order, and made from others than before, are not lost
        distinct = len({sample.pixel_hash or str(sample.frame) for sample in file.samples})
        lost = lost[: max(0, len(truth.samples) - distinct)]
    unknowable = 0
    if lost and case.source.endswith(_WITHOUT_LENGTH):
        unknowable = min(len(lost), _without_trace(folder / truth.path, folder / case.path))
    silent = max(0, len(lost) - unknowable - file.missing)
    if unknowable and not file.missing and case.mutation != "truncated":
        silent = max(1, silent)  # how many are lost cannot be known, but that some are can
    details = f"{len(file.samples)} came out, {file.missing} missing; {file.reason}"
    return Verdict(case, "kept", len(lost), unknowable, silent, details)


def _without_trace(sound: Path, damaged: Path) -> int:
    """Count the frames of which nothing is left in a damaged stream, behind all that still have a time."""
    content, rest = sound.read_bytes(), damaged.read_bytes()

    def is_left(position: int) -> bool:
        return content[position : position + _HEADER_BYTES] in rest

    places = positions_of_frames(sound)
    last = max((stamp for _, stamp in places if stamp is not None and is_left(stamp)), default=-1)
    return sum(begin > last and not is_left(begin) for begin, _ in places)


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in the main thread after some seconds."""

    def expire(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    former = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds, 5)  # again and again, since it may first meet a clean-up that waits
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def decoded(
    folder: Path, files: Sequence[tuple[str, str, int]], settings: Settings, workers: int, seconds: int
) -> tuple[dict[str, DecodedFile], str]:
    """Decode files as `clean` does.

    Args:
        folder: of raw data.
        files: path, media and declared frames of each.
        settings: of the decoders.
        workers: processes.
        seconds: that it may take; more is a hang.

    Returns:
        What became of each file; and `crash` or `hang` if that ended the whole, else nothing.
    """
    with tempfile.TemporaryDirectory() as shards:
        try:
            with time_limit(seconds):
                results = decode_all(tasks_of(sorted(files)), folder, Path(shards), settings, workers)
        except TimeoutError:
            return {}, "hang"
        except CurationError as error:
            click.echo(str(error), err=True)
            return {}, "crash"
    return {file.path: file for file in results}, ""


def run(folder: Path, images: int, videos: int, seed: int, workers: int, threshold: float) -> list[Verdict]:
    """Make, damage, decode and compare.

    Args:
        folder: an existing, empty folder for the files.
        images: damaged images to make.
        videos: likewise videos.
        seed: of everything.
        workers: processes that decode.
        threshold: share of missing frames above which a video is refused, as `clean.corruption_threshold`.

    Returns:
        One verdict for each damaged file.

    Raises:
        click.ClickException: a sound file did not come out as sound.
    """
    sound = folder / SOUND
    names = {IMAGE: write_sound_images(sound, seed), VIDEO: write_sound_videos(sound, seed)}
    cases = {
        media: write_cases(sound, folder / f"{DAMAGED}-{media}", names[media], number, seed, more)
        for media, number, more in ((IMAGE, images, list(PICTURE_DAMAGE)), (VIDEO, videos, []))
    }
    settings = _settings(threshold)
    truth = _truth(folder, names, settings, workers)
    verdicts: list[Verdict] = []
    for media in (IMAGE, VIDEO):
        for start in range(0, len(cases[media]), _BATCH):
            batch = cases[media][start : start + _BATCH]
            found, failure = decoded(
                folder, [(case.path, media, 1) for case in batch], settings, workers, _BATCH_LIMIT_S
            )
            for case in batch:
                verdict = judged(case, found.get(case.path), truth[f"{SOUND}/{case.source}"], folder)
                verdicts.append(Verdict(case, failure) if failure else verdict)
    return verdicts


def _settings(threshold: float) -> Settings:
    return Settings(
        max_pixels=10_000_000,
        proxy_size=32,
        corruption_threshold=threshold,
        decode_timeout_s=_FILE_LIMIT_S,
        decode_memory_mb=_MEMORY_MB,
    )


def judge_photographs(sources: Sequence[Path], folder: Path, seed: int, workers: int) -> list[str]:
    """Damage photographs, decode them, and print how many are refused.

    Args:
        sources: JPEG files.
        folder: for what is made of them.
        seed: of the damage.
        workers: processes that decode.

    Returns:
        What is wrong, one line a file.
    """
    found: dict[str, DecodedFile] = {}
    photographs = write_photographs(sources, folder / "photographs", seed)
    for start in range(0, len(photographs), _BATCH):
        batch = [(each.path, IMAGE, 1) for each in photographs[start : start + _BATCH]]
        found |= decoded(folder, batch, _settings(0.1), workers, _BATCH_LIMIT_S)[0]
    click.echo(f"\nDamaged photographs, {len(sources)} of each\n{refusals(photographs, found)}")
    judged_ = [(each.path, wrongly_judged(each, found.get(each.path), folder)) for each in photographs]
    return [f"{path}: {words}" for path, words in judged_ if words]


def _truth(folder: Path, names: dict[str, list[str]], settings: Settings, workers: int) -> dict[str, DecodedFile]:
    """Decode the sound files, and require that they are called sound."""
    files = [(f"{SOUND}/{name}", media, 1) for media in names for name in names[media]]
    found, failure = decoded(folder, files, settings, workers, _BATCH_LIMIT_S)
    if failure or len(found) != len(files):
        raise click.ClickException(f"the sound files did not decode: {failure}")
    wrong = [
        f"{file.path}: {file.reason or f'{len(file.samples)} frames'}"
        for file in found.values()
        if file.is_corrupt
        or file.missing
        or any(sample.fault for sample in file.samples)
        or (file.media == VIDEO and len(file.samples) not in (_FRAMES, _LARGE_FRAMES))
    ]
    if wrong:
        raise click.ClickException("sound files are called damaged:\n" + "\n".join(wrong))
    return found


def table(verdicts: Sequence[Verdict], key: Callable[[Verdict], str]) -> str:
    """Return counts as text, one line for each value of `key` and one for all."""
    outcomes = ("kept", "corrupt", "given up", "crash", "hang", "unaccounted")
    head = ("", "files", *outcomes, "frames lost", "unknowable", "silent")
    lines = ["".join(f"{title:>13}" if title else f"{'':<26}" for title in head)]
    groups = sorted({key(verdict) for verdict in verdicts})
    for name in (*groups, "all"):
        group = [verdict for verdict in verdicts if name in ("all", key(verdict))]
        counts = Counter(verdict.outcome for verdict in group)
        numbers = [len(group), *(counts[outcome] for outcome in outcomes)]
        numbers += [sum(v.lost for v in group), sum(v.unknowable for v in group), sum(v.silent > 0 for v in group)]
        lines.append(f"{name:<26}" + "".join(f"{number:>13}" for number in numbers))
    return "\n".join(lines)


def failures(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts that should not be."""
    return [verdict for verdict in verdicts if verdict.silent or verdict.outcome not in ("kept", "corrupt", "given up")]


@click.command()
@click.option("--images", default=2000, show_default=True, help="Damaged images.")
@click.option("--videos", default=500, show_default=True, help="Damaged videos.")
@click.option("--seed", default=1, show_default=True, help="Of everything.")
@click.option("--workers", default=2, show_default=True, help="Processes that decode.")
@click.option("--threshold", default=0.1, show_default=True, help="As clean.corruption_threshold.")
@click.option(
    "--photographs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of sound JPEG files, which are damaged as well.",
)
@click.option("--number", default=40, show_default=True, help="Photographs that are taken of that folder at most.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where to keep the files.")
def main(
    images: int,
    videos: int,
    seed: int,
    workers: int,
    threshold: float,
    photographs: Path | None,
    number: int,
    folder: Path | None,
) -> None:
    """Decode damaged files and print what became of them."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        verdicts = run(folder or Path(temporary), images, videos, seed, workers, threshold)
        sources = sorted(photographs.rglob("*.jpg")) if photographs else []
        step = max(1, len(sources) // max(1, number))
        wrong = judge_photographs(sources[::step][:number], Path(temporary), seed, workers) if sources else []
    for title, key in (
        ("Images by format", lambda v: v.case.source.partition("-")[2]),
        ("Images by damage", lambda v: v.case.mutation),
        ("Videos by format", lambda v: v.case.source),
        ("Videos by damage", lambda v: v.case.mutation),
    ):
        group = [v for v in verdicts if v.case.path.startswith(f"{DAMAGED}-{title[:5].lower()}")]
        if group:
            click.echo(f"\n{title}\n{table(group, key)}")
    wrong += [
        f"{verdict.case.path}: {verdict.outcome}, {verdict.silent} silently lost, {verdict.details}"
        for verdict in failures(verdicts)
    ]
    for line in wrong:
        click.echo(line)
    click.echo(f"{len(verdicts)} files, seed {seed}, {time.perf_counter() - began:.0f} s, {len(wrong)} failures")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
