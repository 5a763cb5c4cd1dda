"""Count what becomes of videos whose containers state absurd numbers: crashes, hangs, files without an outcome.

`python -m benchmarks.mutated_fields --videos 500 --seed 1`

Time stamps, time bases, durations, sizes and counts of small sound videos are set to values at and beyond the ends of
their types, one to three in a file; where the container has checksums, they are made right again. Each file is decoded
as `clean` does it. The exit status is 0 only if the run ended by itself and every file is accounted for; *given up* is
a file whose decoder crashed, stood still or wanted more memory than allowed, in a process of its own.
"""

import re
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from benchmarks.container_fields import DOUBLE, FIELDS, LITTLE, Field, written
from benchmarks.timed_decoding import decoded, outcome_of, settings_of
from curation.core.kinds import VIDEO
from tests.media_files import VIDEO_FORMATS, write_video_as

SOURCES = (
    "h264.mp4", "h264-fragmented.mp4", "mpeg4-fragmented.mp4", "hevc.mp4", "h264.mov", "mjpeg.mov", "h264.mkv",
    "vp9.mkv", "vp8.webm", "mpeg4.avi", "h264.avi", "mpeg4-b.avi", "vp8.ogv", "h264.ts", "mpeg2.ts", "hevc.ts",
    "h264.m2ts", "mpeg1.mpg", "mpeg2.mpg", "mpeg2.vob", "h264.flv", "flv1.flv", "wmv2.wmv", "msmpeg4.wmv",
)  # fmt: skip
"""Names in `VIDEO_FORMATS`."""

_FRAMES = 40
_BATCH = 100
_MOST_FIELDS = 3
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def extreme_value(field: Field, before: int, rng: np.random.Generator) -> int:
    """Return a value at or beyond an end of a field's type, or near the one that it had."""
    bits = 8 * field.length
    if field.kind == DOUBLE:
        floats = np.array([0.0, -0.0, -1.0, 1e-300, 1e300, 2.0**63, -(2.0**63), np.inf, -np.inf, np.nan])
        return int(rng.choice(floats).view(np.uint64) >> np.uint64(64 - bits))
    ends = [0, 1, 2, before - 1, before + 1, 2 * before, before << 8, before >> 1]
    for power in (7, 8, 15, 16, 24, 31, 32, 33, 62, 63, 64):
        ends += [(1 << power) - 2, (1 << power) - 1, 1 << power, (1 << power) + 1]
    ends += [int(rng.integers(0, 1 << 62)), -before]
    return ends[int(rng.integers(0, len(ends)))] & ((1 << bits) - 1)


def with_extreme_fields(content: bytes, suffix: str, rng: np.random.Generator) -> tuple[bytes, str]:
    """Return a file's content with one to three numbers changed, and what was changed."""
    fields = [field for field in FIELDS[suffix](content) if field.at + field.length <= len(content)]
    names = sorted({field.name for field in fields})
    changed, said = bytearray(content), []
    for _ in range(int(rng.integers(1, _MOST_FIELDS + 1))):
        name = names[int(rng.integers(0, len(names)))]  # rare ones as often as those of every frame
        same = [field for field in fields if field.name == name]
        field = same[int(rng.integers(0, len(same)))]
        before = bytes(changed[field.at : field.at + field.length])
        former = int.from_bytes(before, "little" if field.kind == LITTLE else "big")
        value = extreme_value(field, former, rng)
        changed[field.at : field.at + field.length] = written(field, value, before)
        said.append(f"{field.name}={value:#x}")
    return (with_checksums(changed) if suffix == ".ogv" else bytes(changed)), ", ".join(said)


def with_checksums(content: bytearray) -> bytes:
    """Return an Ogg file whose pages' checksums are right."""
    places = [match.start() for match in re.finditer(rb"OggS\x00", content)]
    for begin, end in zip(places, [*places[1:], len(content)], strict=True):
        content[begin + 22 : begin + 26] = bytes(4)
        checksum = ~zlib.crc32(bytes(content[begin:end]).translate(_REVERSED), 0xFFFFFFFF) & 0xFFFFFFFF
        content[begin + 22 : begin + 26] = int(f"{checksum:032b}"[::-1], 2).to_bytes(4, "little")
    return bytes(content)


def write_cases(folder: Path, number: int, seed: int, sources: Sequence[str] = SOURCES) -> dict[str, str]:
    """Write damaged videos into a folder; returns what was changed in each, by its name."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {}
    for place, source in enumerate(sources):
        path = write_video_as(folder / source, VIDEO_FORMATS[source], frames=_FRAMES, seed=seed + place)
        contents[source] = path.read_bytes()
        path.unlink()
    said = {}
    for index in range(number):
        source = sources[index % len(sources)]
        suffix = Path(source).suffix
        changed, what = with_extreme_fields(contents[source], suffix, np.random.default_rng((seed, index)))
        (folder / f"{index:05d}-{source}").write_bytes(changed)
        said[f"{index:05d}-{source}"] = what
    return said


def run(folder: Path, number: int, seed: int, workers: int) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Make and decode videos: all frames of some, a few a second of others.

    Args:
        folder: an existing one for the files.
        number: of videos.
        seed: of everything.
        workers: processes that decode.

    Returns:
        How many had each outcome, by format and outcome; and what should not be, in words.
    """
    said = write_cases(folder, number, seed)
    every = settings_of(0.1)
    counts: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    names = sorted(said)
    for turn, start in enumerate(range(0, len(names), _BATCH)):
        files = [(name, VIDEO, 1) for name in names[start : start + _BATCH]]
        settings = replace(every, fps=None if turn % 2 else 5.0)
        found, failure = decoded(folder, files, settings, workers)
        for name, *_ in files:
            file = found.get(name)
            outcome = failure or outcome_of(file)
            counts[name.partition("-")[2], outcome] += 1
            if outcome not in ("kept", "corrupt"):
                wrong.append(f"{name}: {outcome}; {said[name]}; {file.reason if file else ''}")
    return counts, wrong


@click.command()
@click.option("--videos", default=500, show_default=True, help="Videos to make.")
@click.option("--seed", default=1, show_default=True, help="Of everything.")
@click.option("--workers", default=2, show_default=True, help="Processes that decode.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where to keep the files.")
def main(videos: int, seed: int, workers: int, folder: Path | None) -> None:
    """Decode videos whose containers state absurd numbers, and print what became of them."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        counts, wrong = run(folder or Path(temporary), videos, seed, workers)
    outcomes = ("kept", "corrupt", "given up", "crash", "hang", "unaccounted")
    click.echo("".join(f"{title:>13}" if title else f"{'':<26}" for title in ("", *outcomes)))
    for source in SOURCES:
        click.echo(f"{source:<26}" + "".join(f"{counts[source, outcome]:>13}" for outcome in outcomes))
    for line in wrong:
        click.echo(line)
    ended = sum(counts[key] for key in counts if key[1] in ("kept", "corrupt", "given up"))
    click.echo(f"{ended} of {videos} accounted for, seed {seed}, {time.perf_counter() - began:.0f} s")
    raise SystemExit(ended != videos)


if __name__ == "__main__":
    main()
